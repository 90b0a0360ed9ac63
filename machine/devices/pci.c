/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI host bridge: one bus, 32 slots, one function each; configuration space by RTAS, BARs inside
 * three windows, and the table that translates bus addresses for DMA masters that use it.
 *
 * The bridge claims the whole windows once and decodes BARs at each access from the functions'
 * configuration bytes, so no mapping has to follow BAR writes, resets or loads.
 *
 * 1. Configuration bytes change by guest writes only under the write mask of the header.
 * 2. What nobody decodes reads as all ones; a configuration read of an empty slot fails.
 * 3. An interrupt output is high while one of the functions that share it asserts its pin: worked
 *    out from their states when one of them changes, so it is no state of the bridge.
 */
#include "machine/devices/pci.h"

#include "machine/le.h"
#include "machine/machine.h"

#define REG_VENDOR           0x00
#define REG_DEVICE           0x02
#define REG_COMMAND          0x04
#define REG_STATUS           0x06
#define REG_REVISION         0x08
#define REG_CLASS            0x09
#define REG_CACHE_LINE       0x0c
#define REG_LATENCY          0x0d
#define REG_BAR              0x10
#define REG_SUBSYSTEM_VENDOR 0x2c
#define REG_SUBSYSTEM        0x2e
#define REG_CAPABILITIES     0x34
#define REG_INTERRUPT_LINE   0x3c
#define REG_INTERRUPT_PIN    0x3d

#define COMMAND_IO          0x0001
#define COMMAND_MEMORY      0x0002
#define COMMAND_MASTER      0x0004
#define COMMAND_WRITABLE    0x0146 /* memory, master, parity, SERR; INTx disable is not offered */
#define STATUS_CAPABILITIES 0x10
#define BAR_IS_IO           0x01

/* An entry of the translation table: the page's address, and what a bus master may do there. */
#define TCE_READ  0x1ull
#define TCE_WRITE 0x2ull
#define TCE_SIZE  4096u

#define TCES_PER_PAGE 512
#define TCE_PAGES     (PCI_TCE_COUNT / TCES_PER_PAGE)

typedef struct {
    uint8_t tce_page_used[TCE_PAGES / 8]; /* bitmap: which pages of the table are stored */
} PciHostState;

typedef struct {
    Device parent;
    PciHostState s;
    PciFunction *slot[PCI_SLOTS];
    Irq line[PCI_INTERRUPT_LINES];
    uint64_t *tce_page[TCE_PAGES]; /* NULL: all entries are 0. State, saved by pci_host_save_more */
} PciHost;

static const StateTable pci_host_state = {
    "pci-host", 1, sizeof(PciHostState),
    (const StateField[]){
        STATE_BYTES(PciHostState, tce_page_used, "which 512-entry parts of the table follow"),
        STATE_DONE }
};

const StateTable pci_state_table = {
    "pci-function", 1, sizeof(PciState),
    (const StateField[]){ STATE_BYTES(PciState, config, "configuration space"), STATE_DONE }
};

/* --- functions -------------------------------------------------------------------------------- */

static bool is_io(const PciIdentity *identity, unsigned bar)
{
    return identity->io_bars >> bar & 1;
}

void pci_function_reset(PciFunction *function, uint8_t capabilities_at)
{
    const PciIdentity *identity = function->identity;
    uint8_t *config = function->state->config;
    memset(config, 0, PCI_CONFIG_SIZE);
    le_put(config + REG_VENDOR, 2, identity->vendor);
    le_put(config + REG_DEVICE, 2, identity->device);
    le_put(config + REG_STATUS, 2, capabilities_at ? STATUS_CAPABILITIES : 0);
    config[REG_REVISION] = identity->revision;
    le_put(config + REG_CLASS, 3, identity->class_code);
    le_put(config + REG_SUBSYSTEM_VENDOR, 2, identity->subsystem_vendor);
    le_put(config + REG_SUBSYSTEM, 2, identity->subsystem);
    config[REG_CAPABILITIES] = capabilities_at;
    config[REG_INTERRUPT_PIN] = 1;
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        if (is_io(identity, bar))
            config[REG_BAR + 4 * bar] = BAR_IS_IO;
}

void pci_function_assign(PciFunction *function)
{
    uint8_t *config = function->state->config;
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        if (function->firmware_bar[bar])
            le_put(config + REG_BAR + 4 * bar, 4, function->firmware_bar[bar]);
    le_put(config + REG_COMMAND, 2, COMMAND_MEMORY);
}

static uint32_t command(const PciFunction *function)
{
    return (uint32_t)le_get(function->state->config + REG_COMMAND, 2);
}

bool pci_function_may_dma(const PciFunction *function)
{
    return command(function) & COMMAND_MASTER;
}

/* Where BAR begins in its space; without a size nowhere: 0. A write leaves the bits below the size
 * at 0, but for that of I/O space; a forged snapshot may have them. */
static uint64_t bar_base(const PciFunction *function, unsigned bar)
{
    uint64_t size = function->identity->bar_size[bar];
    uint64_t value = le_get(function->state->config + REG_BAR + 4 * bar, 4);
    return size ? value & ~(size - 1) : 0;
}

bool pci_function_bar(const PciFunction *function, unsigned bar, uint64_t *real)
{
    uint64_t base = bar_base(function, bar);
    *real = PCI_MEM32_BASE + (base - PCI_MEM32_PCI);
    return command(function) & COMMAND_MEMORY && base >= PCI_MEM32_PCI;
}

/* Which bits of configuration byte AT a write changes. */
static uint8_t write_mask(const PciIdentity *identity, unsigned at)
{
    if (at >= REG_BAR && at < REG_BAR + 4 * PCI_BARS) {
        uint32_t size = identity->bar_size[(at - REG_BAR) / 4];
        uint32_t mask = size ? ~(size - 1) : 0;
        return (uint8_t)(mask >> 8 * (at & 3));
    }
    switch (at) {
    case REG_COMMAND: return (COMMAND_WRITABLE & 0xff) | (identity->io_bars ? COMMAND_IO : 0);
    case REG_COMMAND + 1: return COMMAND_WRITABLE >> 8;
    case REG_CACHE_LINE:
    case REG_LATENCY:
    case REG_INTERRUPT_LINE: return 0xff;
    default: return 0;
    }
}

/* The BAR that decodes ADDRESS of memory or I/O space for SIZE bytes, and the offset inside; -1 if
 * none. */
static int decode(const PciFunction *function, bool in_io, uint64_t address, unsigned size,
                  uint64_t *offset)
{
    const PciIdentity *identity = function->identity;
    if (!(command(function) & (in_io ? COMMAND_IO : COMMAND_MEMORY)))
        return -1;
    for (unsigned bar = 0; bar < PCI_BARS; bar++) {
        uint32_t bar_size = identity->bar_size[bar];
        uint64_t base = bar_base(function, bar);
        if (base && is_io(identity, bar) == in_io && address >= base && address - base < bar_size &&
            size <= bar_size - (address - base)) {
            *offset = address - base;
            return (int)bar;
        }
    }
    return -1;
}

/* --- bus masters ------------------------------------------------------------------------------ */

/* Where bus address ADDRESS is in guest memory, if RIGHT is granted, and how many bytes from there
 * on are in the same page. */
static bool translate(const PciFunction *function, uint64_t address, uint64_t right, uint64_t *real,
                      size_t *room)
{
    uint64_t entry;
    if (!function->host || !pci_function_may_dma(function) ||
        !pci_host_get_tce(function->host, address, &entry) || !(entry & right))
        return false;
    *real = (entry & ~(uint64_t)(TCE_SIZE - 1)) + address % TCE_SIZE;
    *room = TCE_SIZE - address % TCE_SIZE;
    return true;
}

bool pci_function_dma_read(const PciFunction *function, uint64_t address, void *data, size_t length)
{
    uint64_t real;
    size_t piece;
    for (size_t done = 0; done < length; done += piece) {
        uint8_t *to = (uint8_t *)data + done;
        if (translate(function, address + done, TCE_READ, &real, &piece)) {
            piece = MIN(piece, length - done);
            if (memory_read(machine_memory(function->device->machine), real, to, piece))
                continue;
        }
        memset(data, 0, length);
        return false;
    }
    return true;
}

bool pci_function_dma_write(const PciFunction *function, uint64_t address, const void *data,
                            size_t length)
{
    uint64_t real;
    size_t piece;
    for (size_t done = 0; done < length; done += piece) {
        if (!translate(function, address + done, TCE_WRITE, &real, &piece))
            return false;
        piece = MIN(piece, length - done);
        if (!memory_write(machine_memory(function->device->machine), real,
                          (const uint8_t *)data + done, piece))
            return false;
    }
    return true;
}

/* --- the bridge ------------------------------------------------------------------------------- */

void pci_host_plug(Device *host, PciFunction *function, unsigned slot)
{
    PciHost *bridge = (PciHost *)host;
    g_assert(slot < PCI_SLOTS && !bridge->slot[slot]);
    function->slot = slot;
    function->host = host;
    bridge->slot[slot] = function;
}

void pci_host_connect(Device *host, const Irq line[PCI_INTERRUPT_LINES])
{
    memcpy(((PciHost *)host)->line, line, sizeof((PciHost *)host)->line);
}

static void set_interrupt(Device *host, unsigned slot, bool level)
{
    const PciHost *bridge = (const PciHost *)host;
    unsigned line = pci_interrupt_line(slot, 1);
    for (unsigned i = 0; i < PCI_SLOTS && !level; i++) {
        const PciFunction *other = bridge->slot[i];
        if (other && other->asserts && i != slot && pci_interrupt_line(i, 1) == line)
            level = other->asserts(other->device);
    }
    irq_set(&bridge->line[line], level);
}

Irq pci_host_interrupt(Device *host, unsigned slot)
{
    return (Irq){ set_interrupt, host, slot };
}

const PciFunction *pci_host_slot(Device *host, unsigned slot)
{
    return slot < PCI_SLOTS ? ((PciHost *)host)->slot[slot] : NULL;
}

static PciFunction *find_function(Device *host, uint32_t address)
{
    unsigned bus = address >> 16 & 0xff, slot = address >> 11 & 31, function = address >> 8 & 7;
    return bus == 0 && function == 0 ? ((PciHost *)host)->slot[slot] : NULL;
}

bool pci_host_config_read(Device *host, uint32_t address, unsigned size, uint32_t *value)
{
    const PciFunction *function = find_function(host, address);
    unsigned at = address & 0xff;
    *value = UINT32_MAX >> (32 - 8 * size);
    if (!function)
        return false;
    if (address >> 28) { /* extended space: this is a conventional function */
        *value = 0;
        return true;
    }
    g_assert(at + size <= PCI_CONFIG_SIZE);
    *value = (uint32_t)le_get(function->state->config + at, size);
    return true;
}

bool pci_host_config_write(Device *host, uint32_t address, unsigned size, uint32_t value)
{
    PciFunction *function = find_function(host, address);
    unsigned at = address & 0xff;
    if (!function)
        return false;
    if (address >> 28)
        return true;
    g_assert(at + size <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < size; i++) {
        uint8_t mask = write_mask(function->identity, at + i);
        uint8_t *byte = &function->state->config[at + i];
        *byte = (uint8_t)((*byte & ~mask) | (value >> 8 * i & mask));
    }
    if (function->decode_changed)
        function->decode_changed(function->device);
    return true;
}

static uint64_t space_read(Device *host, bool in_io, uint64_t address, unsigned size)
{
    PciHost *bridge = (PciHost *)host;
    uint64_t offset;
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
        PciFunction *function = bridge->slot[slot];
        int bar = function ? decode(function, in_io, address, size, &offset) : -1;
        if (bar >= 0)
            return function->bar_ops[bar]->read(function->device, offset, size);
    }
    device_note_unknown(host, in_io ? "PCI I/O read" : "PCI memory read", address);
    return UINT64_MAX >> (64 - 8 * size);
}

static void space_write(Device *host, bool in_io, uint64_t address, unsigned size, uint64_t value)
{
    PciHost *bridge = (PciHost *)host;
    uint64_t offset;
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
        PciFunction *function = bridge->slot[slot];
        int bar = function ? decode(function, in_io, address, size, &offset) : -1;
        if (bar >= 0) {
            function->bar_ops[bar]->write(function->device, offset, size, value);
            return;
        }
    }
    device_note_unknown(host, in_io ? "PCI I/O write" : "PCI memory write", address);
}

static uint64_t mem32_read(Device *host, uint64_t offset, unsigned size)
{
    return space_read(host, false, PCI_MEM32_PCI + offset, size);
}

static void mem32_write(Device *host, uint64_t offset, unsigned size, uint64_t value)
{
    space_write(host, false, PCI_MEM32_PCI + offset, size, value);
}

static uint64_t mem64_read(Device *host, uint64_t offset, unsigned size)
{
    return space_read(host, false, PCI_MEM64_BASE + offset, size);
}

static void mem64_write(Device *host, uint64_t offset, unsigned size, uint64_t value)
{
    space_write(host, false, PCI_MEM64_BASE + offset, size, value);
}

static uint64_t io_read(Device *host, uint64_t offset, unsigned size)
{
    return space_read(host, true, offset, size);
}

static void io_write(Device *host, uint64_t offset, unsigned size, uint64_t value)
{
    space_write(host, true, offset, size, value);
}

void pci_host_map(Device *host, Bus *bus)
{
    static const BusOps io = { io_read, io_write };
    static const BusOps mem32 = { mem32_read, mem32_write };
    static const BusOps mem64 = { mem64_read, mem64_write };
    bus_map(bus, host, 0, PCI_IO_BASE, PCI_IO_SIZE, &io);
    bus_map(bus, host, 1, PCI_MEM32_BASE, PCI_MEM32_SIZE, &mem32);
    bus_map(bus, host, 2, PCI_MEM64_BASE, PCI_MEM64_SIZE, &mem64);
}

/* --- I/O translations ------------------------------------------------------------------------- */

static bool page_is_used(const PciHost *bridge, unsigned page)
{
    return bridge->s.tce_page_used[page / 8] >> (page % 8) & 1;
}

static uint64_t *use_page(PciHost *bridge, unsigned page)
{
    if (!bridge->tce_page[page])
        bridge->tce_page[page] = g_new0(uint64_t, TCES_PER_PAGE);
    bridge->s.tce_page_used[page / 8] |= (uint8_t)(1 << page % 8);
    return bridge->tce_page[page];
}

static void drop_pages(PciHost *bridge)
{
    for (unsigned page = 0; page < TCE_PAGES; page++)
        g_clear_pointer(&bridge->tce_page[page], g_free);
}

bool pci_host_set_tce(Device *host, uint64_t address, uint64_t count, uint64_t value)
{
    PciHost *bridge = (PciHost *)host;
    uint64_t first = address / 4096;
    if (first >= PCI_TCE_COUNT || count > PCI_TCE_COUNT - first)
        return false;
    for (uint64_t entry = first; entry < first + count; entry++) {
        unsigned page = (unsigned)(entry / TCES_PER_PAGE);
        if (value || page_is_used(bridge, page))
            use_page(bridge, page)[entry % TCES_PER_PAGE] = value;
    }
    return true;
}

bool pci_host_get_tce(Device *host, uint64_t address, uint64_t *value)
{
    const PciHost *bridge = (const PciHost *)host;
    uint64_t entry = address / 4096;
    if (entry >= PCI_TCE_COUNT)
        return false;
    const uint64_t *page = bridge->tce_page[entry / TCES_PER_PAGE];
    *value = page ? page[entry % TCES_PER_PAGE] : 0;
    return true;
}

static void pci_host_reset(Device *host)
{
    drop_pages((PciHost *)host);
}

static void pci_host_save_more(Device *host, StateWriter *writer)
{
    const PciHost *bridge = (const PciHost *)host;
    for (unsigned page = 0; page < TCE_PAGES; page++)
        for (unsigned i = 0; page_is_used(bridge, page) && i < TCES_PER_PAGE; i++)
            state_writer_u64(writer, bridge->tce_page[page][i]);
}

static void pci_host_load_more(Device *host, StateReader *reader)
{
    PciHost *bridge = (PciHost *)host;
    drop_pages(bridge);
    for (unsigned page = 0; page < TCE_PAGES; page++)
        for (unsigned i = 0; page_is_used(bridge, page) && i < TCES_PER_PAGE; i++)
            use_page(bridge, page)[i] = state_reader_u64(reader);
}

static void pci_host_hash_more(Device *host, StateFeed feed, void *user)
{
    const PciHost *bridge = (const PciHost *)host;
    for (unsigned page = 0; page < TCE_PAGES; page++)
        for (unsigned i = 0; page_is_used(bridge, page) && i < TCES_PER_PAGE; i++) {
            uint64_t stored = GUINT64_TO_BE(bridge->tce_page[page][i]);
            feed(user, (const guint8 *)&stored, sizeof stored);
        }
}

static void pci_host_finalize(Device *host)
{
    drop_pages((PciHost *)host);
}

const DeviceClass pci_host_class = {
    .name = "pci-host",
    .behaviour_version = 1,
    .size = sizeof(PciHost),
    .state = &pci_host_state,
    .state_offset = offsetof(PciHost, s),
    .reset = pci_host_reset,
    .save_more = pci_host_save_more,
    .load_more = pci_host_load_more,
    .hash_more = pci_host_hash_more,
    .finalize = pci_host_finalize,
};
