/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard VGA with the Bochs interface, PCI 1234:1111: the frame buffer in BAR 0, registers in
 * BAR 2 (EDID at 0, VGA ports from 3C0 at 400, mode registers at 500, byte order at 600).
 *
 * The board plays the firmware: addresses are assigned and a mode is set when the guest enters, so
 * a kernel finds a frame buffer by the device tree before it has any driver. Text modes and planes
 * do not exist; of the VGA ports there are the palette and the blanking of the attribute
 * controller.
 *
 * 1. The frame buffer is device memory (memory.h): its bytes are no part of this device's state,
 * its marks are those of all memory. The window that shows it follows BAR 0 and the command
 * register.
 * 2. A mode is taken only if all its lines lie inside the frame buffer, so that whoever scans out
 *    need not look again. The registers refuse, one by one, what would break this.
 * 3. Nothing here depends on whether somebody looks at the screen.
 */
#include "machine/devices/vga.h"

#include "machine/display/edid.h"
#include "machine/display/frame.h"
#include "machine/le.h"
#include "machine/machine.h"

#define REGISTERS_SIZE       0x1000u
#define EDID_AT              0x000
#define PORTS_AT             0x400 /* port 3C0 */
#define PORTS_END            0x420
#define MODE_AT              0x500
#define EXTENDED_AT          0x600 /* size of this area, then the byte order */
#define EXTENDED_SIZE        8
#define BYTE_ORDER_AT        0x604
#define LITTLE_ENDIAN_PIXELS 0x1e1e1e1eu
#define BIG_ENDIAN_PIXELS    0xbebebebeu

enum {
    MODE_ID,
    MODE_WIDTH,
    MODE_HEIGHT,
    MODE_DEPTH,
    MODE_ENABLE,
    MODE_BANK,
    MODE_VIRTUAL_WIDTH,
    MODE_VIRTUAL_HEIGHT,
    MODE_X,
    MODE_Y,
    MODE_MEMORY,
    MODE_COUNT
};
#define MODE_ID_FIRST 0xb0c0
#define MODE_ID_LAST  0xb0c5
enum { ENABLED = 0x01, GET_LIMITS = 0x02, DAC_8BIT = 0x20, LINEAR = 0x40, NO_CLEAR = 0x80 };

enum {
    PORT_ATTRIBUTE = 0x3c0,
    PORT_DAC_READ = 0x3c7,
    PORT_DAC_WRITE = 0x3c8,
    PORT_DAC_DATA = 0x3c9,
    PORT_STATUS = 0x3da
};
#define ATTRIBUTE_SHOWS 0x20

typedef struct {
    PciState pci;
    uint16_t mode[MODE_COUNT];
    uint8_t palette[256 * 3]; /* as written: 6 or 8 bits each */
    uint8_t dac_index;
    uint8_t dac_colour;      /* of the three, which comes next */
    uint8_t attribute_index; /* with the bit that shows the screen */
    uint8_t attribute_phase; /* 0: an index comes next */
    uint8_t is_big_endian;
    uint8_t zero; /* fills the struct; always 0 */
} VgaState;

typedef struct {
    Device parent;
    VgaState s;
    PciFunction pci;
    unsigned width, height; /* of the firmware's mode */
    uint32_t base;
    uint8_t edid[EDID_SIZE];
    Frame frame;
    uint32_t loads;
} Vga;

static const StateTable vga_state = {
    "vga", 1, sizeof(VgaState),
    (const StateField[]){
        STATE_STRUCT(VgaState, pci, &pci_state_table, "PCI function"),
        STATE_ARRAY(VgaState, mode, "mode registers of the Bochs interface"),
        STATE_BYTES(VgaState, palette, "red, green, blue of each index, as written"),
        STATE_FIELD(VgaState, dac_index, "palette entry that the data port shows"),
        STATE_FIELD_MAX(VgaState, dac_colour, 2, "of its three bytes, the one that comes next"),
        STATE_FIELD(VgaState, attribute_index, "attribute index; bit 5 shows the screen"),
        STATE_FIELD_MAX(VgaState, attribute_phase, 1, "whether the attribute port takes data next"),
        STATE_FIELD_MAX(VgaState, is_big_endian, 1, "byte order of pixels"),
        STATE_FIELD_MAX(VgaState, zero, 0, "always 0"), STATE_DONE }
};

/* --- modes ------------------------------------------------------------------------------------ */

static unsigned depth_bytes(unsigned depth)
{
    switch (depth) {
    case 8: return 1;
    case 15:
    case 16: return 2;
    case 24: return 3;
    case 32: return 4;
    default: return 0;
    }
}

/* Whether every line that the registers describe lies in the frame buffer. One may run on into the
 * memory of the next: by X and Y together Linux's bochs says where in the memory a picture begins.
 */
static bool mode_fits(const uint16_t *mode)
{
    uint64_t bytes = depth_bytes(mode[MODE_DEPTH]);
    uint64_t pitch = mode[MODE_VIRTUAL_WIDTH] * bytes;
    uint64_t last = (uint64_t)(mode[MODE_Y] + MAX(mode[MODE_HEIGHT], 1) - 1) * pitch;
    uint64_t end = last + (mode[MODE_X] + mode[MODE_WIDTH]) * bytes;
    return bytes && mode[MODE_WIDTH] >= 1 && mode[MODE_HEIGHT] >= 1 &&
           mode[MODE_WIDTH] <= VGA_WIDTH_MAX && mode[MODE_HEIGHT] <= VGA_HEIGHT_MAX &&
           mode[MODE_WIDTH] <= mode[MODE_VIRTUAL_WIDTH] && end <= VGA_MEMORY_SIZE;
}

static unsigned lines_in_memory(const uint16_t *mode)
{
    unsigned pitch = mode[MODE_VIRTUAL_WIDTH] * depth_bytes(mode[MODE_DEPTH]);
    return pitch ? MIN(VGA_MEMORY_SIZE / pitch, 0xffff) : 0;
}

static void enable_mode(Vga *vga, uint16_t value)
{
    uint16_t *mode = vga->s.mode;
    uint16_t next[MODE_COUNT];
    if (!(value & ENABLED) || mode[MODE_ENABLE] & ENABLED) {
        mode[MODE_ENABLE] = value;
        return;
    }
    memcpy(next, mode, sizeof next);
    next[MODE_VIRTUAL_WIDTH] = next[MODE_WIDTH];
    next[MODE_X] = next[MODE_Y] = next[MODE_BANK] = 0;
    if (!mode_fits(next)) {
        device_note_unknown(&vga->parent, "VGA mode of width << 16 | height",
                            (uint64_t)next[MODE_WIDTH] << 16 | next[MODE_HEIGHT]);
        return;
    }
    next[MODE_VIRTUAL_HEIGHT] = (uint16_t)lines_in_memory(next);
    next[MODE_ENABLE] = value;
    memcpy(mode, next, sizeof next);
    if (!(value & NO_CLEAR))
        memory_device_clear(machine_memory(vga->parent.machine), 0,
                            (uint64_t)next[MODE_HEIGHT] * next[MODE_VIRTUAL_WIDTH] *
                                depth_bytes(next[MODE_DEPTH]));
}

/* Registers that may change while the mode is shown: only as far as it still fits. */
static void move_view(Vga *vga, unsigned which, uint16_t value)
{
    uint16_t next[MODE_COUNT];
    memcpy(next, vga->s.mode, sizeof next);
    next[which] = value;
    next[MODE_VIRTUAL_HEIGHT] = (uint16_t)lines_in_memory(next);
    if (!(next[MODE_ENABLE] & ENABLED) || mode_fits(next))
        memcpy(vga->s.mode, next, sizeof next);
}

static void mode_write(Vga *vga, unsigned which, uint16_t value)
{
    uint16_t *mode = vga->s.mode;
    switch (which) {
    case MODE_ID:
        if (value >= MODE_ID_FIRST && value <= MODE_ID_LAST)
            mode[MODE_ID] = value;
        break;
    case MODE_WIDTH:
    case MODE_HEIGHT:
    case MODE_DEPTH:
        if (!(mode[MODE_ENABLE] & ENABLED))
            mode[which] = value;
        break;
    case MODE_ENABLE: enable_mode(vga, value); break;
    case MODE_VIRTUAL_WIDTH:
    case MODE_X:
    case MODE_Y: move_view(vga, which, value); break;
    default: break; /* the others cannot be written */
    }
}

static uint16_t mode_read(const Vga *vga, unsigned which)
{
    bool limits = vga->s.mode[MODE_ENABLE] & GET_LIMITS;
    if (limits && which == MODE_WIDTH)
        return VGA_WIDTH_MAX;
    if (limits && which == MODE_HEIGHT)
        return VGA_HEIGHT_MAX;
    if (limits && which == MODE_DEPTH)
        return 32;
    return which < MODE_COUNT ? vga->s.mode[which] : 0;
}

/* --- VGA ports -------------------------------------------------------------------------------- */

static void dac_step(VgaState *s)
{
    if (++s->dac_colour == 3) {
        s->dac_colour = 0;
        s->dac_index++;
    }
}

static void port_write(Vga *vga, unsigned port, uint8_t value)
{
    VgaState *s = &vga->s;
    switch (port) {
    case PORT_ATTRIBUTE:
        if (!s->attribute_phase)
            s->attribute_index = value;
        s->attribute_phase ^= 1;
        break;
    case PORT_DAC_READ:
    case PORT_DAC_WRITE:
        s->dac_index = value;
        s->dac_colour = 0;
        break;
    case PORT_DAC_DATA:
        s->palette[3 * s->dac_index + s->dac_colour] = value;
        dac_step(s);
        break;
    default: device_note_unknown(&vga->parent, "VGA port write", port);
    }
}

static uint8_t port_read(Vga *vga, unsigned port)
{
    VgaState *s = &vga->s;
    uint8_t value = 0;
    switch (port) {
    case PORT_ATTRIBUTE: return s->attribute_index;
    case PORT_DAC_WRITE: return s->dac_index;
    case PORT_DAC_DATA:
        value = s->palette[3 * s->dac_index + s->dac_colour];
        dac_step(s);
        return value;
    case PORT_STATUS: s->attribute_phase = 0; return 0;
    default: device_note_unknown(&vga->parent, "VGA port read", port); return 0;
    }
}

/* --- registers -------------------------------------------------------------------------------- */

static uint8_t register_byte(Vga *vga, uint64_t offset)
{
    uint32_t order = vga->s.is_big_endian ? BIG_ENDIAN_PIXELS : LITTLE_ENDIAN_PIXELS;
    if (offset < EDID_AT + EDID_SIZE)
        return vga->edid[offset - EDID_AT];
    if (offset >= PORTS_AT && offset < PORTS_END)
        return port_read(vga, 0x3c0 + (unsigned)(offset - PORTS_AT));
    if (offset >= MODE_AT && offset < MODE_AT + 2 * MODE_COUNT)
        return (uint8_t)(mode_read(vga, (unsigned)(offset - MODE_AT) / 2) >> 8 * (offset & 1));
    if (offset >= EXTENDED_AT && offset < BYTE_ORDER_AT)
        return offset == EXTENDED_AT ? EXTENDED_SIZE : 0;
    if (offset >= BYTE_ORDER_AT && offset < BYTE_ORDER_AT + 4)
        return (uint8_t)order;
    return 0;
}

static uint64_t registers_read(Device *device, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)register_byte((Vga *)device, offset + i) << 8 * i;
    return value;
}

static void registers_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
    Vga *vga = (Vga *)device;
    if (offset >= PORTS_AT && offset + size <= PORTS_END) {
        for (unsigned i = 0; i < size; i++)
            port_write(vga, 0x3c0 + (unsigned)(offset - PORTS_AT) + i, (uint8_t)(value >> 8 * i));
    } else if (offset >= MODE_AT && offset + size <= MODE_AT + 2 * MODE_COUNT && size >= 2) {
        for (unsigned i = 0; i < size; i += 2)
            mode_write(vga, (unsigned)(offset - MODE_AT + i) / 2, (uint16_t)(value >> 8 * i));
    } else if (offset == BYTE_ORDER_AT && size == 4 &&
               (value == LITTLE_ENDIAN_PIXELS || value == BIG_ENDIAN_PIXELS)) {
        vga->s.is_big_endian = value == BIG_ENDIAN_PIXELS;
    } else {
        device_note_unknown(device, "VGA register write", offset);
    }
}

/* --- the frame buffer ------------------------------------------------------------------------- */

/* For whoever does not come by the window, and for the bytes of an access that leaves it. */
static uint64_t frame_read(Device *device, uint64_t offset, unsigned size)
{
    return le_get(memory_device_data(machine_memory(device->machine)) + offset, size);
}

static void frame_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
    uint8_t bytes[8];
    le_put(bytes, size, value);
    memory_device_write(machine_memory(device->machine), offset, bytes, size);
}

static void follow_bars(Device *device)
{
    Vga *vga = (Vga *)device;
    uint64_t base = 0;
    bool shows = pci_function_bar(&vga->pci, VGA_FRAME_BAR, &base);
    memory_set_window(machine_memory(device->machine), shows ? base : 0,
                      shows ? VGA_MEMORY_SIZE : 0);
}

/* --- the screen ------------------------------------------------------------------------------- */

static ScanoutFormat format_of(unsigned depth)
{
    switch (depth) {
    case 8: return SCANOUT_INDEXED8;
    case 15: return SCANOUT_RGB555;
    case 16: return SCANOUT_RGB565;
    case 24: return SCANOUT_RGB888;
    default: return SCANOUT_XRGB8888;
    }
}

static void copy_palette(const Vga *vga, Scanout *scanout)
{
    bool wide = vga->s.mode[MODE_ENABLE] & DAC_8BIT;
    for (unsigned i = 0; i < 256; i++)
        for (unsigned c = 0; c < 3; c++) {
            uint8_t value = vga->s.palette[3 * i + c];
            scanout->palette[i][c] = wide ? value : (uint8_t)(value << 2 | (value >> 4 & 3));
        }
}

bool vga_scanout(Device *device, Scanout *scanout)
{
    const Vga *vga = (const Vga *)device;
    if (!device || device->class != &vga_class)
        return false;
    const uint16_t *mode = vga->s.mode;
    *scanout = (Scanout){ .version = vga->loads };
    if (!(mode[MODE_ENABLE] & ENABLED))
        return true;
    unsigned bytes = depth_bytes(mode[MODE_DEPTH]);
    scanout->width = mode[MODE_WIDTH];
    scanout->height = mode[MODE_HEIGHT];
    scanout->pitch = mode[MODE_VIRTUAL_WIDTH] * bytes;
    scanout->offset = (uint64_t)mode[MODE_Y] * scanout->pitch + mode[MODE_X] * bytes;
    scanout->format = format_of(mode[MODE_DEPTH]);
    scanout->is_big_endian = vga->s.is_big_endian;
    scanout->is_blank = !(vga->s.attribute_index & ATTRIBUTE_SHOWS);
    copy_palette(vga, scanout);
    return true;
}

static void vga_hash_more(Device *device, StateFeed feed, void *user)
{
    Vga *vga = (Vga *)device;
    Scanout scanout;
    vga_scanout(device, &scanout);
    frame_feed(&vga->frame, machine_memory(device->machine), &scanout, feed, user);
}

/* --- life ------------------------------------------------------------------------------------- */

/* What a firmware would have done. */
static void vga_reset(Device *device)
{
    Vga *vga = (Vga *)device;
    uint16_t *mode = vga->s.mode;
    pci_function_reset(&vga->pci, 0);
    pci_function_assign(&vga->pci);
    mode[MODE_ID] = MODE_ID_LAST;
    mode[MODE_MEMORY] = VGA_MEMORY_SIZE >> 16;
    mode[MODE_WIDTH] = (uint16_t)vga->width;
    mode[MODE_HEIGHT] = (uint16_t)vga->height;
    mode[MODE_DEPTH] = 32;
    enable_mode(vga, ENABLED | LINEAR);
    vga->s.attribute_index = ATTRIBUTE_SHOWS;
    follow_bars(device);
}

static void vga_after_load(Device *device)
{
    Vga *vga = (Vga *)device;
    frame_forget(&vga->frame);
    vga->loads++;
    if (vga->s.mode[MODE_ENABLE] & ENABLED && !mode_fits(vga->s.mode))
        vga->s.mode[MODE_ENABLE] = 0; /* only a forged snapshot has such a mode */
    follow_bars(device);
}

static void vga_finalize(Device *device)
{
    frame_clear(&((Vga *)device)->frame);
}

PciFunction *vga_function(Device *device)
{
    return &((Vga *)device)->pci;
}

Device *vga_new(Machine *machine, const char *id, unsigned width, unsigned height, uint32_t base)
{
    static const PciIdentity identity = {
        .vendor = 0x1234,
        .device = 0x1111,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x030000,
        .revision = 2,
        .bar_size = { [VGA_FRAME_BAR] = VGA_MEMORY_SIZE, [VGA_REGISTER_BAR] = REGISTERS_SIZE },
    };
    static const BusOps frame = { frame_read, frame_write };
    static const BusOps registers = { registers_read, registers_write };
    Vga *vga = (Vga *)device_new(machine, &vga_class, id);
    memory_add_device(machine_memory(machine), VGA_MEMORY_SIZE);
    vga->width = width;
    vga->height = height;
    vga->base = base;
    frame_init(&vga->frame);
    vga->pci = (PciFunction){ .device = &vga->parent,
                              .state = &vga->s.pci,
                              .identity = &identity,
                              .node_name = "vga",
                              .decode_changed = follow_bars };
    vga->pci.bar_ops[VGA_FRAME_BAR] = &frame;
    vga->pci.bar_ops[VGA_REGISTER_BAR] = &registers;
    vga->pci.firmware_bar[VGA_FRAME_BAR] = base;
    vga->pci.firmware_bar[VGA_REGISTER_BAR] = base + VGA_MEMORY_SIZE;
    edid_make(vga->edid, width, height);
    return &vga->parent;
}

const DeviceClass vga_class = {
    .name = "vga",
    .behaviour_version = 2,
    .size = sizeof(Vga),
    .state = &vga_state,
    .state_offset = offsetof(Vga, s),
    .reset = vga_reset,
    .after_load = vga_after_load,
    .hash_more = vga_hash_more,
    .finalize = vga_finalize,
};
