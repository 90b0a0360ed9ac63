/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk's content is part of the initial state of a recording. It is too big to be copied, and
 * need not be: its layer keeps every frozen version, and the recording names one.
 *
 * 1. Freezing copies nothing and changes nothing that the guest could notice.
 * 2. A machine's state, which is saved after the freeze, names the same versions: a version in
 * which nothing was written does not count as a new one.
 * 3. A replay changes nothing that live runs see: it writes to a layer of its own, and what a
 * snapshot in it keeps goes beside theirs.
 */
#include "machine/disks.h"

#include <errno.h>

#include "machine/block/layer.h"
#include "machine/devices/virtio-devices.h"

#define DISKS_NAME "disks"

static Disk *next_disk(Machine *machine, unsigned *index, const char **id)
{
    Device *device;
    while ((device = machine_device(machine, (*index)++))) {
        Disk *disk = virtio_blk_disk(device);
        *id = device->id;
        if (disk)
            return disk;
    }
    return NULL;
}

static uint32_t count_disks(Machine *machine)
{
    uint32_t count = 0;
    const char *id;
    for (unsigned i = 0; next_disk(machine, &i, &id);)
        count++;
    return count;
}

bool machine_has_disks(Machine *machine)
{
    return count_disks(machine) > 0;
}

bool machine_freeze_disks(Machine *machine, StateWriter *writer, GError **error)
{
    const char *id;
    Disk *disk;
    state_writer_name(writer, DISKS_NAME);
    state_writer_u32(writer, count_disks(machine));
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id));) {
        uint64_t version;
        if (!disk_freeze(disk, &version, error)) {
            g_prefix_error(error, "disk \"%s\": ", id);
            return false;
        }
        state_writer_name(writer, id);
        state_writer_u64(writer, version);
    }
    return true;
}

/* The versions in the machine's order of disks; NULL with ERROR. */
static uint64_t *read_versions(Machine *machine, StateReader *reader, GError **error)
{
    uint32_t count = count_disks(machine), n = 0;
    g_autofree uint64_t *versions = g_new0(uint64_t, count + 1);
    const char *id;
    state_reader_expect_name(reader, DISKS_NAME);
    uint32_t recorded = state_reader_u32(reader);
    if (recorded != count)
        state_reader_fail(reader, "the recording has %u disks, this machine has %u", recorded,
                          count);
    for (unsigned i = 0; next_disk(machine, &i, &id);) {
        state_reader_expect_name(reader, id);
        versions[n++] = state_reader_u64(reader);
    }
    return state_reader_check(reader, error) ? g_steal_pointer(&versions) : NULL;
}

bool machine_enter_disks(Machine *machine, StateReader *reader, GError **error)
{
    g_autofree uint64_t *versions = read_versions(machine, reader, error);
    unsigned n = 0;
    const char *id;
    Disk *disk;
    if (!versions)
        return false;
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id)); n++) {
        if (disk_enter_private(disk, versions[n], error))
            continue;
        g_prefix_error(error,
                       "disk \"%s\" is no longer what it was at the recording's start: ", id);
        machine_leave_disks(machine);
        return false;
    }
    return true;
}

void machine_leave_disks(Machine *machine)
{
    const char *id;
    Disk *disk;
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id));)
        if (disk_is_private(disk))
            disk_leave_private(disk);
}

void machine_set_disks_passing(Machine *machine, bool is_passing)
{
    const char *id;
    Disk *disk;
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id));)
        disk_set_passing(disk, is_passing);
}

bool machine_disks_are_idle(Machine *machine)
{
    const char *id;
    Disk *disk;
    bool are_idle = true;
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id));)
        are_idle = are_idle && disk_is_idle(disk);
    return are_idle;
}

unsigned machine_superseded_clusters(Machine *machine)
{
    const char *id;
    Disk *disk;
    unsigned count = 0;
    for (unsigned i = 0; (disk = next_disk(machine, &i, &id));)
        count += disk_superseded(disk);
    return count;
}

bool machine_sync_disks(Machine *machine, GError **error)
{
    const char *id;
    Disk *disk;
    int code = 0;
    for (unsigned i = 0; code == 0 && (disk = next_disk(machine, &i, &id));) {
        DiskFigures figures;
        disk_figures(disk, &figures);
        code = figures.is_waiting_for_space
                   ? ENOSPC
                   : disk_wait(disk, disk_submit(disk, DISK_FLUSH, 0, 0, NULL), NULL);
        if (code != 0)
            g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "disk \"%s\": %s", id,
                        g_strerror(code));
    }
    return code == 0;
}
