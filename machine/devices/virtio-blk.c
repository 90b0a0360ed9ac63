/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk: a disk whose requests complete at a virtual time that is computed when they are
 * taken. The host does the work meanwhile on the disk's thread; if it is late, the machine waits
 * for it in host time, and guest time stands still.
 *
 * 1. Requests are taken in ring order, given to the disk in that order, and complete in that order.
 * 2. A request that overlaps one under way (and one of them writes) is not taken before that one is
 *    complete. So reading again after a load gives the same bytes.
 * 3. A write's bytes are copied when it is taken; a read's reach RAM when it completes.
 * 4. A write under way at a save is in the saved version of the disk: after a load it only has to
 *    complete. A read is done again.
 * 5. What a removable disk holds is state; changing it is an input, and fails what is under way, at
 * the time at which it would have been complete. A reset of the machine puts the first medium in.
 * 6. What the host answers never decides when something happens. That it fails is an input. With
 * completion by the host, that it is done is an input too, and decides. An event that does not name
 * the oldest request comes from before a reset or a load, and does nothing.
 */
#include "machine/block/layer.h"
#include "machine/devices/virtio-devices.h"
#include "machine/le.h"
#include "machine/machine.h"
#include "replay/event.h"

#define REQUESTS_MAX 16
#define SEGMENTS_MAX 128 /* of data; the driver is told two fewer */

/* The latency model: changing it changes the behaviour version. */
#define LATENCY_FIXED_NS   50000
#define LATENCY_PER_KIB_NS 400
#define LATENCY_PER_MIB_NS 1000 /* of zeroes */

#define FEATURE_SEG_MAX      2
#define FEATURE_RO           5
#define FEATURE_BLK_SIZE     6
#define FEATURE_FLUSH        9
#define FEATURE_DISCARD      13
#define FEATURE_WRITE_ZEROES 14

#define CONFIG_CAPACITY          0x00
#define CONFIG_SEG_MAX           0x0c
#define CONFIG_BLK_SIZE          0x14
#define CONFIG_DISCARD_SECTORS   0x24
#define CONFIG_DISCARD_SEGMENTS  0x28
#define CONFIG_DISCARD_ALIGNMENT 0x2c
#define CONFIG_ZEROES_SECTORS    0x30
#define CONFIG_ZEROES_SEGMENTS   0x34
#define CONFIG_ZEROES_MAY_UNMAP  0x38
#define CONFIG_SIZE              0x3c

#define RANGE_SIZE       16 /* of the one range that a discard names */
#define RANGE_FLAG_UNMAP 1u

#define HEADER_SIZE 16
#define ID_SIZE     20

enum {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13
};
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2 };

/* What is left to do with a request. */
enum { WORK_NONE, WORK_READ, WORK_WRITE, WORK_FLUSH, WORK_GET_ID, WORK_ZERO };

typedef struct {
    uint64_t deadline_ns;
    uint64_t offset;         /* bytes, in the disk */
    uint64_t status_address; /* guest-physical */
    uint32_t length;         /* bytes of data */
    uint32_t segment_count;
    uint16_t head;
    uint8_t work;
    uint8_t status;
    uint8_t zero[4];                        /* fills the struct to its alignment; always 0 */
    uint64_t segment_address[SEGMENTS_MAX]; /* of a read's data and of the disk's name */
    uint32_t segment_length[SEGMENTS_MAX];
} BlkRequest;

typedef struct {
    VirtioState virtio;
    TimerState timer;
    uint64_t busy_until_ns; /* when the modelled disk is done with what it has */
    uint32_t first, count;  /* of the ring of requests */
    uint32_t medium;        /* that is in a removable disk, or VIRTIO_BLK_NO_MEDIUM; else 0 */
    uint32_t zero;          /* fills the struct to its alignment; always 0 */
    BlkRequest request[REQUESTS_MAX];
} VirtioBlkState;

typedef struct {
    VirtioDevice parent;
    VirtioBlkState s;
    Timer timer;
    Disk *disk; /* what it holds; NULL: no medium */
    Disk *media[MACHINE_CONFIG_MAX_MEDIA + 1];
    unsigned media_count;
    bool is_removable;
    int shown; /* atomic: the medium, for queries */
    bool is_readonly;
    bool is_by_host;               /* completion */
    uint64_t ticket[REQUESTS_MAX]; /* of the host's part, 0: none under way */
} VirtioBlk;

static const StateTable request_state = {
    "virtio-blk-request", 1, sizeof(BlkRequest),
    (const StateField[]){
        STATE_FIELD(BlkRequest, deadline_ns, "virtual time at which it completes"),
        STATE_FIELD(BlkRequest, offset, "first byte in the disk"),
        STATE_FIELD(BlkRequest, status_address, "where the status byte goes, guest-physical"),
        STATE_FIELD_MAX(BlkRequest, length, DISK_ZERO_MAX, "bytes of data"),
        STATE_FIELD_MAX(BlkRequest, segment_count, SEGMENTS_MAX, "segments of data to be written"),
        STATE_FIELD_MAX(BlkRequest, head, VIRTQUEUE_SIZE_MAX - 1, "descriptor chain"),
        STATE_FIELD_MAX(BlkRequest, work, WORK_ZERO, "what is left to do"),
        STATE_FIELD_MAX(BlkRequest, status, STATUS_UNSUPP, "result if the host does its part"),
        STATE_ARRAY_MAX(BlkRequest, zero, 0, "always 0"),
        STATE_ARRAY(BlkRequest, segment_address, "guest-physical"),
        STATE_ARRAY(BlkRequest, segment_length, "bytes"), STATE_DONE }
};

static const StateTable virtio_blk_state = {
    "virtio-blk", 3, sizeof(VirtioBlkState),
    (const StateField[]){
        STATE_STRUCT(VirtioBlkState, virtio, &virtio_state_table, "transport"),
        STATE_STRUCT(VirtioBlkState, timer, &timer_state_table, "completion of the oldest request"),
        STATE_FIELD(VirtioBlkState, busy_until_ns, "when the modelled disk is free"),
        STATE_FIELD_MAX(VirtioBlkState, first, REQUESTS_MAX - 1, "oldest request under way"),
        STATE_FIELD_MAX(VirtioBlkState, count, REQUESTS_MAX, "requests under way"),
        STATE_FIELD_MAX(VirtioBlkState, medium, VIRTIO_BLK_NO_MEDIUM,
                        "which medium a removable disk holds, 255: none"),
        STATE_FIELD_MAX(VirtioBlkState, zero, 0, "always 0"),
        STATE_STRUCT_ARRAY(VirtioBlkState, request, &request_state, "requests"), STATE_DONE }
};

static uint64_t blk_features(VirtioDevice *device)
{
    uint64_t writing = 1ull << FEATURE_DISCARD | 1ull << FEATURE_WRITE_ZEROES;
    return 1ull << FEATURE_SEG_MAX | 1ull << FEATURE_BLK_SIZE | 1ull << FEATURE_FLUSH |
           (((VirtioBlk *)device)->is_readonly ? 1ull << FEATURE_RO : writing);
}

static uint64_t size_of(const VirtioBlk *blk)
{
    return blk->disk ? disk_size(blk->disk) : 0;
}

static void blk_config(VirtioDevice *device, uint8_t *bytes)
{
    const VirtioBlk *blk = (const VirtioBlk *)device;
    le_put(bytes + CONFIG_CAPACITY, 8, size_of(blk) / DISK_SECTOR);
    le_put(bytes + CONFIG_SEG_MAX, 4, SEGMENTS_MAX - 2);
    le_put(bytes + CONFIG_BLK_SIZE, 4, DISK_SECTOR);
    if (blk->is_readonly)
        return;
    le_put(bytes + CONFIG_DISCARD_SECTORS, 4, DISK_ZERO_MAX / DISK_SECTOR);
    le_put(bytes + CONFIG_DISCARD_SEGMENTS, 4, 1);
    le_put(bytes + CONFIG_DISCARD_ALIGNMENT, 4, LAYER_CLUSTER / DISK_SECTOR);
    le_put(bytes + CONFIG_ZEROES_SECTORS, 4, DISK_ZERO_MAX / DISK_SECTOR);
    le_put(bytes + CONFIG_ZEROES_SEGMENTS, 4, 1);
    bytes[CONFIG_ZEROES_MAY_UNMAP] = 1;
}

static Memory *dma(const VirtioBlk *blk)
{
    return machine_memory(blk->parent.parent.machine);
}

/* --- taking requests -------------------------------------------------------------------------- */

static bool needs_host(const BlkRequest *request)
{
    return request->work != WORK_NONE && request->work != WORK_GET_ID;
}

static void fail(BlkRequest *request, uint8_t status)
{
    request->work = WORK_NONE;
    request->status = status;
    request->length = 0;
    request->segment_count = 0;
}

/* The last writable byte of the chain. */
static uint64_t find_status_address(const VirtqueueChain *chain)
{
    unsigned last = chain->readable + chain->writable - 1;
    while (chain->segment[last].length == 0)
        last--;
    return chain->segment[last].address + chain->segment[last].length - 1;
}

/* Remembers the writable segments up to LENGTH bytes; false when they are too many. */
static bool keep_segments(BlkRequest *request, const VirtqueueChain *chain, uint64_t length)
{
    for (unsigned i = 0; i < chain->writable && length; i++) {
        const VirtqueueSegment *segment = &chain->segment[chain->readable + i];
        uint32_t part = (uint32_t)MIN(segment->length, length);
        if (part == 0)
            continue;
        if (request->segment_count == SEGMENTS_MAX)
            return false;
        request->segment_address[request->segment_count] = segment->address;
        request->segment_length[request->segment_count++] = part;
        length -= part;
    }
    return true;
}

static bool is_inside(const VirtioBlk *blk, uint64_t sector, uint64_t length, uint64_t limit)
{
    uint64_t sectors = size_of(blk) / DISK_SECTOR;
    return length % DISK_SECTOR == 0 && length <= limit && sector <= sectors &&
           length / DISK_SECTOR <= sectors - sector;
}

static void parse_transfer(VirtioBlk *blk, const VirtqueueChain *chain, bool is_write,
                           uint64_t sector, BlkRequest *request)
{
    uint64_t length = is_write ? chain->readable_bytes - HEADER_SIZE : chain->writable_bytes - 1;
    if (!is_inside(blk, sector, length, DISK_REQUEST_MAX) || (is_write && blk->is_readonly)) {
        fail(request, STATUS_IOERR);
        return;
    }
    request->offset = sector * DISK_SECTOR;
    request->length = (uint32_t)length;
    request->work = is_write ? WORK_WRITE : WORK_READ;
    if (!is_write && !keep_segments(request, chain, length))
        fail(request, STATUS_IOERR);
}

/* Discarded bytes are zeroes from then on: what a guest reads must not depend on the host. */
static void parse_range(VirtioBlk *blk, const VirtqueueChain *chain, unsigned feature,
                        BlkRequest *request)
{
    uint8_t raw[RANGE_SIZE];
    if (!virtio_has_feature(&blk->parent, feature)) {
        fail(request, STATUS_UNSUPP);
        return;
    }
    if (chain->readable_bytes != HEADER_SIZE + RANGE_SIZE ||
        !virtqueue_chain_read(chain, dma(blk), HEADER_SIZE, raw, sizeof raw)) {
        fail(request, STATUS_IOERR);
        return;
    }
    uint64_t sector = le_get(raw, 8), length = le_get(raw + 8, 4) * DISK_SECTOR;
    uint64_t flags = le_get(raw + 12, 4);
    if (flags & ~(uint64_t)(feature == FEATURE_WRITE_ZEROES ? RANGE_FLAG_UNMAP : 0)) {
        fail(request, STATUS_UNSUPP);
    } else if (!is_inside(blk, sector, length, DISK_ZERO_MAX)) {
        fail(request, STATUS_IOERR);
    } else {
        request->work = WORK_ZERO;
        request->offset = sector * DISK_SECTOR;
        request->length = (uint32_t)length;
    }
}

/* False when the chain is no request at all. */
static bool parse(VirtioBlk *blk, const VirtqueueChain *chain, BlkRequest *request)
{
    uint8_t raw[HEADER_SIZE];
    if (chain->writable_bytes == 0 || !virtqueue_chain_read(chain, dma(blk), 0, raw, sizeof raw))
        return false;
    uint64_t type = le_get(raw, 4), sector = le_get(raw + 8, 8);
    memset(request, 0, sizeof *request);
    request->head = chain->head;
    request->status_address = find_status_address(chain);
    switch (type) {
    case TYPE_IN:
    case TYPE_OUT: parse_transfer(blk, chain, type == TYPE_OUT, sector, request); break;
    case TYPE_FLUSH: request->work = WORK_FLUSH; break;
    case TYPE_DISCARD: parse_range(blk, chain, FEATURE_DISCARD, request); break;
    case TYPE_WRITE_ZEROES: parse_range(blk, chain, FEATURE_WRITE_ZEROES, request); break;
    case TYPE_GET_ID:
        request->work = WORK_GET_ID;
        request->length = (uint32_t)MIN(chain->writable_bytes - 1, ID_SIZE);
        if (!keep_segments(request, chain, request->length))
            fail(request, STATUS_IOERR);
        break;
    default: fail(request, STATUS_UNSUPP);
    }
    if (!blk->disk && needs_host(request))
        fail(request, STATUS_IOERR);
    return true;
}

static BlkRequest *request_at(VirtioBlk *blk, unsigned n, unsigned *slot)
{
    *slot = (blk->s.first + n) % REQUESTS_MAX;
    return &blk->s.request[*slot];
}

static bool is_writing(const BlkRequest *request)
{
    return request->work == WORK_WRITE || request->work == WORK_ZERO;
}

static bool is_transfer(const BlkRequest *request)
{
    return request->work == WORK_READ || is_writing(request);
}

static bool overlaps_one_under_way(VirtioBlk *blk, const BlkRequest *request)
{
    unsigned slot;
    for (unsigned n = 0; n < blk->s.count && is_transfer(request); n++) {
        const BlkRequest *other = request_at(blk, n, &slot);
        if (is_transfer(other) && (is_writing(other) || is_writing(request)) &&
            request->offset < other->offset + other->length &&
            other->offset < request->offset + request->length)
            return true;
    }
    return false;
}

static const DiskOperation operations[] = {
    [WORK_READ] = DISK_READ,
    [WORK_WRITE] = DISK_WRITE,
    [WORK_FLUSH] = DISK_FLUSH,
    [WORK_ZERO] = DISK_ZERO,
};

/* Has the host tell when it gets to this request. */
static uint64_t submit_by_host(VirtioBlk *blk, const BlkRequest *request, uint8_t *data,
                               unsigned slot)
{
    if (!needs_host(request))
        return disk_submit_tagged(blk->disk, DISK_READ, 0, 0, NULL, slot);
    return disk_submit_tagged(blk->disk, operations[request->work], request->offset,
                              request->length, data, slot);
}

/* The same for a request that was under way at a save: what it writes is there. */
static uint64_t submit_loaded_by_host(VirtioBlk *blk, const BlkRequest *request, unsigned slot)
{
    if (is_writing(request))
        return disk_submit_tagged(blk->disk, DISK_READ, 0, 0, NULL, slot);
    return submit_by_host(blk, request, NULL, slot);
}

static uint64_t submit(VirtioBlk *blk, const BlkRequest *request, uint8_t *data)
{
    if (!needs_host(request))
        return 0;
    return disk_submit(blk->disk, operations[request->work], request->offset, request->length,
                       data);
}

static uint64_t latency_of(const BlkRequest *request)
{
    return LATENCY_FIXED_NS + (request->work == WORK_ZERO
                                   ? (uint64_t)(request->length >> 20) * LATENCY_PER_MIB_NS
                                   : (uint64_t)(request->length / 1024) * LATENCY_PER_KIB_NS);
}

static void start(VirtioBlk *blk, const BlkRequest *parsed, const VirtqueueChain *chain)
{
    unsigned slot;
    BlkRequest *request = request_at(blk, blk->s.count, &slot);
    uint64_t now = machine_now_ns(blk->parent.parent.machine);
    uint8_t *data = NULL;
    *request = *parsed;
    if (request->work == WORK_WRITE) {
        data = g_malloc(MAX(request->length, 1));
        virtqueue_chain_read(chain, dma(blk), HEADER_SIZE, data, request->length);
    }
    blk->s.count++;
    if (blk->is_by_host) {
        blk->ticket[slot] = submit_by_host(blk, request, data, slot);
        return;
    }
    blk->ticket[slot] = submit(blk, request, data);
    blk->s.busy_until_ns = MAX(now, blk->s.busy_until_ns) + latency_of(request);
    request->deadline_ns = blk->s.busy_until_ns;
    if (blk->s.count == 1)
        timer_arm(&blk->timer, request->deadline_ns);
}

static void take_requests(VirtioBlk *blk)
{
    VirtqueueChain chain;
    BlkRequest request;
    while (blk->s.count < REQUESTS_MAX && virtio_pop(&blk->parent, 0, &chain)) {
        if (!parse(blk, &chain, &request)) {
            virtio_break(&blk->parent, "block request without header or status");
            return;
        }
        if (overlaps_one_under_way(blk, &request)) {
            virtio_unpop(&blk->parent, 0);
            return;
        }
        start(blk, &request, &chain);
    }
}

static void blk_notify(VirtioDevice *device, unsigned queue)
{
    take_requests((VirtioBlk *)device);
}

/* --- completing them -------------------------------------------------------------------------- */

static void scatter(VirtioBlk *blk, const BlkRequest *request, const uint8_t *data)
{
    for (uint32_t i = 0, done = 0; i < request->segment_count; i++) {
        uint32_t length = MIN(request->segment_length[i], request->length - done);
        memory_write(dma(blk), request->segment_address[i], data + done, length);
        done += length;
    }
}

static bool is_to_be_done_again(const BlkRequest *request)
{
    return request->work == WORK_READ || request->work == WORK_FLUSH;
}

/* Waits for the host's part; 0 or an errno value. A load has left some parts to be done again. */
static int finish_host_part(VirtioBlk *blk, const BlkRequest *request, unsigned slot,
                            uint8_t **data)
{
    if (!blk->ticket[slot] && is_to_be_done_again(request))
        blk->ticket[slot] = submit(blk, request, NULL);
    if (!blk->ticket[slot])
        return 0;
    uint64_t ticket = blk->ticket[slot];
    blk->ticket[slot] = 0;
    return disk_wait(blk->disk, ticket, data);
}

/* How the request went, as the guest has to see it. */
static int result_of(VirtioBlk *blk, const BlkRequest *request, unsigned slot, uint8_t **data,
                     const struct Event *event)
{
    Device *device = &blk->parent.parent;
    int code = finish_host_part(blk, request, slot, data);
    if (!event)
        return machine_block_result(device, slot, code);
    if (event->kind == EVENT_BLOCK_ERROR)
        return (int)event->block_error.code;
    if (code != 0)
        machine_internal_error(device->machine,
                               "disk \"%s\": the host fails to do what it had done: %s", device->id,
                               g_strerror(code));
    return 0;
}

/* Bytes that the used ring says were written. EVENT, or NULL, is the one that completes it. */
static uint32_t complete(VirtioBlk *blk, BlkRequest *request, unsigned slot,
                         const struct Event *event)
{
    Device *device = &blk->parent.parent;
    g_autofree uint8_t *data = NULL;
    uint8_t status = request->status;
    int code = result_of(blk, request, slot, &data, event);
    if (code != 0) {
        status = STATUS_IOERR;
    } else if (request->work == WORK_READ && data) {
        scatter(blk, request, data);
    } else if (request->work == WORK_GET_ID) {
        uint8_t name[ID_SIZE] = { 0 };
        memcpy(name, device->id, MIN(strlen(device->id), ID_SIZE));
        scatter(blk, request, name);
    }
    memory_write(dma(blk), request->status_address, &status, 1);
    bool has_data = request->work == WORK_READ || request->work == WORK_GET_ID;
    return 1 + (has_data && status == STATUS_OK ? request->length : 0);
}

static void complete_first(VirtioBlk *blk, const struct Event *event)
{
    unsigned slot;
    BlkRequest *request = request_at(blk, 0, &slot);
    uint32_t written = complete(blk, request, slot, event);
    virtio_push(&blk->parent, 0, request->head, written);
    memset(request, 0, sizeof *request);
    blk->s.first = (blk->s.first + 1) % REQUESTS_MAX;
    blk->s.count--;
}

static const HostPart host_part_of[] = {
    [DISK_DONE] = HOST_PART_DONE, [DISK_LATE] = HOST_PART_LATE, [DISK_FULL] = HOST_PART_NO_SPACE
};

/* Parts that a load has left to be done begin here. */
static HostPart part_of(VirtioBlk *blk, const BlkRequest *request, unsigned slot)
{
    if (!blk->ticket[slot] && is_to_be_done_again(request))
        blk->ticket[slot] = submit(blk, request, NULL);
    return blk->ticket[slot] ? host_part_of[disk_progress(blk->disk, blk->ticket[slot])]
                             : HOST_PART_DONE;
}

/* Completion by the host waits for nobody, but for the operator of a full one. */
static HostPart blk_host_part(Device *device, uint64_t now_ns, bool is_told)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    HostPart part = HOST_PART_DONE;
    unsigned slot;
    if (blk->is_by_host && blk->s.count && is_told)
        return part_of(blk, request_at(blk, 0, &slot), blk->s.first);
    if (blk->is_by_host && blk->s.count)
        return host_part_of[disk_progress(blk->disk, 0)];
    for (unsigned n = 0; n < blk->s.count && part == HOST_PART_DONE; n++) {
        const BlkRequest *request = request_at(blk, n, &slot);
        if (request->deadline_ns > now_ns)
            break;
        part = part_of(blk, request, slot);
    }
    return part;
}

static void wake_machine(void *device)
{
    machine_wake(device);
}

static void fire(Device *device, unsigned which)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    uint64_t now = machine_now_ns(device->machine);
    unsigned slot;
    while (blk->s.count && request_at(blk, 0, &slot)->deadline_ns <= now)
        complete_first(blk, NULL);
    virtio_signal(&blk->parent, 0);
    if (blk->s.count)
        timer_arm(&blk->timer, request_at(blk, 0, &slot)->deadline_ns);
    take_requests(blk);
}

/* --- life ------------------------------------------------------------------------------------- */

/* What the host has under way interests nobody any more. */
static void drop_host_parts(VirtioBlk *blk)
{
    for (unsigned slot = 0; slot < REQUESTS_MAX; slot++) {
        if (blk->ticket[slot])
            disk_forget(blk->disk, blk->ticket[slot]);
        blk->ticket[slot] = 0;
    }
}

static void blk_stop(VirtioDevice *device)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    drop_host_parts(blk);
    timer_disarm(&blk->timer);
    blk->s.first = blk->s.count = 0;
    blk->s.busy_until_ns = 0;
    memset(blk->s.request, 0, sizeof blk->s.request);
}

/* Puts the medium in that the state names. */
static void hold_medium(VirtioBlk *blk)
{
    if (!blk->is_removable)
        return;
    blk->disk = blk->s.medium < blk->media_count ? blk->media[blk->s.medium] : NULL;
    g_atomic_int_set(&blk->shown, (int)blk->s.medium);
}

static void change_medium(VirtioBlk *blk, uint8_t medium)
{
    unsigned slot;
    Device *device = &blk->parent.parent;
    if (!blk->is_removable || (medium >= blk->media_count && medium != VIRTIO_BLK_NO_MEDIUM)) {
        machine_internal_error(device->machine, "disk \"%s\": there is no medium %u to put in",
                               device->id, medium);
        return;
    }
    drop_host_parts(blk);
    for (unsigned n = 0; n < blk->s.count; n++) {
        BlkRequest *request = request_at(blk, n, &slot);
        if (needs_host(request))
            fail(request, STATUS_IOERR);
    }
    blk->s.medium = medium;
    hold_medium(blk);
    virtio_config_changed(&blk->parent);
}

static void blk_input(Device *device, const struct Event *event)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    if (event->kind == EVENT_CONTROL && event->control.kind == CONTROL_MEDIUM) {
        change_medium(blk, event->control.data[1]);
        return;
    }
    if (!blk->is_by_host || !blk->s.count || blk->s.first != machine_block_request(event))
        return;
    complete_first(blk, event);
    virtio_signal(&blk->parent, 0);
    take_requests(blk);
}

static void blk_reset(Device *device)
{
    hold_medium((VirtioBlk *)device);
    virtio_reset((VirtioDevice *)device);
}

static void blk_after_load(Device *device)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    unsigned slot;
    drop_host_parts(blk);
    for (unsigned n = 0; blk->is_by_host && n < blk->s.count; n++) {
        const BlkRequest *request = request_at(blk, n, &slot);
        blk->ticket[slot] = submit_loaded_by_host(blk, request, slot);
    }
}

static void blk_save_more(Device *device, StateWriter *writer)
{
    uint64_t version = 0;
    g_autoptr(GError) error = NULL;
    VirtioBlk *blk = (VirtioBlk *)device;
    if (!blk->is_removable && !disk_freeze(blk->disk, &version, &error))
        machine_internal_error(device->machine, "disk \"%s\": %s", device->id, error->message);
    state_writer_u64(writer, version);
}

/* After a load, which has checked each number for itself. */
static bool requests_are_possible(VirtioBlk *blk)
{
    for (unsigned n = 0; n < REQUESTS_MAX; n++) {
        const BlkRequest *request = &blk->s.request[n];
        uint64_t limit = request->work == WORK_ZERO ? DISK_ZERO_MAX : DISK_REQUEST_MAX;
        if (request->offset % DISK_SECTOR || (needs_host(request) && !blk->disk) ||
            (request->work == WORK_GET_ID && request->length > ID_SIZE) ||
            (needs_host(request) &&
             !is_inside(blk, request->offset / DISK_SECTOR, request->length, limit)))
            return false;
    }
    return true;
}

static void blk_load_more(Device *device, StateReader *reader)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    g_autoptr(GError) error = NULL;
    uint64_t version = state_reader_u64(reader);
    drop_host_parts(blk);
    if (blk->s.medium != VIRTIO_BLK_NO_MEDIUM && blk->s.medium >= MAX(blk->media_count, 1))
        state_reader_fail(reader, "disk \"%s\": there is no medium %u", device->id, blk->s.medium);
    hold_medium(blk);
    if (!requests_are_possible(blk))
        state_reader_fail(reader, "disk \"%s\": a request asks for more than there is", device->id);
    if (!state_reader_failed(reader) && !blk->is_removable &&
        !disk_restore(blk->disk, version, &error))
        state_reader_fail(reader, "disk \"%s\": %s", device->id, error->message);
}

static void blk_finalize(Device *device)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    drop_host_parts(blk);
    if (!blk->is_removable)
        disk_free(blk->disk);
    for (unsigned i = 0; i < blk->media_count; i++)
        disk_free(blk->media[i]);
}

static const VirtioType blk_type = {
    .identity = VIRTIO_IDENTITY(2, 0x010000),
    .node_name = "scsi",
    .queue_count = 1,
    .queue_size = 256,
    .config_size = CONFIG_SIZE,
    .features = blk_features,
    .config = blk_config,
    .notify = blk_notify,
    .stop = blk_stop,
};

VirtioDevice *virtio_blk_new(Machine *machine, const char *id, Disk *disk, bool is_readonly)
{
    VirtioBlk *blk = (VirtioBlk *)device_new(machine, &virtio_blk_class, id);
    blk->disk = disk;
    blk->is_readonly = is_readonly;
    virtio_init(&blk->parent, &blk_type);
    timer_init(&blk->timer, &blk->parent.parent, &blk->s.timer, fire, 0);
    disk_set_wake(disk, wake_machine, blk);
    return &blk->parent;
}

/* On the disk's thread. */
static void host_is_done(void *opaque, uint32_t slot, int code)
{
    machine_block_done(opaque, slot, code);
}

void virtio_blk_complete_by_host(VirtioDevice *device)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    blk->is_by_host = true;
    disk_set_done(blk->disk, host_is_done, blk);
}

static VirtioBlk *blk_of(Device *device)
{
    return device->class == &virtio_blk_class ? (VirtioBlk *)device : NULL;
}

Disk *virtio_blk_disk(Device *device)
{
    const VirtioBlk *blk = blk_of(device);
    return blk && !blk->is_removable ? blk->disk : NULL;
}

void virtio_blk_set_removable(VirtioDevice *device)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    g_assert(blk->is_readonly && !blk->is_removable);
    blk->is_removable = true;
    blk->media[blk->media_count++] = blk->disk;
}

void virtio_blk_add_medium(VirtioDevice *device, Disk *disk)
{
    VirtioBlk *blk = (VirtioBlk *)device;
    g_assert(blk->is_removable && blk->media_count < G_N_ELEMENTS(blk->media));
    blk->media[blk->media_count++] = disk;
    disk_set_wake(disk, wake_machine, blk);
}

Disk *virtio_blk_medium(Device *device, unsigned *medium)
{
    VirtioBlk *blk = blk_of(device);
    *medium = 0;
    if (!blk || !blk->is_removable)
        return blk ? blk->disk : NULL;
    *medium = (unsigned)g_atomic_int_get(&blk->shown);
    return *medium < blk->media_count ? blk->media[*medium] : NULL;
}

const DeviceClass virtio_blk_class = {
    .name = "virtio-blk",
    .behaviour_version = 3,
    .size = sizeof(VirtioBlk),
    .state = &virtio_blk_state,
    .state_offset = offsetof(VirtioBlk, s),
    .reset = blk_reset,
    .after_load = blk_after_load,
    .input = blk_input,
    .host_part = blk_host_part,
    .save_more = blk_save_more,
    .load_more = blk_load_more,
    .finalize = blk_finalize,
};
