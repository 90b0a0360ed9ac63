/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTAS calls of the pseries board (PAPR, chapter 7). The guest runs a five-word blob that turns the
 * call into a hypercall; its argument block is big-endian words in RAM: token, number of arguments,
 * number of results, arguments, results. Tokens are free numbers that the device tree publishes.
 *
 * 1. The block is copied in, checked, and only then acted upon; results are copied out at the end.
 * 2. An unknown token, or a call with too few arguments, returns -3 and is counted, never more.
 */
#include "machine/devices/pseries.h"

#include "machine/devices/pci.h"
#include "machine/devices/vty.h"
#include "machine/devices/xics.h"
#include "machine/machine.h"

#define BLOCK_HEADER            12
#define NS_PER_SECOND           1000000000
#define SYSTEM_PARAMETER_SPLPAR 20
#define CPU_STATE_RUNNING       2

/* --- console and power ------------------------------------------------------------------------ */

static int32_t display_character(Pseries *board, RtasBlock *block)
{
    uint8_t character = (uint8_t)block->args[0];
    if (!board->vty_count)
        return RTAS_HARDWARE;
    vty_send(board->vty[0], &character, 1);
    return RTAS_SUCCESS;
}

static int32_t power_off(Pseries *board, RtasBlock *block)
{
    machine_request_shutdown(board->parent.machine, SHUTDOWN_GUEST_SHUTDOWN);
    return RTAS_SUCCESS;
}

static int32_t system_reboot(Pseries *board, RtasBlock *block)
{
    machine_request_shutdown(board->parent.machine, SHUTDOWN_GUEST_RESET);
    return RTAS_SUCCESS;
}

static int32_t os_term(Pseries *board, RtasBlock *block)
{
    machine_request_shutdown(board->parent.machine, SHUTDOWN_GUEST_PANIC);
    return RTAS_SUCCESS;
}

/* --- the date --------------------------------------------------------------------------------- */

/* Days from 1970-01-01 to a date of the Gregorian calendar; months count from March inside. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t of_era = shifted - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (uint32_t)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (uint32_t)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (uint32_t)(years + era * 400 + (*month <= 2));
}

/* What the board's clock shows without the guest's correction, in ns since 1970 UTC. */
static int64_t board_clock_ns(Pseries *board)
{
    Machine *machine = board->parent.machine;
    const ConfigClock *clock = &machine_config(machine)->clock;
    if (clock->rtc_is_host)
        return machine_host_clock_ns(machine);
    return clock->rtc_epoch_sec * NS_PER_SECOND + (int64_t)machine_now_ns(machine);
}

/* Floor division of possibly negative times. */
static int64_t seconds_from_ns(int64_t ns)
{
    return ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
}

static int32_t get_time_of_day(Pseries *board, RtasBlock *block)
{
    int64_t ns = board_clock_ns(board);
    int64_t seconds = seconds_from_ns(ns) + (int64_t)board->s.rtc_offset_s;
    int64_t days = seconds / 86400 - (seconds % 86400 < 0);
    uint32_t of_day = (uint32_t)(seconds - days * 86400);
    date_from_days(days, &block->rets[1], &block->rets[2], &block->rets[3]);
    block->rets[4] = of_day / 3600;
    block->rets[5] = of_day / 60 % 60;
    block->rets[6] = of_day % 60;
    block->rets[7] = (uint32_t)(ns - seconds_from_ns(ns) * NS_PER_SECOND);
    return RTAS_SUCCESS;
}

static int32_t set_time_of_day(Pseries *board, RtasBlock *block)
{
    const uint32_t *args = block->args;
    if (args[0] < 1 || args[0] > 9999 || args[1] < 1 || args[1] > 12 || args[2] < 1 ||
        args[2] > 31 || args[3] > 23 || args[4] > 59 || args[5] > 59)
        return RTAS_PARAMETER;
    int64_t wanted =
        days_from_date(args[0], args[1], args[2]) * 86400 + args[3] * 3600 + args[4] * 60 + args[5];
    board->s.rtc_offset_s = (uint64_t)(wanted - seconds_from_ns(board_clock_ns(board)));
    return RTAS_SUCCESS;
}

/* --- PCI configuration ------------------------------------------------------------------------ */

static int32_t read_config(Pseries *board, RtasBlock *block, uint32_t size)
{
    uint32_t address = block->args[0];
    block->rets[1] = UINT32_MAX;
    if ((size != 1 && size != 2 && size != 4) || address % size || !board->pci)
        return RTAS_PARAMETER;
    return pci_host_config_read(board->pci, address, size, &block->rets[1]) ? RTAS_SUCCESS
                                                                            : RTAS_HARDWARE;
}

static int32_t write_config(Pseries *board, RtasBlock *block, uint32_t size, uint32_t value)
{
    uint32_t address = block->args[0];
    if ((size != 1 && size != 2 && size != 4) || address % size || !board->pci)
        return RTAS_PARAMETER;
    return pci_host_config_write(board->pci, address, size, value) ? RTAS_SUCCESS : RTAS_HARDWARE;
}

static bool buid_is_ours(const RtasBlock *block)
{
    return ((uint64_t)block->args[1] << 32 | block->args[2]) == PSERIES_BUID;
}

static int32_t read_pci_config(Pseries *board, RtasBlock *block)
{
    return read_config(board, block, block->args[1]);
}

static int32_t write_pci_config(Pseries *board, RtasBlock *block)
{
    return write_config(board, block, block->args[1], block->args[2]);
}

static int32_t ibm_read_pci_config(Pseries *board, RtasBlock *block)
{
    block->rets[1] = UINT32_MAX;
    return buid_is_ours(block) ? read_config(board, block, block->args[3]) : RTAS_PARAMETER;
}

static int32_t ibm_write_pci_config(Pseries *board, RtasBlock *block)
{
    return buid_is_ours(block) ? write_config(board, block, block->args[3], block->args[4])
                               : RTAS_PARAMETER;
}

/* --- interrupt sources ------------------------------------------------------------------------ */

static int32_t set_xive(Pseries *board, RtasBlock *block)
{
    if (block->args[1] != 0 || block->args[2] > XICS_PRIORITY_MASKED)
        return RTAS_PARAMETER;
    return xics_set_source(board->xics, block->args[0], (uint8_t)block->args[2]) ? RTAS_SUCCESS
                                                                                 : RTAS_PARAMETER;
}

static int32_t get_xive(Pseries *board, RtasBlock *block)
{
    uint8_t priority;
    if (!xics_get_source(board->xics, block->args[0], &priority))
        return RTAS_PARAMETER;
    block->rets[1] = 0;
    block->rets[2] = priority;
    return RTAS_SUCCESS;
}

static int32_t int_off(Pseries *board, RtasBlock *block)
{
    return xics_mask_source(board->xics, block->args[0], true) ? RTAS_SUCCESS : RTAS_PARAMETER;
}

static int32_t int_on(Pseries *board, RtasBlock *block)
{
    return xics_mask_source(board->xics, block->args[0], false) ? RTAS_SUCCESS : RTAS_PARAMETER;
}

/* --- processors and system parameters --------------------------------------------------------- */

static int32_t query_cpu_stopped_state(Pseries *board, RtasBlock *block)
{
    if (block->args[0] != 0)
        return RTAS_PARAMETER;
    block->rets[1] = CPU_STATE_RUNNING;
    return RTAS_SUCCESS;
}

/* The answer is a big-endian 16-bit length (with the final NUL) and the text, cut to the buffer. */
static int32_t get_system_parameter(Pseries *board, RtasBlock *block)
{
    Machine *machine = board->parent.machine;
    uint64_t buffer = block->args[1];
    if (block->args[0] != SYSTEM_PARAMETER_SPLPAR)
        return RTAS_PARAMETER;
    g_autofree char *text =
        g_strdup_printf("MaxEntCap=1,DesMem=%" G_GUINT64_FORMAT ",DesProcs=1,MaxPlatProcs=1",
                        machine_config(machine)->memory_bytes >> 20);
    uint16_t length = (uint16_t)(strlen(text) + 1);
    uint16_t stored = GUINT16_TO_BE(length);
    if (block->args[2] < sizeof stored)
        return RTAS_PARAMETER;
    uint32_t shown = MIN(length, block->args[2] - (uint32_t)sizeof stored);
    if (!memory_contains(machine_memory(machine), buffer, sizeof stored + shown))
        return RTAS_PARAMETER;
    memory_write(machine_memory(machine), buffer, &stored, sizeof stored);
    memory_write(machine_memory(machine), buffer + sizeof stored, text, shown);
    return RTAS_SUCCESS;
}

/* In order of token, without gaps beyond those of calls that are not offered. */
static const RtasCall rtas_calls[] = {
    { 0x2000, "display-character", 1, 1, display_character, "early console output" },
    { 0x2001, "get-time-of-day", 0, 8, get_time_of_day, "the date, UTC" },
    { 0x2002, "set-time-of-day", 7, 1, set_time_of_day, "sets the date, UTC" },
    { 0x2003, "power-off", 2, 1, power_off, "switches the machine off" },
    { 0x2004, "system-reboot", 0, 1, system_reboot, "resets the machine" },
    { 0x2005, "query-cpu-stopped-state", 1, 2, query_cpu_stopped_state, "is a processor running" },
    { 0x2006, "check-exception", 6, 1, pseries_check_exception, "fetches an event's report" },
    { 0x2007, "event-scan", 4, 1, pseries_event_scan, "reports that come without interrupt" },
    { 0x2008, "ibm,get-system-parameter", 3, 1, get_system_parameter, "partition facts as text" },
    { 0x2009, "get-sensor-state", 2, 2, pseries_get_sensor_state, "is a power event waiting" },
    { 0x200a, "ibm,set-xive", 3, 1, set_xive, "target and priority of an interrupt source" },
    { 0x200b, "ibm,get-xive", 1, 3, get_xive, "reads what ibm,set-xive set" },
    { 0x200c, "ibm,int-off", 1, 1, int_off, "masks a source" },
    { 0x200d, "ibm,int-on", 1, 1, int_on, "unmasks a source" },
    { 0x2014, "read-pci-config", 2, 2, read_pci_config, "configuration read, first bridge" },
    { 0x2015, "write-pci-config", 3, 1, write_pci_config, "configuration write, first bridge" },
    { 0x2016, "ibm,read-pci-config", 4, 2, ibm_read_pci_config, "configuration read" },
    { 0x2017, "ibm,write-pci-config", 5, 1, ibm_write_pci_config, "configuration write" },
    { 0x201f, "ibm,os-term", 1, 1, os_term, "the operating system has panicked" },
};

const RtasCall *pseries_rtas_calls(unsigned *count)
{
    *count = G_N_ELEMENTS(rtas_calls);
    return rtas_calls;
}

static const RtasCall *find_call(uint32_t token)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rtas_calls); i++)
        if (rtas_calls[i].token == token)
            return &rtas_calls[i];
    return NULL;
}

static int32_t perform(Pseries *board, uint32_t token, uint32_t arg_count, uint32_t ret_count,
                       RtasBlock *block)
{
    const RtasCall *row = find_call(token);
    if (!row) {
        device_note_unknown(&board->parent, "RTAS token", token);
        return RTAS_PARAMETER;
    }
    if (arg_count < row->arg_count || ret_count < MIN(row->ret_count, 7)) {
        device_note_unknown(&board->parent, "RTAS argument count", token);
        return RTAS_PARAMETER;
    }
    return row->call(board, block);
}

int64_t pseries_rtas(Pseries *board, uint64_t address)
{
    Memory *memory = machine_memory(board->parent.machine);
    uint32_t header[3];
    RtasBlock block = { { 0 }, { 0 } };
    for (unsigned i = 0; i < 3; i++)
        if (!memory_read_be32(memory, address + 4 * i, &header[i]))
            return H_PARAMETER;
    uint32_t arg_count = header[1], ret_count = header[2];
    if (arg_count > RTAS_ARGS_MAX || ret_count > RTAS_ARGS_MAX ||
        !memory_contains(memory, address, BLOCK_HEADER + 4 * (arg_count + ret_count))) {
        device_note_unknown(&board->parent, "RTAS argument block", address);
        return H_PARAMETER;
    }
    for (unsigned i = 0; i < arg_count; i++)
        memory_read_be32(memory, address + BLOCK_HEADER + 4 * i, &block.args[i]);
    block.rets[0] = (uint32_t)perform(board, header[0], arg_count, ret_count, &block);
    for (unsigned i = 0; i < ret_count; i++)
        memory_write_be32(memory, address + BLOCK_HEADER + 4 * (arg_count + i), block.rets[i]);
    return H_SUCCESS;
}
