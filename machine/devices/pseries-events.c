/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pseries board's power button: an event that the guest is interrupted for and fetches (PAPR,
 * chapters on event reporting and on the format of error and event logs, version 6).
 *
 * Pressing raises an edge on the source that the device tree names under
 * /event-sources/epow-events. The guest's handler asks get-sensor-state how urgent it is, and
 * check-exception for the report: an environment and power warning (EPOW) that asks for a shutdown
 * in good order.
 *
 * 1. A press stays until a check-exception has delivered it: one that comes too early, or names a
 * bad buffer, loses nothing. Pressing again changes nothing then.
 * 2. event-scan never has anything: what it would report is all reported by interrupt.
 */
#include "machine/devices/pseries.h"

#include "machine/devices/xics.h"
#include "machine/machine.h"

#define EXTERNAL_INTERRUPT 0x500      /* the vector offset that check-exception is told */
#define CLASS_EPOW         0x40000000 /* in masks of event classes */

#define SENSOR_EPOW         9
#define STATE_NONE          0
#define STATE_SHUTDOWN      3 /* "system shutdown": also the action code of the report */
#define MODIFIER_NORMAL     1 /* nothing is wrong: someone wants it off */
#define TYPE_EPOW           0x40
#define FORMAT_PLATFORM_LOG 0x0e

/* The report: a header, its extension, and sections that begin with a name and their length. */
#define AT_EXTENSION  8
#define AT_MAIN_A     (AT_EXTENSION + 16)
#define MAIN_A_LENGTH 48
#define AT_MAIN_B     (AT_MAIN_A + MAIN_A_LENGTH)
#define MAIN_B_LENGTH 24
#define AT_EPOW       (AT_MAIN_B + MAIN_B_LENGTH)
#define EPOW_LENGTH   20
#define REPORT_LENGTH (AT_EPOW + EPOW_LENGTH)

static void put_section(uint8_t *at, const char *name, uint8_t length)
{
    at[0] = (uint8_t)name[0];
    at[1] = (uint8_t)name[1];
    at[3] = length;
    at[4] = 1; /* version */
}

static void make_report(uint8_t *report)
{
    memset(report, 0, REPORT_LENGTH);
    report[0] = 6;               /* version */
    report[1] = 1 << 5 | 1 << 2; /* severity: an event; extended */
    report[3] = TYPE_EPOW;
    report[7] = REPORT_LENGTH - AT_EXTENSION;
    report[AT_EXTENSION] = 0x80;                           /* valid */
    report[AT_EXTENSION + 2] = 0x80 | FORMAT_PLATFORM_LOG; /* big-endian */
    memcpy(report + AT_EXTENSION + 12, "IBM", 4);
    put_section(report + AT_MAIN_A, "PH", MAIN_A_LENGTH);
    report[AT_MAIN_A + 24] = 'H'; /* who reports: the hypervisor */
    report[AT_MAIN_A + 27] = 3;   /* sections */
    put_section(report + AT_MAIN_B, "UH", MAIN_B_LENGTH);
    put_section(report + AT_EPOW, "EP", EPOW_LENGTH);
    report[AT_EPOW + 8] = STATE_SHUTDOWN;
    report[AT_EPOW + 9] = MODIFIER_NORMAL;
    report[AT_EPOW + 10] = 1; /* concerns this partition alone */
}

int32_t pseries_check_exception(Pseries *board, RtasBlock *block)
{
    uint8_t report[REPORT_LENGTH];
    const uint32_t *args = block->args;
    if (args[0] != EXTERNAL_INTERRUPT || args[1] != XICS_SOURCE_EVENTS || !(args[2] & CLASS_EPOW) ||
        !board->s.power_is_pressed)
        return RTAS_NOTHING_FOUND;
    make_report(report);
    if (!memory_write(machine_memory(board->parent.machine), args[4], report,
                      MIN(args[5], REPORT_LENGTH)))
        return RTAS_PARAMETER;
    board->s.power_is_pressed = 0;
    return RTAS_SUCCESS;
}

int32_t pseries_event_scan(Pseries *board, RtasBlock *block)
{
    return RTAS_NOTHING_FOUND;
}

int32_t pseries_get_sensor_state(Pseries *board, RtasBlock *block)
{
    if (block->args[0] != SENSOR_EPOW || block->args[1] != 0)
        return RTAS_PARAMETER;
    block->rets[1] = board->s.power_is_pressed ? STATE_SHUTDOWN : STATE_NONE;
    return RTAS_SUCCESS;
}

void pseries_press_power_button(Pseries *board)
{
    board->s.power_is_pressed = 1;
    irq_set(&board->events, true); /* an edge */
    irq_set(&board->events, false);
}
