/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor side of the pseries board: hypercalls, and the RTAS calls that arrive through one.
 */
#ifndef MACHINE_DEVICES_PSERIES_H
#define MACHINE_DEVICES_PSERIES_H

#include "machine/cpu/board-hooks.h"
#include "machine/device.h"
#include "machine/irq.h"

#define PSERIES_VTY_MAX 4
#define PSERIES_BUID    0x800000020000000ull /* the PCI host bridge, for RTAS */

/* Results of hypercalls (PAPR, 14.5.2). */
typedef enum {
    H_SUCCESS = 0,
    H_HARDWARE = -1,
    H_FUNCTION = -2,
    H_PRIVILEGE = -3,
    H_PARAMETER = -4,
    H_RESOURCE = -16,
    H_P2 = -55,
    H_P3 = -56,
    H_P4 = -57,
} HypercallResult;

typedef struct {
    uint64_t vpa; /* registered areas, guest-physical, 0: none */
    uint64_t dispatch_log;
    uint64_t slb_shadow;
    uint64_t rtc_offset_s; /* what set-time-of-day added to the board's clock, two's complement */
    uint64_t is_prodded;   /* an H_PROD that the next H_CEDE consumes */
    uint64_t power_is_pressed; /* the power button, and the guest has not fetched the report */
} PseriesState;

typedef struct {
    Device parent;
    PseriesState s;
    Cpu *cpu;
    Device *xics;
    Device *pci;
    Device *display; /* or NULL */
    Device *vty[PSERIES_VTY_MAX];
    unsigned vty_count;
    Irq events; /* power events */
} Pseries;

extern const DeviceClass pseries_class;
extern const CpuBoard pseries_cpu_board; /* its opaque is the Pseries */

/* One hypercall: arguments from r4 on, results to r4 and on; the return value goes to r3. */
typedef struct {
    uint32_t opcode;
    const char *name;
    int64_t (*call)(Pseries *board, Cpu *cpu);
    const char *meaning;
} Hypercall;
const Hypercall *pseries_hypercalls(unsigned *count);

/* An RTAS call's argument block, copied in; results are copied out when it returns. */
#define RTAS_ARGS_MAX 16
typedef struct {
    uint32_t args[RTAS_ARGS_MAX];
    uint32_t rets[RTAS_ARGS_MAX]; /* rets[0], the status, is the return value of the call */
} RtasBlock;

typedef struct {
    uint32_t token;
    const char *name; /* of the property under /rtas that publishes the token */
    uint32_t arg_count, ret_count;
    int32_t (*call)(Pseries *board, RtasBlock *block);
    const char *meaning;
} RtasCall;
const RtasCall *pseries_rtas_calls(unsigned *count);

/* Results of RTAS calls (PAPR, 7.2.8). */
enum {
    RTAS_SUCCESS = 0,
    RTAS_NOTHING_FOUND = 1,
    RTAS_HARDWARE = -1,
    RTAS_PARAMETER = -3,
};

/* RTAS calls that report events, and the one event there is (pseries-events.c). */
int32_t pseries_check_exception(Pseries *board, RtasBlock *block);
int32_t pseries_event_scan(Pseries *board, RtasBlock *block);
int32_t pseries_get_sensor_state(Pseries *board, RtasBlock *block);
void pseries_press_power_button(Pseries *board);
/* For the device tree: the most bytes that a report takes. */
#define PSERIES_REPORT_MAX 2048

/* The RTAS hypercall: performs the call whose argument block is at guest-physical ADDRESS. */
int64_t pseries_rtas(Pseries *board, uint64_t address);

#endif
