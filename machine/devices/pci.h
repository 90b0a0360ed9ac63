/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI host bridge of the pseries board, and what every PCI function on it has.
 */
#ifndef MACHINE_DEVICES_PCI_H
#define MACHINE_DEVICES_PCI_H

#include "machine/device.h"
#include "machine/irq.h"

#define PCI_SLOTS       32
#define PCI_BARS        6
#define PCI_CONFIG_SIZE 256

/* Where the windows are in guest-physical space, and which PCI addresses they show. */
#define PCI_IO_BASE    0x200000000000ull
#define PCI_IO_SIZE    0x10000ull
#define PCI_MEM32_BASE 0x200080000000ull
#define PCI_MEM32_PCI  0x80000000ull
#define PCI_MEM32_SIZE 0x80000000ull
#define PCI_MEM64_BASE 0x210000000000ull /* shows the same PCI addresses */
#define PCI_MEM64_SIZE 0x10000000000ull

/* The I/O translation table: one 8-byte entry per 4 KiB page of a 1 GiB window at bus address 0. */
#define PCI_LIOBN         0x80000000u
#define PCI_TCE_COUNT     262144u
#define PCI_TCES_PER_CALL 512u

typedef struct {
    uint8_t config[PCI_CONFIG_SIZE];
} PciState;
extern const StateTable pci_state_table;

typedef struct {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t revision;
    uint32_t bar_size[PCI_BARS]; /* 32-bit; 0 or a power of two from 16 on */
    uint8_t io_bars;             /* a bit for each that is in I/O space; the others are memory */
} PciIdentity;

/* The PCI face of a device: wiring, but for STATE, which is part of the device's own state. */
typedef struct {
    Device *device;
    PciState *state;
    const PciIdentity *identity;
    const char *node_name; /* in the device tree */
    unsigned slot;
    Device *host; /* that it is plugged into */
    const BusOps *bar_ops[PCI_BARS];
    /* PCI addresses that the board assigns before the guest is entered; 0: the guest does. */
    uint32_t firmware_bar[PCI_BARS];
    /* The guest has written what decides where the BARs are. May be NULL. */
    void (*decode_changed)(Device *device);
    /* Whether it asserts its interrupt pin, as its state says. NULL: it never does. */
    bool (*asserts)(Device *device);
} PciFunction;

extern const DeviceClass pci_host_class;

/* Claims the three windows on BUS. */
void pci_host_map(Device *host, Bus *bus);
/* Plugs FUNCTION (the device's memory, living as long as it) into SLOT, function 0. */
void pci_host_plug(Device *host, PciFunction *function, unsigned slot);
/*
 * The bridge's four interrupt outputs, and the input for a function in SLOT: outputs are shared, so
 * one is high while any function that leads to it asserts its pin.
 */
#define PCI_INTERRUPT_LINES 4
void pci_host_connect(Device *host, const Irq line[PCI_INTERRUPT_LINES]);
Irq pci_host_interrupt(Device *host, unsigned slot);
/* What is plugged into SLOT, or NULL. */
const PciFunction *pci_host_slot(Device *host, unsigned slot);

/* Configuration space after reset; CAPABILITIES_AT is the first capability, 0: none. */
void pci_function_reset(PciFunction *function, uint8_t capabilities_at);
/* Then: assigns the addresses of firmware_bar and opens memory space. */
void pci_function_assign(PciFunction *function);
/* Where the processor sees BAR, with memory space open; false when it sees it nowhere. */
bool pci_function_bar(const PciFunction *function, unsigned bar, uint64_t *real);
/* Bus master and memory space as the guest has set them. */
bool pci_function_may_dma(const PciFunction *function);
/*
 * Reads and writes of guest memory by a bus master whose addresses go through the I/O translations.
 * False, and nothing read (DATA is zeroed) or no more written, where the guest allows none.
 */
bool pci_function_dma_read(const PciFunction *function, uint64_t address, void *data,
                           size_t length);
bool pci_function_dma_write(const PciFunction *function, uint64_t address, const void *data,
                            size_t length);

/*
 * Configuration access; ADDRESS is bus << 16 | device << 11 | function << 8 | register. SIZE is 1,
 * 2 or 4 and divides the register number. False when nothing is there.
 */
bool pci_host_config_read(Device *host, uint32_t address, unsigned size, uint32_t *value);
bool pci_host_config_write(Device *host, uint32_t address, unsigned size, uint32_t value);

/* I/O translations from bus address ADDRESS on; false when outside the window. */
bool pci_host_set_tce(Device *host, uint64_t address, uint64_t count, uint64_t value);
bool pci_host_get_tce(Device *host, uint64_t address, uint64_t *value);

/* INTx of SLOT arrives at interrupt line (0-3) of the bridge, as the device tree says. */
static inline unsigned pci_interrupt_line(unsigned slot, unsigned pin)
{
    return (slot + pin - 1) & 3;
}

#endif
