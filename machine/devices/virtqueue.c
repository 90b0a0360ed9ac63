/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser of what a driver puts into memory. Drivers are not trusted: every address is checked
 * against RAM, every count against the queue's size, and everything is read once, copied, and then
 * checked, never read again.
 *
 * 1. A chain has at most as many segments as the queue has entries, indirect ones included; so
 * loops end. Readable segments come before writable ones; an indirect table has no further tables.
 * 2. All fields are little-endian (modern devices only).
 * 3. The device's stores come in the order: data, used entry, used index.
 */
#include "machine/devices/virtqueue.h"

#include <string.h>

#define DESCRIPTOR_SIZE        16
#define DESCRIPTOR_NEXT        1
#define DESCRIPTOR_WRITE       2
#define DESCRIPTOR_INDIRECT    4
#define AVAILABLE_NO_INTERRUPT 1

#define RING_INDEX      2 /* of the index, from the start of either ring */
#define RING_ENTRIES    4 /* of the first entry */
#define USED_ENTRY_SIZE 8

const StateTable virtqueue_state_table = {
    "virtqueue", 1, sizeof(VirtqueueState),
    (const StateField[]){
        STATE_FIELD(VirtqueueState, descriptors, "descriptor table, guest-physical"),
        STATE_FIELD(VirtqueueState, available, "available ring, guest-physical"),
        STATE_FIELD(VirtqueueState, used, "used ring, guest-physical"),
        STATE_FIELD_MAX(VirtqueueState, size, VIRTQUEUE_SIZE_MAX, "entries"),
        STATE_FIELD(VirtqueueState, next_available, "index of the next chain to take"),
        STATE_FIELD(VirtqueueState, next_used, "index of the next chain to return"),
        STATE_FIELD(VirtqueueState, signalled, "next_used when an interrupt was last considered"),
        STATE_FIELD_MAX(VirtqueueState, is_enabled, 1, "the driver has enabled it"),
        STATE_ARRAY_MAX(VirtqueueState, zero, 0, "always 0"), STATE_DONE }
};

typedef struct {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
} Descriptor;

bool virtqueue_is_valid(const VirtqueueState *queue, const Memory *memory)
{
    uint64_t size = queue->size;
    return size > 0 && size <= VIRTQUEUE_SIZE_MAX && (size & (size - 1)) == 0 &&
           queue->descriptors % 16 == 0 && queue->available % 2 == 0 && queue->used % 4 == 0 &&
           memory_contains(memory, queue->descriptors, DESCRIPTOR_SIZE * size) &&
           memory_contains(memory, queue->available, RING_ENTRIES + 2 * size + 2) &&
           memory_contains(memory, queue->used, RING_ENTRIES + USED_ENTRY_SIZE * size + 2);
}

static bool read_descriptor(const Memory *memory, uint64_t table, unsigned index, Descriptor *found)
{
    uint8_t raw[DESCRIPTOR_SIZE];
    if (!memory_read(memory, table + (uint64_t)DESCRIPTOR_SIZE * index, raw, sizeof raw))
        return false;
    memcpy(&found->address, raw, 8);
    memcpy(&found->length, raw + 8, 4);
    memcpy(&found->flags, raw + 12, 2);
    memcpy(&found->next, raw + 14, 2);
    found->address = GUINT64_FROM_LE(found->address);
    found->length = GUINT32_FROM_LE(found->length);
    found->flags = GUINT16_FROM_LE(found->flags);
    found->next = GUINT16_FROM_LE(found->next);
    return true;
}

static bool add_segment(VirtqueueChain *chain, const Memory *memory, const Descriptor *descriptor,
                        unsigned limit)
{
    bool is_writable = descriptor->flags & DESCRIPTOR_WRITE;
    unsigned count = chain->readable + chain->writable;
    if (count >= limit || (!is_writable && chain->writable) ||
        !memory_contains(memory, descriptor->address, descriptor->length))
        return false;
    chain->segment[count] = (VirtqueueSegment){ descriptor->address, descriptor->length };
    if (is_writable) {
        chain->writable++;
        chain->writable_bytes += descriptor->length;
    } else {
        chain->readable++;
        chain->readable_bytes += descriptor->length;
    }
    return true;
}

/* Follows descriptors of a table of TABLE_SIZE entries from INDEX on. */
static bool walk(const Memory *memory, uint64_t table, unsigned table_size, unsigned index,
                 unsigned limit, bool may_be_indirect, VirtqueueChain *chain)
{
    Descriptor descriptor;
    for (unsigned steps = 0; steps < limit; steps++) {
        if (index >= table_size || !read_descriptor(memory, table, index, &descriptor))
            return false;
        if (descriptor.flags & DESCRIPTOR_INDIRECT) {
            if (!may_be_indirect || descriptor.flags & DESCRIPTOR_NEXT || descriptor.length == 0 ||
                descriptor.length % DESCRIPTOR_SIZE)
                return false;
            return walk(memory, descriptor.address, descriptor.length / DESCRIPTOR_SIZE, 0, limit,
                        false, chain);
        }
        if (!add_segment(chain, memory, &descriptor, limit))
            return false;
        if (!(descriptor.flags & DESCRIPTOR_NEXT))
            return true;
        index = descriptor.next;
    }
    return false;
}

VirtqueueResult virtqueue_pop(VirtqueueState *queue, Memory *memory, VirtqueueFeatures features,
                              VirtqueueChain *chain)
{
    uint16_t index, head;
    unsigned limit = queue->size;
    if (!queue->is_enabled)
        return VIRTQUEUE_EMPTY;
    if (!memory_read_le16(memory, queue->available + RING_INDEX, &index))
        return VIRTQUEUE_BROKEN;
    if ((uint16_t)(index - queue->next_available) > queue->size)
        return VIRTQUEUE_BROKEN;
    if (index == queue->next_available)
        return VIRTQUEUE_EMPTY;
    unsigned slot = queue->next_available & (queue->size - 1u);
    chain->readable = chain->writable = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    if (!memory_read_le16(memory, queue->available + RING_ENTRIES + 2 * slot, &head) ||
        head >= queue->size ||
        !walk(memory, queue->descriptors, queue->size, head, limit, features.indirect, chain))
        return VIRTQUEUE_BROKEN;
    chain->head = head;
    queue->next_available++;
    if (features.event_index) /* "kick me when you pass this one" */
        memory_write_le16(memory,
                          queue->used + RING_ENTRIES + USED_ENTRY_SIZE * (uint64_t)queue->size,
                          queue->next_available);
    return VIRTQUEUE_CHAIN;
}

bool virtqueue_has_chains(const VirtqueueState *queue, const Memory *memory)
{
    uint16_t index;
    return queue->is_enabled && (!memory_read_le16(memory, queue->available + RING_INDEX, &index) ||
                                 index != queue->next_available);
}

void virtqueue_unpop(VirtqueueState *queue)
{
    queue->next_available--;
}

bool virtqueue_push(VirtqueueState *queue, Memory *memory, uint16_t head, uint32_t written)
{
    uint64_t entry =
        queue->used + RING_ENTRIES + USED_ENTRY_SIZE * (queue->next_used & (queue->size - 1u));
    bool ok = memory_write_le32(memory, entry, head) &&
              memory_write_le32(memory, entry + 4, written) &&
              memory_write_le16(memory, queue->used + RING_INDEX, (uint16_t)(queue->next_used + 1));
    queue->next_used++;
    return ok;
}

bool virtqueue_wants_interrupt(VirtqueueState *queue, Memory *memory, VirtqueueFeatures features)
{
    uint16_t old = queue->signalled, new = queue->next_used, event, flags;
    queue->signalled = new;
    if (old == new)
        return false;
    if (features.event_index) {
        uint64_t used_event = queue->available + RING_ENTRIES + 2 * (uint64_t)queue->size;
        return memory_read_le16(memory, used_event, &event) &&
               (uint16_t)(new - event - 1) < (uint16_t)(new - old);
    }
    return memory_read_le16(memory, queue->available, &flags) && !(flags & AVAILABLE_NO_INTERRUPT);
}

/* The part of the segments FIRST..FIRST+COUNT-1 from OFFSET on, piece by piece. */
typedef struct {
    const VirtqueueSegment *segment;
    unsigned left;
    uint64_t offset;
} Cursor;

static uint64_t next_piece(Cursor *cursor, uint64_t length, uint64_t *address)
{
    while (cursor->left && cursor->offset >= cursor->segment->length) {
        cursor->offset -= cursor->segment->length;
        cursor->segment++;
        cursor->left--;
    }
    if (!cursor->left)
        return 0;
    *address = cursor->segment->address + cursor->offset;
    length = MIN(length, cursor->segment->length - cursor->offset);
    cursor->offset += length;
    return length;
}

bool virtqueue_chain_read(const VirtqueueChain *chain, const Memory *memory, uint64_t offset,
                          void *data, uint64_t length)
{
    Cursor cursor = { chain->segment, chain->readable, offset };
    if (offset > chain->readable_bytes || length > chain->readable_bytes - offset)
        return false;
    for (uint64_t done = 0, address, piece; done < length; done += piece) {
        piece = next_piece(&cursor, length - done, &address);
        if (!piece || !memory_read(memory, address, (uint8_t *)data + done, piece))
            return false;
    }
    return true;
}

bool virtqueue_chain_write(const VirtqueueChain *chain, Memory *memory, uint64_t offset,
                           const void *data, uint64_t length)
{
    Cursor cursor = { chain->segment + chain->readable, chain->writable, offset };
    if (offset > chain->writable_bytes || length > chain->writable_bytes - offset)
        return false;
    for (uint64_t done = 0, address, piece; done < length; done += piece) {
        piece = next_piece(&cursor, length - done, &address);
        if (!piece || !memory_write(memory, address, (const uint8_t *)data + done, piece))
            return false;
    }
    return true;
}
