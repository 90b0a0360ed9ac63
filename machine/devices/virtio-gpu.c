/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-gpu, 2D commands (virtio 1.2, 5.7). The driver makes resources (pictures of the device's
 * own), says which pages of RAM are behind each, has rectangles copied from there, and names the
 * resource that the screen shows.
 *
 * Every command is done inside the store that notifies, so a fence is passed when it is returned.
 * A pointer's picture is taken note of by nobody: viewers draw the pointer of their own desk, which
 * is where the tablet is.
 *
 * 1. Resources live in device memory (memory.h), which no window shows: their bytes, and the lists
 *    of their pages, are hashed, saved and marked as all memory is. The table in the state says
 *    where they are; the space for a new one is the lowest gap that holds it.
 * 2. What the table says lies inside device memory and no two blocks overlap; the rectangle on the
 *    screen lies inside its resource. A snapshot in which that is not so loses what is wrong.
 * 3. A list of pages holds only ranges of RAM, so copying cannot fail half-way.
 * 4. Nothing here depends on whether somebody looks at the screen.
 */
#include "machine/devices/virtio-gpu.h"

#include "machine/display/edid.h"
#include "machine/display/frame.h"
#include "machine/le.h"
#include "machine/machine.h"

#define QUEUE_SIZE   64
#define QUEUE_CURSOR 1
#define FEATURE_EDID 1

enum { CONFIG_EVENTS_READ = 0, CONFIG_SCANOUTS = 8, CONFIG_SIZE = 16 };
#define SCANOUTS_LISTED 16u /* in the answer about displays; there is one */
#define EDID_FIELD      1024u

enum {
    GET_DISPLAY_INFO = 0x100,
    CREATE_2D,
    UNREF,
    SET_SCANOUT,
    FLUSH,
    TRANSFER_TO_HOST,
    ATTACH_BACKING,
    DETACH_BACKING,
    GET_EDID = 0x10a,
    UPDATE_CURSOR = 0x300,
    MOVE_CURSOR,
    OK_NODATA = 0x1100,
    OK_DISPLAY_INFO,
    OK_EDID = 0x1104,
    ERROR_UNSPECIFIED = 0x1200,
    ERROR_NO_MEMORY,
    ERROR_SCANOUT,
    ERROR_RESOURCE,
    ERROR_PARAMETER = 0x1205
};
#define FLAG_FENCE 1u

#define HEADER_SIZE 24u
#define BODY_MAX    40u /* of a command, without a list of pages */
#define ENTRY_SIZE  16u /* of a list of pages: address, length, nothing */
#define ENTRIES_MAX 16384u
#define PIXEL_BYTES 4u
#define ANSWER_MAX  (HEADER_SIZE + 8 + EDID_FIELD)

typedef struct {
    uint32_t id; /* 0: this row is free */
    uint32_t format;
    uint32_t width, height;
    uint32_t offset; /* of its pixels in device memory */
    uint32_t list;   /* of its list of pages, likewise */
    uint32_t list_entries;
    uint32_t zero;       /* fills the struct; always 0 */
    uint64_t list_bytes; /* that the list describes */
} GpuResource;

typedef struct {
    uint32_t x, y, width, height;
} GpuRectangle;

typedef struct {
    VirtioState virtio;
    GpuResource resource[VIRTIO_GPU_RESOURCES];
    uint32_t shown;               /* resource on the screen; 0: none */
    uint32_t x, y, width, height; /* of it */
    uint32_t zero;                /* fills the struct; always 0 */
} VirtioGpuState;

typedef struct {
    VirtioDevice parent;
    VirtioGpuState s;
    unsigned width, height; /* that the monitor likes */
    uint8_t edid[EDID_SIZE];
    Frame frame;
    uint32_t loads;
} VirtioGpu;

static const StateTable resource_state = {
    "gpu-resource", 1, sizeof(GpuResource),
    (const StateField[]){
        STATE_FIELD(GpuResource, id, "its number; 0: none"),
        STATE_FIELD(GpuResource, format, "order of colours in a pixel"),
        STATE_FIELD(GpuResource, width, "pixels in a row"),
        STATE_FIELD(GpuResource, height, "rows"),
        STATE_FIELD(GpuResource, offset, "of its pixels in device memory"),
        STATE_FIELD(GpuResource, list, "of its list of pages in device memory"),
        STATE_FIELD(GpuResource, list_entries, "of the list; 0: no RAM is behind it"),
        STATE_FIELD_MAX(GpuResource, zero, 0, "always 0"),
        STATE_FIELD(GpuResource, list_bytes, "of RAM that the list describes"), STATE_DONE }
};

static const StateTable virtio_gpu_state = {
    "virtio-gpu", 1, sizeof(VirtioGpuState),
    (const StateField[]){
        STATE_STRUCT(VirtioGpuState, virtio, &virtio_state_table, "transport"),
        STATE_STRUCT_ARRAY(VirtioGpuState, resource, &resource_state, "resources"),
        STATE_FIELD(VirtioGpuState, shown, "resource on the screen; 0: none"),
        STATE_FIELD(VirtioGpuState, x, "left edge of what is shown of it"),
        STATE_FIELD(VirtioGpuState, y, "its upper edge"),
        STATE_FIELD(VirtioGpuState, width, "its pixels in a row"),
        STATE_FIELD(VirtioGpuState, height, "its rows"),
        STATE_FIELD_MAX(VirtioGpuState, zero, 0, "always 0"), STATE_DONE }
};

static Memory *memory_of(const VirtioGpu *gpu)
{
    return machine_memory(gpu->parent.parent.machine);
}

/* --- resources -------------------------------------------------------------------------------- */

static GpuResource *find_resource(VirtioGpu *gpu, uint32_t id)
{
    for (unsigned i = 0; id && i < VIRTIO_GPU_RESOURCES; i++)
        if (gpu->s.resource[i].id == id)
            return &gpu->s.resource[i];
    return NULL;
}

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + MEMORY_PAGE_SIZE - 1) / MEMORY_PAGE_SIZE * MEMORY_PAGE_SIZE;
}

static uint64_t pixel_bytes(const GpuResource *resource)
{
    return (uint64_t)resource->width * resource->height * PIXEL_BYTES;
}

/* If a block begins before END and ends after START: where it ends, else 0. */
static uint64_t overlap(uint64_t block, uint64_t bytes, uint64_t start, uint64_t end)
{
    uint64_t block_end = block + whole_pages(bytes);
    return bytes && block < end && block_end > start ? block_end : 0;
}

/* Of all blocks in device memory that lie in the way, the end of the first one found; else 0. */
static uint64_t in_the_way(const VirtioGpu *gpu, uint64_t start, uint64_t end)
{
    uint64_t found = 0;
    for (unsigned i = 0; i < VIRTIO_GPU_RESOURCES && !found; i++) {
        const GpuResource *resource = &gpu->s.resource[i];
        if (!resource->id)
            continue;
        found = overlap(resource->offset, pixel_bytes(resource), start, end);
        if (!found)
            found =
                overlap(resource->list, (uint64_t)resource->list_entries * ENTRY_SIZE, start, end);
    }
    return found;
}

/* The lowest gap of BYTES; false if there is none. */
static bool find_space(const VirtioGpu *gpu, uint64_t bytes, uint32_t *offset)
{
    uint64_t start = 0, next;
    bytes = whole_pages(bytes);
    while (start + bytes <= VIRTIO_GPU_MEMORY && (next = in_the_way(gpu, start, start + bytes)))
        start = next;
    *offset = (uint32_t)start;
    return start + bytes <= VIRTIO_GPU_MEMORY;
}

/* --- commands --------------------------------------------------------------------------------- */

/* A command as it came: its header and body, copied once. */
typedef struct {
    const VirtqueueChain *chain;
    uint8_t body[HEADER_SIZE + BODY_MAX]; /* zero after its end */
    uint8_t answer[ANSWER_MAX];
    uint32_t answer_size;
} Command;

static uint32_t argument(const Command *command, unsigned offset)
{
    return (uint32_t)le_get(command->body + HEADER_SIZE + offset, 4);
}

static GpuRectangle rectangle(const Command *command)
{
    return (GpuRectangle){ argument(command, 0), argument(command, 4), argument(command, 8),
                           argument(command, 12) };
}

static bool lies_inside(const GpuRectangle *r, const GpuResource *resource)
{
    return r->width && r->height && (uint64_t)r->x + r->width <= resource->width &&
           (uint64_t)r->y + r->height <= resource->height;
}

static bool format_is_known(uint32_t format)
{
    switch (format) {
    case 1:   /* in memory: blue, green, red, alpha */
    case 2:   /* and nothing */
    case 3:   /* alpha, red, green, blue */
    case 4:   /* nothing, red, green, blue */
    case 67:  /* red, green, blue, alpha */
    case 68:  /* nothing, blue, green, red */
    case 121: /* alpha, blue, green, red */
    case 134: /* red, green, blue, nothing */ return true;
    default: return false;
    }
}

static uint32_t create(VirtioGpu *gpu, const Command *command)
{
    GpuResource made = { .id = argument(command, 0),
                         .format = argument(command, 4),
                         .width = argument(command, 8),
                         .height = argument(command, 12) };
    GpuResource *row = gpu->s.resource;
    if (!made.id || find_resource(gpu, made.id))
        return ERROR_RESOURCE;
    if (!format_is_known(made.format) || !made.width || !made.height ||
        made.width > VIRTIO_GPU_SIDE_MAX || made.height > VIRTIO_GPU_SIDE_MAX)
        return ERROR_PARAMETER;
    while (row < gpu->s.resource + VIRTIO_GPU_RESOURCES && row->id)
        row++;
    if (row == gpu->s.resource + VIRTIO_GPU_RESOURCES ||
        !find_space(gpu, pixel_bytes(&made), &made.offset))
        return ERROR_NO_MEMORY;
    memory_device_clear(memory_of(gpu), made.offset, pixel_bytes(&made));
    *row = made;
    return OK_NODATA;
}

static void show_nothing(VirtioGpu *gpu)
{
    gpu->s.shown = gpu->s.x = gpu->s.y = gpu->s.width = gpu->s.height = 0;
}

static uint32_t unref(VirtioGpu *gpu, const Command *command)
{
    GpuResource *resource = find_resource(gpu, argument(command, 0));
    if (!resource)
        return ERROR_RESOURCE;
    if (gpu->s.shown == resource->id)
        show_nothing(gpu);
    memset(resource, 0, sizeof *resource);
    return OK_NODATA;
}

static uint32_t set_scanout(VirtioGpu *gpu, const Command *command)
{
    GpuRectangle r = rectangle(command);
    uint32_t scanout = argument(command, 16), id = argument(command, 20);
    const GpuResource *resource = find_resource(gpu, id);
    if (scanout)
        return ERROR_SCANOUT;
    if (!id) {
        show_nothing(gpu);
        return OK_NODATA;
    }
    if (!resource)
        return ERROR_RESOURCE;
    if (!lies_inside(&r, resource))
        return ERROR_PARAMETER;
    gpu->s.shown = id;
    gpu->s.x = r.x;
    gpu->s.y = r.y;
    gpu->s.width = r.width;
    gpu->s.height = r.height;
    return OK_NODATA;
}

/* The screen shows the resource itself: there is nothing to flush, but what cannot be is said. */
static uint32_t flush(VirtioGpu *gpu, const Command *command)
{
    GpuRectangle r = rectangle(command);
    const GpuResource *resource = find_resource(gpu, argument(command, 16));
    if (!resource)
        return ERROR_RESOURCE;
    return lies_inside(&r, resource) ? OK_NODATA : ERROR_PARAMETER;
}

/* Where in a resource's RAM a copy is: entry of the list, and where that entry begins. */
typedef struct {
    uint32_t entry;
    uint64_t start;
} Place;

/* LENGTH bytes from FROM of the RAM behind RESOURCE to TO in device memory; all of it is there.
 * FROM is never less than before with the same PLACE. */
static void copy_in(VirtioGpu *gpu, const GpuResource *resource, Place *place, uint64_t from,
                    uint64_t to, uint64_t length)
{
    Memory *memory = memory_of(gpu);
    while (length && place->entry < resource->list_entries) {
        const uint8_t *entry =
            memory_device_data(memory) + resource->list + (uint64_t)place->entry * ENTRY_SIZE;
        uint64_t address = le_get(entry, 8), bytes = le_get(entry + 8, 4),
                 skipped = from - place->start;
        if (skipped >= bytes) {
            place->start += bytes;
            place->entry++;
            continue;
        }
        uint64_t piece = MIN(length, bytes - skipped);
        if (!memory_contains(memory, address, bytes)) /* only a forged snapshot has such a list */
            return;
        memory_device_write(memory, to, memory->ram + address + skipped, piece);
        from += piece;
        to += piece;
        length -= piece;
    }
}

static uint32_t transfer(VirtioGpu *gpu, const Command *command)
{
    GpuRectangle r = rectangle(command);
    uint64_t from = le_get(command->body + HEADER_SIZE + 16, 8);
    const GpuResource *resource = find_resource(gpu, argument(command, 24));
    Place place = { 0 };
    if (!resource)
        return ERROR_RESOURCE;
    uint64_t pitch = (uint64_t)resource->width * PIXEL_BYTES, row = (uint64_t)r.width * PIXEL_BYTES;
    uint64_t needed = pitch * (r.height - 1ull) + row;
    if (!lies_inside(&r, resource) || from > resource->list_bytes ||
        needed > resource->list_bytes - from)
        return ERROR_PARAMETER;
    uint64_t to = resource->offset + r.y * pitch + (uint64_t)r.x * PIXEL_BYTES;
    for (uint32_t y = 0; y < r.height; y++)
        copy_in(gpu, resource, &place, from + y * pitch, to + y * pitch, row);
    return OK_NODATA;
}

/* Checks the list of COUNT pages that the command brings, and adds its lengths up. */
static bool check_list(VirtioGpu *gpu, const Command *command, uint32_t count, uint64_t *bytes)
{
    uint8_t entry[ENTRY_SIZE];
    uint64_t at = HEADER_SIZE + 8;
    *bytes = 0;
    for (uint32_t i = 0; i < count; i++, at += ENTRY_SIZE) {
        if (!virtqueue_chain_read(command->chain, memory_of(gpu), at, entry, ENTRY_SIZE) ||
            !memory_contains(memory_of(gpu), le_get(entry, 8), le_get(entry + 8, 4)))
            return false;
        *bytes += le_get(entry + 8, 4);
    }
    return true;
}

static uint32_t attach(VirtioGpu *gpu, const Command *command)
{
    GpuResource *resource = find_resource(gpu, argument(command, 0));
    uint32_t count = argument(command, 4), list;
    uint64_t bytes;
    if (!resource || resource->list_entries)
        return resource ? ERROR_UNSPECIFIED : ERROR_RESOURCE;
    if (!count || count > ENTRIES_MAX || !check_list(gpu, command, count, &bytes))
        return ERROR_PARAMETER;
    if (!find_space(gpu, (uint64_t)count * ENTRY_SIZE, &list))
        return ERROR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t entry[ENTRY_SIZE];
        virtqueue_chain_read(command->chain, memory_of(gpu),
                             HEADER_SIZE + 8 + (uint64_t)i * ENTRY_SIZE, entry, ENTRY_SIZE);
        memory_device_write(memory_of(gpu), list + i * ENTRY_SIZE, entry, ENTRY_SIZE);
    }
    resource->list = list;
    resource->list_entries = count;
    resource->list_bytes = bytes;
    return OK_NODATA;
}

static uint32_t detach(VirtioGpu *gpu, const Command *command)
{
    GpuResource *resource = find_resource(gpu, argument(command, 0));
    if (!resource)
        return ERROR_RESOURCE;
    resource->list = resource->list_entries = 0;
    resource->list_bytes = 0;
    return OK_NODATA;
}

static uint32_t tell_displays(VirtioGpu *gpu, Command *command)
{
    uint8_t *first = command->answer + HEADER_SIZE;
    le_put(first + 8, 4, gpu->width);
    le_put(first + 12, 4, gpu->height);
    le_put(first + 16, 4, 1); /* it is switched on */
    command->answer_size = HEADER_SIZE + SCANOUTS_LISTED * 24;
    return OK_DISPLAY_INFO;
}

static uint32_t tell_edid(VirtioGpu *gpu, Command *command)
{
    if (argument(command, 0))
        return ERROR_SCANOUT;
    le_put(command->answer + HEADER_SIZE, 4, EDID_SIZE);
    memcpy(command->answer + HEADER_SIZE + 8, gpu->edid, EDID_SIZE);
    command->answer_size = HEADER_SIZE + 8 + EDID_FIELD;
    return OK_EDID;
}

static uint32_t execute(VirtioGpu *gpu, Command *command)
{
    uint32_t type = (uint32_t)le_get(command->body, 4);
    switch (type) {
    case GET_DISPLAY_INFO: return tell_displays(gpu, command);
    case CREATE_2D: return create(gpu, command);
    case UNREF: return unref(gpu, command);
    case SET_SCANOUT: return set_scanout(gpu, command);
    case FLUSH: return flush(gpu, command);
    case TRANSFER_TO_HOST: return transfer(gpu, command);
    case ATTACH_BACKING: return attach(gpu, command);
    case DETACH_BACKING: return detach(gpu, command);
    case GET_EDID: return tell_edid(gpu, command);
    case UPDATE_CURSOR:
    case MOVE_CURSOR: return OK_NODATA;
    default:
        device_note_unknown(&gpu->parent.parent, "virtio-gpu command", type);
        return ERROR_UNSPECIFIED;
    }
}

/* --- queues ----------------------------------------------------------------------------------- */

/* The answer's header repeats the fence and the context of the command. */
static void make_header(Command *command, uint32_t type)
{
    uint32_t flags = (uint32_t)le_get(command->body + 4, 4) & FLAG_FENCE;
    le_put(command->answer, 4, type);
    le_put(command->answer + 4, 4, flags);
    if (flags)
        memcpy(command->answer + 8, command->body + 8, 12);
}

static uint32_t serve(VirtioGpu *gpu, const VirtqueueChain *chain)
{
    Command command = { .chain = chain, .answer_size = HEADER_SIZE };
    Memory *memory = memory_of(gpu);
    uint64_t length = MIN(chain->readable_bytes, sizeof command.body);
    if (length < HEADER_SIZE)
        return 0; /* nobody knows what it is */
    virtqueue_chain_read(chain, memory, 0, command.body, length);
    make_header(&command, execute(gpu, &command));
    uint32_t written = (uint32_t)MIN(chain->writable_bytes, command.answer_size);
    virtqueue_chain_write(chain, memory, 0, command.answer, written);
    return written;
}

static void gpu_notify(VirtioDevice *device, unsigned queue)
{
    VirtqueueChain chain;
    while (virtio_pop(device, queue, &chain))
        virtio_push(device, queue, chain.head, serve((VirtioGpu *)device, &chain));
    virtio_signal(device, queue);
}

static uint64_t gpu_features(VirtioDevice *device)
{
    return 1ull << FEATURE_EDID;
}

static void gpu_config(VirtioDevice *device, uint8_t *bytes)
{
    le_put(bytes + CONFIG_SCANOUTS, 4, 1);
}

/* Events that the driver has seen: there are none. */
static bool gpu_config_write(VirtioDevice *device, uint64_t offset, unsigned size, uint64_t value)
{
    return offset == CONFIG_EVENTS_READ + 4 && size == 4;
}

/* The driver resets the device: nothing of what it made is left. */
static void gpu_stop(VirtioDevice *device)
{
    VirtioGpu *gpu = (VirtioGpu *)device;
    memset(gpu->s.resource, 0, sizeof gpu->s.resource);
    show_nothing(gpu);
}

/* --- the screen ------------------------------------------------------------------------------- */

static void set_format(Scanout *scanout, uint32_t format)
{
    bool colours_first = format == 1 || format == 2 || format == 67 || format == 134;
    bool red_is_low = format == 67 || format == 68 || format == 121 || format == 134;
    scanout->is_big_endian = !colours_first;
    scanout->format = red_is_low ? SCANOUT_XBGR8888 : SCANOUT_XRGB8888;
}

bool virtio_gpu_scanout(Device *device, Scanout *scanout)
{
    VirtioGpu *gpu = (VirtioGpu *)device;
    if (!device || device->class != &virtio_gpu_class)
        return false;
    const VirtioGpuState *s = &gpu->s;
    const GpuResource *resource = find_resource(gpu, s->shown);
    *scanout = (Scanout){ .version = gpu->loads };
    if (!resource)
        return true;
    scanout->width = s->width;
    scanout->height = s->height;
    scanout->pitch = resource->width * PIXEL_BYTES;
    scanout->offset =
        resource->offset + (uint64_t)s->y * scanout->pitch + (uint64_t)s->x * PIXEL_BYTES;
    set_format(scanout, resource->format);
    return true;
}

static void gpu_hash_more(Device *device, StateFeed feed, void *user)
{
    VirtioGpu *gpu = (VirtioGpu *)device;
    Scanout scanout;
    virtio_gpu_scanout(device, &scanout);
    frame_feed(&gpu->frame, machine_memory(device->machine), &scanout, feed, user);
}

/* --- life ------------------------------------------------------------------------------------- */

static const VirtioType gpu_type = {
    .identity = VIRTIO_IDENTITY(16, 0x038000),
    .node_name = "display",
    .queue_count = 2,
    .queue_size = QUEUE_SIZE,
    .config_size = CONFIG_SIZE,
    .features = gpu_features,
    .config = gpu_config,
    .config_write = gpu_config_write,
    .notify = gpu_notify,
    .stop = gpu_stop,
};

static void gpu_reset(Device *device)
{
    virtio_reset((VirtioDevice *)device);
}

static bool resource_is_sound(const GpuResource *resource)
{
    uint64_t list = (uint64_t)resource->list_entries * ENTRY_SIZE;
    return format_is_known(resource->format) && resource->width && resource->height &&
           resource->width <= VIRTIO_GPU_SIDE_MAX && resource->height <= VIRTIO_GPU_SIDE_MAX &&
           resource->offset + whole_pages(pixel_bytes(resource)) <= VIRTIO_GPU_MEMORY &&
           resource->list_entries <= ENTRIES_MAX &&
           resource->list + whole_pages(list) <= VIRTIO_GPU_MEMORY;
}

static bool is_space(const VirtioGpu *gpu, uint64_t offset, uint64_t bytes)
{
    return !in_the_way(gpu, offset, offset + whole_pages(bytes));
}

/* Row by row, each beside those before it: its pixels first, then its list. */
static void check_resources(VirtioGpu *gpu)
{
    GpuResource loaded[VIRTIO_GPU_RESOURCES];
    memcpy(loaded, gpu->s.resource, sizeof loaded);
    memset(gpu->s.resource, 0, sizeof gpu->s.resource);
    for (unsigned i = 0; i < VIRTIO_GPU_RESOURCES; i++) {
        const GpuResource *row = &loaded[i];
        if (!row->id || find_resource(gpu, row->id) || !resource_is_sound(row) ||
            !is_space(gpu, row->offset, pixel_bytes(row)))
            continue;
        gpu->s.resource[i] = *row;
        gpu->s.resource[i].list_entries = 0;
        if (!row->list_entries ||
            is_space(gpu, row->list, (uint64_t)row->list_entries * ENTRY_SIZE))
            gpu->s.resource[i] = *row;
        else
            memset(&gpu->s.resource[i], 0, sizeof *row);
    }
}

static void gpu_after_load(Device *device)
{
    VirtioGpu *gpu = (VirtioGpu *)device;
    VirtioGpuState *s = &gpu->s;
    check_resources(gpu);
    const GpuResource *shown = find_resource(gpu, s->shown);
    if (!shown || !lies_inside(&(GpuRectangle){ s->x, s->y, s->width, s->height }, shown))
        show_nothing(gpu);
    frame_forget(&gpu->frame);
    gpu->loads++;
}

static void gpu_finalize(Device *device)
{
    frame_clear(&((VirtioGpu *)device)->frame);
}

VirtioDevice *virtio_gpu_new(Machine *machine, const char *id, unsigned width, unsigned height)
{
    VirtioGpu *gpu = (VirtioGpu *)device_new(machine, &virtio_gpu_class, id);
    memory_add_device(machine_memory(machine), VIRTIO_GPU_MEMORY);
    gpu->width = width;
    gpu->height = height;
    edid_make(gpu->edid, width, height);
    frame_init(&gpu->frame);
    virtio_init(&gpu->parent, &gpu_type);
    return &gpu->parent;
}

const DeviceClass virtio_gpu_class = {
    .name = "virtio-gpu",
    .behaviour_version = 1,
    .size = sizeof(VirtioGpu),
    .state = &virtio_gpu_state,
    .state_offset = offsetof(VirtioGpu, s),
    .reset = gpu_reset,
    .after_load = gpu_after_load,
    .hash_more = gpu_hash_more,
    .finalize = gpu_finalize,
};
