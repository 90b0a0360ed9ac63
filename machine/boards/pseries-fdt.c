/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pseries device tree: all that a guest knows of this board. It carries the result of the
 * negotiation that firmware would have held with the guest (architecture-vec-5: radix with GTSE,
 * XICS), because the guest is entered without firmware.
 *
 * Properties follow PAPR appendix C and what Linux reads; nothing is announced that is not there.
 * The tree depends on the machine definition only, so it is the same at each reset.
 */
#include "machine/boards/pseries-fdt.h"

#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vga.h"
#include "machine/devices/xics.h"

#include <libfdt.h>

#define PHANDLE_XICS 0x1111
#define CACHE_LINE   128
#define CACHE_SIZE   0x8000
#define CPU_VERSION  0x004e1202 /* POWER9 DD2.2 */
#define CLOCK_HZ     1000000000

#define CELLS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4
/* A list of strings, each with its final NUL. */
#define STRINGS(text) (text), sizeof(text)

/* The first error sticks in the tree's builder; it is checked once at the end. */
typedef struct {
    void *tree;
    int status;
} Builder;

static void keep(Builder *b, int status)
{
    if (b->status == 0)
        b->status = status;
}

static void node(Builder *b, const char *name)
{
    keep(b, fdt_begin_node(b->tree, name));
}

static void end(Builder *b)
{
    keep(b, fdt_end_node(b->tree));
}

static void bytes(Builder *b, const char *name, const void *data, size_t length)
{
    keep(b, fdt_property(b->tree, name, data, (int)length));
}

static void flag(Builder *b, const char *name)
{
    bytes(b, name, NULL, 0);
}

static void text(Builder *b, const char *name, const char *value)
{
    bytes(b, name, value, strlen(value) + 1);
}

static void cells(Builder *b, const char *name, const uint32_t *values, size_t count)
{
    g_autofree uint32_t *stored = g_new(uint32_t, count);
    for (size_t i = 0; i < count; i++)
        stored[i] = GUINT32_TO_BE(values[i]);
    bytes(b, name, stored, 4 * count);
}

static void cell(Builder *b, const char *name, uint32_t value)
{
    cells(b, name, &value, 1);
}

static void cells64(Builder *b, const char *name, uint64_t value)
{
    cells(b, name, CELLS((uint32_t)(value >> 32), (uint32_t)value));
}

/* --- nodes ---------------------------------------------------------------------------------------
 */

static void chosen(Builder *b, const PseriesFdt *board)
{
    /* PAPR B.6.2.4 as the client would have got it: byte 5 form-1 affinity, byte 23 = 0 XICS,
     * byte 24 = 0x40 radix, byte 26 = 0x40 guest translation shootdown. Byte 0 is length - 2. */
    static const uint8_t vec5[27] = { [0] = 0x19, [5] = 0x80, [24] = 0x40, [26] = 0x40 };
    node(b, "chosen");
    text(b, "bootargs", board->bootargs);
    cell(b, "linux,pci-probe-only", 0);
    if (board->initrd_end) {
        cells64(b, "linux,initrd-start", board->initrd_start);
        cells64(b, "linux,initrd-end", board->initrd_end);
    }
    if (board->vty_count) {
        g_autofree char *path = g_strdup_printf("/vdevice/vty@%x", board->vty_units[0]);
        text(b, "stdout-path", path);
        text(b, "linux,stdout-path", path);
    }
    bytes(b, "ibm,architecture-vec-5", vec5, sizeof vec5);
    end(b);
}

static void rtas(Builder *b, const PseriesFdt *board)
{
    unsigned count;
    const RtasCall *calls = pseries_rtas_calls(&count);
    node(b, "rtas");
    cell(b, "linux,rtas-base", board->rtas_address);
    cell(b, "linux,rtas-entry", board->rtas_address);
    cell(b, "rtas-size", 0x1000);
    bytes(b, "ibm,hypertas-functions",
          STRINGS("hcall-term\0hcall-interrupt\0hcall-tce\0hcall-vio\0hcall-splpar\0"
                  "hcall-set-mode\0hcall-multi-tce"));
    flag(b, "ibm,extended-os-term");
    cell(b, "rtas-error-log-max", PSERIES_REPORT_MAX);
    cell(b, "rtas-event-scan-rate", 1); /* per minute */
    for (unsigned i = 0; i < count; i++)
        cell(b, calls[i].name, calls[i].token);
    end(b);
}

/*
 * Which optional facilities the processor has (PAPR C.6.2): one attribute of 66 bytes of type 0.
 * Transactional memory (byte 22) is hidden, the radix MMU (byte 40) is shown.
 */
static const uint32_t pa_features[] = {
    0x4200f63f, 0xc7c000f0, 0x80000000, 0x00000000, 0x00008000, 0x80008000,
    0x00008000, 0x80008000, 0x00008000, 0xc0000000, 0x00008000, 0x80008000,
    0x80008000, 0x80008000, 0x80008000, 0x80008000, 0x80000000,
};

static void cpu(Builder *b)
{
    node(b, "PowerPC,POWER9@0");
    text(b, "device_type", "cpu");
    cell(b, "reg", 0);
    text(b, "status", "okay");
    flag(b, "64-bit");
    cell(b, "cpu-version", CPU_VERSION);
    cell(b, "d-cache-block-size", CACHE_LINE);
    cell(b, "d-cache-line-size", CACHE_LINE);
    cell(b, "i-cache-block-size", CACHE_LINE);
    cell(b, "i-cache-line-size", CACHE_LINE);
    cell(b, "d-cache-size", CACHE_SIZE);
    cell(b, "i-cache-size", CACHE_SIZE);
    cell(b, "timebase-frequency", PSERIES_TIMEBASE_HZ);
    cell(b, "clock-frequency", CLOCK_HZ);
    cell(b, "ibm,ppc-interrupt-server#s", 0);
    cells(b, "ibm,ppc-interrupt-gserver#s", CELLS(0, 0));
    cell(b, "ibm,vmx", 2); /* VMX and VSX */
    cell(b, "ibm,dfp", 0);
    cell(b, "slb-size", 32);
    cell(b, "ibm,slb-size", 32);
    cells(b, "ibm,pft-size", CELLS(0, 0x17));
    cells(b, "ibm,processor-segment-sizes", CELLS(28, 40, 0xffffffff, 0xffffffff));
    cells(b, "ibm,segment-page-sizes", CELLS(12, 0, 1, 12, 0, 16, 0x110, 1, 16, 1));
    /* 4 KiB, 2 MiB, 64 KiB, 1 GiB: encoding in the top three bits, log2 of the size below. */
    cells(b, "ibm,processor-radix-AP-encodings",
          CELLS(0x0000000c, 0xa0000010, 0x20000015, 0x4000001e));
    cells(b, "ibm,pa-features", pa_features, G_N_ELEMENTS(pa_features));
    end(b);
}

static void cpus(Builder *b)
{
    node(b, "cpus");
    cell(b, "#address-cells", 1);
    cell(b, "#size-cells", 0);
    cpu(b);
    end(b);
}

static void memory(Builder *b, const PseriesFdt *board)
{
    node(b, "memory@0");
    text(b, "device_type", "memory");
    cells(b, "reg",
          CELLS(0, 0, (uint32_t)(board->memory_bytes >> 32), (uint32_t)board->memory_bytes));
    end(b);
}

static void interrupt_controller(Builder *b)
{
    node(b, "interrupt-controller@0");
    text(b, "device_type", "PowerPC-External-Interrupt-Presentation");
    text(b, "compatible", "IBM,ppc-xicp");
    flag(b, "interrupt-controller");
    cell(b, "#interrupt-cells", 2);
    cells(b, "reg", CELLS(0, 0, 0, 0));
    cells(b, "ibm,interrupt-server-ranges", CELLS(0, 1));
    cell(b, "phandle", PHANDLE_XICS);
    end(b);
}

/* PAPR, "event-sources": which interrupt announces a class of events. */
static void event_sources(Builder *b)
{
    node(b, "event-sources");
    cell(b, "#interrupt-cells", 2);
    flag(b, "interrupt-controller");
    node(b, "epow-events");
    cells(b, "interrupts", CELLS(XICS_SOURCE_EVENTS, 0));
    end(b);
    end(b);
}

static void virtual_devices(Builder *b, const PseriesFdt *board)
{
    node(b, "vdevice");
    text(b, "device_type", "vdevice");
    text(b, "compatible", "IBM,vdevice");
    cell(b, "#address-cells", 1);
    cell(b, "#size-cells", 0);
    cell(b, "#interrupt-cells", 2);
    flag(b, "interrupt-controller");
    for (unsigned i = 0; i < board->vty_count; i++) {
        g_autofree char *name = g_strdup_printf("vty@%x", board->vty_units[i]);
        node(b, name);
        text(b, "device_type", "serial");
        text(b, "compatible", "hvterm1");
        cell(b, "reg", board->vty_units[i]);
        cells(b, "interrupts", CELLS(XICS_SOURCE_VIO + i, 0));
        end(b);
    }
    end(b);
}

/* Addresses that are assigned already; the guest keeps them (PCI binding to Open Firmware, 4.1.2).
 */
static void assigned_addresses(Builder *b, const PciFunction *function)
{
    uint32_t assigned[5 * PCI_BARS] = { 0 };
    unsigned used = 0;
    for (unsigned bar = 0; bar < PCI_BARS; bar++) {
        if (!function->firmware_bar[bar])
            continue;
        assigned[used] = 0x82000000 | function->slot << 11 | (0x10 + 4 * bar);
        assigned[used + 2] = function->firmware_bar[bar];
        assigned[used + 4] = function->identity->bar_size[bar];
        used += 5;
    }
    if (used)
        cells(b, "assigned-addresses", assigned, used);
}

/* A screen that firmware has opened: Linux shows its console there without a driver (offb). */
static void opened_display(Builder *b, Device *display)
{
    Scanout scanout;
    bool ok = vga_scanout(display, &scanout);
    g_assert(ok && scanout.format == SCANOUT_XRGB8888);
    text(b, "device_type", "display");
    cell(b, "width", scanout.width);
    cell(b, "height", scanout.height);
    cell(b, "depth", 32);
    cell(b, "linebytes", scanout.pitch);
    flag(b, "little-endian");
    flag(b, "linux,opened");
    flag(b, "linux,boot-display");
}

/* One function: its node must agree with its configuration space (Linux reads ids from here). */
static void pci_function(Builder *b, const PciFunction *function, Device *display)
{
    const PciIdentity *identity = function->identity;
    uint32_t reg[5 * (1 + PCI_BARS)] = { function->slot << 11 };
    unsigned used = 5;
    for (unsigned bar = 0; bar < PCI_BARS; bar++) {
        if (!identity->bar_size[bar])
            continue;
        uint32_t space = identity->io_bars >> bar & 1 ? 0x01000000 : 0x02000000;
        reg[used] = space | function->slot << 11 | (0x10 + 4 * bar);
        reg[used + 4] = identity->bar_size[bar];
        used += 5;
    }
    g_autofree char *name = g_strdup_printf("%s@%x", function->node_name, function->slot);
    node(b, name);
    cells(b, "reg", reg, used);
    cell(b, "vendor-id", identity->vendor);
    cell(b, "device-id", identity->device);
    cell(b, "revision-id", identity->revision);
    cell(b, "class-code", identity->class_code);
    cell(b, "subsystem-vendor-id", identity->subsystem_vendor);
    cell(b, "subsystem-id", identity->subsystem);
    cell(b, "interrupts", 1);
    assigned_addresses(b, function);
    if (display && function->device == display)
        opened_display(b, display);
    end(b);
}

static void interrupt_map(Builder *b)
{
    g_autoptr(GArray) map = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        for (unsigned pin = 1; pin <= 4; pin++) {
            uint32_t source = XICS_SOURCE_PCI + pci_interrupt_line(slot, pin);
            uint32_t row[] = { slot << 11, 0, 0, pin, PHANDLE_XICS, source, 1 };
            g_array_append_vals(map, row, G_N_ELEMENTS(row));
        }
    cells(b, "interrupt-map-mask", CELLS(0xf800, 0, 0, 7));
    cells(b, "interrupt-map", (const uint32_t *)(void *)map->data, map->len);
}

#define HIGH(value) ((uint32_t)((value) >> 32))
#define LOW(value)  ((uint32_t)(value))

static void pci_bridge(Builder *b, Device *pci, Device *display)
{
    node(b, "pci@800000020000000");
    text(b, "device_type", "pci");
    text(b, "compatible", "IBM,Logical_PHB");
    cells(b, "reg", CELLS(HIGH(PSERIES_BUID), LOW(PSERIES_BUID), 0, 0));
    cell(b, "#address-cells", 3);
    cell(b, "#size-cells", 2);
    cell(b, "#interrupt-cells", 1);
    cells(b, "bus-range", CELLS(0, 0xff));
    flag(b, "used-by-rtas");
    cell(b, "ibm,pci-config-space-type", 1);
    cells(b, "ranges",
          CELLS(0x01000000, 0, 0, HIGH(PCI_IO_BASE), LOW(PCI_IO_BASE), 0, LOW(PCI_IO_SIZE),
                0x02000000, 0, LOW(PCI_MEM32_PCI), HIGH(PCI_MEM32_BASE), LOW(PCI_MEM32_BASE), 0,
                LOW(PCI_MEM32_SIZE), 0x03000000, HIGH(PCI_MEM64_BASE), LOW(PCI_MEM64_BASE),
                HIGH(PCI_MEM64_BASE), LOW(PCI_MEM64_BASE), HIGH(PCI_MEM64_SIZE),
                LOW(PCI_MEM64_SIZE)));
    interrupt_map(b);
    cells(b, "ibm,dma-window", CELLS(PCI_LIOBN, 0, 0, 0, PCI_TCE_COUNT * 4096u));
    cell(b, "ibm,#dma-address-cells", 2);
    cell(b, "ibm,#dma-size-cells", 2);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        if (pci_host_slot(pci, slot))
            pci_function(b, pci_host_slot(pci, slot), display);
    end(b);
}

static void platform_facilities(Builder *b)
{
    node(b, "ibm,platform-facilities");
    text(b, "device_type", "ibm,platform-facilities");
    text(b, "compatible", "ibm,platform-facilities");
    cell(b, "#address-cells", 1);
    cell(b, "#size-cells", 0);
    node(b, "ibm,random-v1");
    text(b, "device_type", "ibm,random-v1");
    text(b, "compatible", "ibm,random");
    end(b);
    end(b);
}

static void root(Builder *b, const PseriesFdt *board)
{
    node(b, "");
    cell(b, "#address-cells", 2);
    cell(b, "#size-cells", 2);
    text(b, "device_type", "chrp");
    text(b, "model", "IBM pSeries (emulated by qemu)"); /* Linux and installers know this one */
    text(b, "compatible", "qemu,pseries");
    chosen(b, board);
    rtas(b, board);
    cpus(b);
    memory(b, board);
    interrupt_controller(b);
    event_sources(b);
    virtual_devices(b, board);
    if (board->pci)
        pci_bridge(b, board->pci, board->display);
    if (board->has_random)
        platform_facilities(b);
    end(b);
}

GBytes *pseries_fdt_new(const PseriesFdt *board, GError **error)
{
    g_autofree void *tree = g_malloc0(PSERIES_FDT_MAX);
    Builder b = { tree, fdt_create(tree, PSERIES_FDT_MAX) };
    keep(&b, fdt_add_reservemap_entry(tree, board->rtas_address, PSERIES_RTAS_RESERVED));
    keep(&b, fdt_finish_reservemap(tree));
    root(&b, board);
    keep(&b, fdt_finish(tree));
    if (b.status != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot build the device tree: %s",
                    fdt_strerror(b.status));
        return NULL;
    }
    return g_bytes_new(tree, fdt_totalsize(tree));
}
