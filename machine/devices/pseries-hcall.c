/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls of the pseries board (PAPR, chapter 14). One row of the table is one call; a call that
 * has no row returns H_FUNCTION, is counted, and guests cope. Addresses in arguments are
 * guest-physical whatever mode the caller is in.
 */
#include "machine/devices/pseries.h"

#include "machine/devices/pci.h"
#include "machine/devices/vty.h"
#include "machine/devices/xics.h"
#include "machine/machine.h"

/* The virtual processor area: Linux's has 640 bytes, and may not cross a 4 KiB boundary. */
#define VPA_SIZE_MIN      640
#define VPA_LENGTH_AT     4
#define VPA_STATUS_AT     9
#define VPA_STATUS_SHARED 2

#define PROC_TABLE_MODIFY   0x10
#define PROC_TABLE_REGISTER 0x08
#define PROC_TABLE_RADIX    0x04
#define PROC_TABLE_GTSE     0x01
#define PROC_TABLE_SIZE_MAX 24

#define CHARACTER_BRANCH_HINTS         (1ull << 58)
#define BEHAVIOUR_FAVOUR_SECURITY      (1ull << 63)
#define BEHAVIOUR_NO_L1D_FLUSH_ENTRY   (1ull << 56)
#define BEHAVIOUR_NO_L1D_FLUSH_UACCESS (1ull << 55)
#define BEHAVIOUR_NO_STF_BARRIER       (1ull << 54)

#define PROCESSORS 1

static Memory *board_memory(Pseries *board)
{
    return machine_memory(board->parent.machine);
}

/* --- terminals -------------------------------------------------------------------------------- */

/* Unit 0 means the first one (early output, before the guest has read the tree). */
static Device *find_vty(Pseries *board, uint64_t unit)
{
    for (unsigned i = 0; i < board->vty_count; i++)
        if (vty_unit(board->vty[i]) == unit || unit == 0)
            return board->vty[i];
    return NULL;
}

static int64_t get_term_char(Pseries *board, Cpu *cpu)
{
    Device *vty = find_vty(board, cpu->s.gpr[4]);
    uint8_t data[VTY_CHUNK] = { 0 };
    if (!vty)
        return H_PARAMETER;
    cpu->s.gpr[4] = vty_take(vty, data);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t packed = 0;
        for (unsigned byte = 0; byte < 8; byte++)
            packed = packed << 8 | data[8 * i + byte];
        cpu->s.gpr[5 + i] = packed;
    }
    return H_SUCCESS;
}

static int64_t put_term_char(Pseries *board, Cpu *cpu)
{
    Device *vty = find_vty(board, cpu->s.gpr[4]);
    uint8_t data[VTY_CHUNK];
    if (!vty || cpu->s.gpr[5] > VTY_CHUNK)
        return H_PARAMETER;
    for (unsigned i = 0; i < VTY_CHUNK; i++)
        data[i] = (uint8_t)(cpu->s.gpr[6 + i / 8] >> (56 - 8 * (i % 8)));
    vty_send(vty, data, cpu->s.gpr[5]);
    return H_SUCCESS;
}

/* --- interrupt presentation ------------------------------------------------------------------- */

static int64_t end_of_interrupt(Pseries *board, Cpu *cpu)
{
    xics_end(board->xics, (uint32_t)cpu->s.gpr[4]);
    return H_SUCCESS;
}

static int64_t set_cppr(Pseries *board, Cpu *cpu)
{
    xics_set_cppr(board->xics, (uint8_t)cpu->s.gpr[4]);
    return H_SUCCESS;
}

static int64_t send_ipi(Pseries *board, Cpu *cpu)
{
    if (cpu->s.gpr[4] >= PROCESSORS)
        return H_PARAMETER;
    xics_set_mfrr(board->xics, (uint8_t)cpu->s.gpr[5]);
    return H_SUCCESS;
}

static int64_t poll_interrupt(Pseries *board, Cpu *cpu)
{
    uint32_t mfrr;
    if (cpu->s.gpr[4] >= PROCESSORS)
        return H_PARAMETER;
    cpu->s.gpr[4] = xics_poll(board->xics, &mfrr);
    cpu->s.gpr[5] = mfrr;
    return H_SUCCESS;
}

static int64_t accept_interrupt(Pseries *board, Cpu *cpu)
{
    cpu->s.gpr[4] = xics_accept(board->xics);
    return H_SUCCESS;
}

static int64_t accept_interrupt_timed(Pseries *board, Cpu *cpu)
{
    cpu->s.gpr[4] = xics_accept(board->xics);
    cpu->s.gpr[5] = cpu_timebase(cpu);
    return H_SUCCESS;
}

/* --- the virtual processor -------------------------------------------------------------------- */

static int64_t register_area(Pseries *board, uint64_t *area, uint64_t address, unsigned length_at,
                             unsigned length_bytes, uint64_t size_min)
{
    uint8_t raw[4];
    uint64_t length = 0;
    if (!memory_read(board_memory(board), address + length_at, raw, length_bytes))
        return H_PARAMETER;
    for (unsigned i = 0; i < length_bytes; i++)
        length = length << 8 | raw[i];
    if (address == 0 || address % 8 || length < size_min ||
        !memory_contains(board_memory(board), address, length))
        return H_PARAMETER;
    *area = address;
    return H_SUCCESS;
}

static int64_t register_vpa(Pseries *board, uint64_t address)
{
    uint8_t status;
    if (address % 4096 > 4096 - VPA_SIZE_MIN)
        return H_PARAMETER;
    int64_t result = register_area(board, &board->s.vpa, address, VPA_LENGTH_AT, 2, VPA_SIZE_MIN);
    if (result != H_SUCCESS)
        return result;
    /* "Shared processor": idle then cedes at once instead of polling. */
    memory_read(board_memory(board), address + VPA_STATUS_AT, &status, 1);
    status |= VPA_STATUS_SHARED;
    memory_write(board_memory(board), address + VPA_STATUS_AT, &status, 1);
    return H_SUCCESS;
}

static int64_t register_vpa_call(Pseries *board, Cpu *cpu)
{
    PseriesState *s = &board->s;
    uint64_t address = cpu->s.gpr[6];
    if (cpu->s.gpr[5] >= PROCESSORS)
        return H_PARAMETER;
    switch (cpu->s.gpr[4] >> 45) {
    case 1: return register_vpa(board, address);
    case 2: return s->vpa ? register_area(board, &s->dispatch_log, address, 4, 4, 48) : H_RESOURCE;
    case 3: return s->vpa ? register_area(board, &s->slb_shadow, address, 4, 4, 8) : H_RESOURCE;
    case 5:
        if (s->dispatch_log || s->slb_shadow)
            return H_RESOURCE;
        s->vpa = 0;
        return H_SUCCESS;
    case 6: s->dispatch_log = 0; return H_SUCCESS;
    case 7: s->slb_shadow = 0; return H_SUCCESS;
    default: return H_PARAMETER;
    }
}

/* Sleeps until an interrupt; the boundary after the call sees one that is already pending. */
static int64_t cede(Pseries *board, Cpu *cpu)
{
    cpu->s.msr |= MSR_EE;
    if (board->s.is_prodded)
        board->s.is_prodded = 0;
    else
        cpu->s.halted = 1;
    return H_SUCCESS;
}

static int64_t confer(Pseries *board, Cpu *cpu)
{
    return H_SUCCESS; /* nobody else to run */
}

static int64_t prod(Pseries *board, Cpu *cpu)
{
    if (cpu->s.gpr[4] >= PROCESSORS)
        return H_PARAMETER;
    board->s.is_prodded = 1;
    return H_SUCCESS;
}

static int64_t signal_system_reset(Pseries *board, Cpu *cpu)
{
    int64_t target = (int64_t)cpu->s.gpr[4];
    if (target < -2 || target >= PROCESSORS)
        return H_PARAMETER;
    if (target != -2)
        cpu->s.reset_pending = 1;
    return H_SUCCESS;
}

static int64_t set_interrupt_endian(Cpu *cpu)
{
    if (cpu->s.gpr[4] > 1)
        return H_PARAMETER;
    cpu->s.spr[SPR_LPCR] &= ~LPCR_ILE;
    if (cpu->s.gpr[4])
        cpu->s.spr[SPR_LPCR] |= LPCR_ILE;
    return H_SUCCESS;
}

static int64_t set_interrupt_location(Cpu *cpu)
{
    if (cpu->s.gpr[4] != 0 && cpu->s.gpr[4] != 3)
        return H_PARAMETER;
    cpu->s.spr[SPR_LPCR] = (cpu->s.spr[SPR_LPCR] & ~LPCR_AIL) | cpu->s.gpr[4] << LPCR_AIL_SHIFT;
    return H_SUCCESS;
}

static int64_t set_mode(Pseries *board, Cpu *cpu)
{
    uint64_t resource = cpu->s.gpr[5];
    if (resource != 3 && resource != 4)
        return H_P2; /* breakpoint registers are not offered */
    if (cpu->s.gpr[6])
        return H_P3;
    if (cpu->s.gpr[7])
        return H_P4;
    int64_t result = resource == 4 ? set_interrupt_endian(cpu) : set_interrupt_location(cpu);
    cpu_mode_changed(cpu);
    return result;
}

/*
 * The guest hands over its process table (radix only). The partition table of a real machine would
 * hold its address; here PTCR does, with the size code (log2 of the bytes, less 12) in the low
 * bits.
 */
static int64_t register_process_table(Pseries *board, Cpu *cpu)
{
    uint64_t flags = cpu->s.gpr[4], table = cpu->s.gpr[5], size = cpu->s.gpr[7];
    if (flags & ~0x1full)
        return H_PARAMETER;
    if (!(flags & PROC_TABLE_MODIFY))
        return H_SUCCESS;
    if (!(flags & PROC_TABLE_REGISTER)) {
        table = size = 0;
    } else {
        if (!(flags & PROC_TABLE_RADIX))
            return H_PARAMETER;
        if (size > PROC_TABLE_SIZE_MAX)
            return H_P4;
        if (table % 4096 || !memory_contains(board_memory(board), table, 4096ull << size))
            return H_P2;
    }
    cpu->s.spr[SPR_PTCR] = table | size;
    cpu->s.spr[SPR_LPCR] |= LPCR_HR | LPCR_UPRT;
    cpu->s.spr[SPR_LPCR] &= ~LPCR_GTSE;
    if (flags & PROC_TABLE_GTSE)
        cpu->s.spr[SPR_LPCR] |= LPCR_GTSE;
    cpu_mode_changed(cpu);
    return H_SUCCESS;
}

/*
 * What a guest should do against side channels of its processor. This one executes nothing
 * speculatively on the guest's behalf, so the costly flushes at each kernel entry are not needed.
 */
static int64_t get_cpu_characteristics(Pseries *board, Cpu *cpu)
{
    cpu->s.gpr[4] = CHARACTER_BRANCH_HINTS;
    cpu->s.gpr[5] = BEHAVIOUR_FAVOUR_SECURITY | BEHAVIOUR_NO_L1D_FLUSH_ENTRY |
                    BEHAVIOUR_NO_L1D_FLUSH_UACCESS | BEHAVIOUR_NO_STF_BARRIER;
    return H_SUCCESS;
}

static int64_t random_call(Pseries *board, Cpu *cpu)
{
    machine_random(board->parent.machine, &cpu->s.gpr[4], sizeof cpu->s.gpr[4]);
    cpu->s.gpr[4] = GUINT64_FROM_BE(cpu->s.gpr[4]);
    return H_SUCCESS;
}

/* --- I/O translation tables ------------------------------------------------------------------- */

static int64_t put_tce(Pseries *board, Cpu *cpu)
{
    bool ok =
        cpu->s.gpr[4] == PCI_LIOBN && pci_host_set_tce(board->pci, cpu->s.gpr[5], 1, cpu->s.gpr[6]);
    return ok ? H_SUCCESS : H_PARAMETER;
}

static int64_t get_tce(Pseries *board, Cpu *cpu)
{
    uint64_t value;
    if (cpu->s.gpr[4] != PCI_LIOBN || !pci_host_get_tce(board->pci, cpu->s.gpr[5], &value))
        return H_PARAMETER;
    cpu->s.gpr[4] = value;
    return H_SUCCESS;
}

static int64_t stuff_tce(Pseries *board, Cpu *cpu)
{
    bool ok = cpu->s.gpr[4] == PCI_LIOBN && cpu->s.gpr[7] <= PCI_TCES_PER_CALL &&
              pci_host_set_tce(board->pci, cpu->s.gpr[5], cpu->s.gpr[7], cpu->s.gpr[6]);
    return ok ? H_SUCCESS : H_PARAMETER;
}

static int64_t put_tce_indirect(Pseries *board, Cpu *cpu)
{
    uint64_t list = cpu->s.gpr[6], count = cpu->s.gpr[7];
    if (cpu->s.gpr[4] != PCI_LIOBN || count > PCI_TCES_PER_CALL || list % 4096 ||
        !memory_contains(board_memory(board), list, count * 8))
        return H_PARAMETER;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value;
        memory_read_be64(board_memory(board), list + 8 * i, &value);
        if (!pci_host_set_tce(board->pci, cpu->s.gpr[5] + 4096 * i, 1, value))
            return H_PARAMETER;
    }
    return H_SUCCESS;
}

static int64_t rtas(Pseries *board, Cpu *cpu)
{
    return pseries_rtas(board, cpu->s.gpr[4]);
}

/* In order of opcode. */
static const Hypercall hypercalls[] = {
    { 0x1c, "H_GET_TCE", get_tce, "reads one I/O translation" },
    { 0x20, "H_PUT_TCE", put_tce, "sets one I/O translation" },
    { 0x54, "H_GET_TERM_CHAR", get_term_char, "takes up to 16 characters from a terminal" },
    { 0x58, "H_PUT_TERM_CHAR", put_term_char, "sends up to 16 characters to a terminal" },
    { 0x64, "H_EOI", end_of_interrupt, "ends an interrupt and restores the priority" },
    { 0x68, "H_CPPR", set_cppr, "sets the processor's priority" },
    { 0x6c, "H_IPI", send_ipi, "sets the priority of the inter-processor interrupt" },
    { 0x70, "H_IPOLL", poll_interrupt, "shows the waiting interrupt without accepting it" },
    { 0x74, "H_XIRR", accept_interrupt, "accepts the most favoured interrupt" },
    { 0xdc, "H_REGISTER_VPA", register_vpa_call, "registers areas shared with the hypervisor" },
    { 0xe0, "H_CEDE", cede, "enables interrupts and sleeps until one comes" },
    { 0xe4, "H_CONFER", confer, "gives the processor's time to another" },
    { 0xe8, "H_PROD", prod, "wakes a ceded processor" },
    { 0x138, "H_STUFF_TCE", stuff_tce, "sets a range of I/O translations to one value" },
    { 0x13c, "H_PUT_TCE_INDIRECT", put_tce_indirect, "sets I/O translations from a list" },
    { 0x1c8, "H_GET_CPU_CHARACTERISTICS", get_cpu_characteristics, "speculation properties" },
    { 0x2fc, "H_XIRR_X", accept_interrupt_timed, "as H_XIRR, with the time base" },
    { 0x300, "H_RANDOM", random_call, "64 random bits from the host" },
    { 0x31c, "H_SET_MODE", set_mode, "interrupt byte order and location" },
    { 0x37c, "H_REGISTER_PROC_TBL", register_process_table, "hands over the process table" },
    { 0x380, "H_SIGNAL_SYS_RESET", signal_system_reset, "system reset interrupt to processors" },
    { 0xf000, "RTAS", rtas, "performs an RTAS call" },
};

const Hypercall *pseries_hypercalls(unsigned *count)
{
    *count = G_N_ELEMENTS(hypercalls);
    return hypercalls;
}

static const Hypercall *find_hypercall(uint64_t opcode)
{
    unsigned low = 0, high = G_N_ELEMENTS(hypercalls);
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (hypercalls[middle].opcode == opcode)
            return &hypercalls[middle];
        if (hypercalls[middle].opcode < opcode)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static ExecStatus hypercall(void *opaque, Cpu *cpu)
{
    Pseries *board = opaque;
    const Hypercall *row = find_hypercall(cpu->s.gpr[3]);
    if (cpu->s.msr & MSR_PR) {
        cpu->s.gpr[3] = (uint64_t)(int64_t)H_PRIVILEGE;
        return EXEC_NEXT;
    }
    if (!row)
        device_note_unknown(&board->parent, "hypercall", cpu->s.gpr[3]);
    cpu->s.gpr[3] = (uint64_t)(row ? row->call(board, cpu) : H_FUNCTION);
    return EXEC_BOUNDARY;
}

/* `darn` belongs to POWER9 with or without a random device in the machine. */
static bool random_bits(void *opaque, Cpu *cpu, uint64_t *value)
{
    uint8_t bytes[8];
    *value = 0;
    machine_random(((Pseries *)opaque)->parent.machine, bytes, sizeof bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        *value = *value << 8 | bytes[i];
    return true;
}

const CpuBoard pseries_cpu_board = {
    .hypercall = hypercall,
    .random = random_bits,
};

static const StateTable pseries_state = {
    "pseries-hypervisor", 2, sizeof(PseriesState),
    (const StateField[]){
        STATE_FIELD(PseriesState, vpa, "virtual processor area, guest-physical, 0: none"),
        STATE_FIELD(PseriesState, dispatch_log, "dispatch trace log, guest-physical, 0: none"),
        STATE_FIELD(PseriesState, slb_shadow, "SLB shadow buffer, guest-physical, 0: none"),
        STATE_FIELD(PseriesState, rtc_offset_s, "added to the date by set-time-of-day, seconds"),
        STATE_FIELD_MAX(PseriesState, is_prodded, 1, "an H_PROD that the next H_CEDE consumes"),
        STATE_FIELD_MAX(PseriesState, power_is_pressed, 1,
                        "the power button, and the guest has not fetched the report"),
        STATE_DONE }
};

const DeviceClass pseries_class = {
    .name = "pseries-hypervisor",
    .behaviour_version = 3,
    .size = sizeof(Pseries),
    .state = &pseries_state,
    .state_offset = offsetof(Pseries, s),
};
