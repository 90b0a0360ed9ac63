/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Disks. */

#include "machine/commands/commands.h"

#include "machine/devices/virtio-devices.h"

static JsonObject *image_of(const ConfigDisk *config, const Disk *disk)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "filename", config->file);
    json_object_set_string_member(object, "format", config_disk_format_name(config->format));
    set_unsigned(object, "virtual-size", disk_size(disk));
    return object;
}

static JsonObject *inserted_of(const ConfigDisk *config, const Disk *disk,
                               const DiskFigures *figures)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "file", config->file);
    json_object_set_string_member(object, "drv", config_disk_format_name(config->format));
    json_object_set_boolean_member(object, "ro", config->readonly);
    json_object_set_object_member(object, "image", image_of(config, disk));
    set_unsigned(object, "layer-clusters", figures->clusters);
    set_unsigned(object, "version", figures->version);
    return object;
}

static JsonObject *stats_of(const DiskFigures *figures)
{
    JsonObject *object = json_object_new();
    set_unsigned(object, "rd-operations", figures->reads);
    set_unsigned(object, "rd-bytes", figures->bytes_read);
    set_unsigned(object, "wr-operations", figures->writes);
    set_unsigned(object, "wr-bytes", figures->bytes_written);
    set_unsigned(object, "zero-operations", figures->zeroes);
    set_unsigned(object, "flush-operations", figures->flushes);
    set_unsigned(object, "failed-operations", figures->errors);
    return object;
}

static JsonObject *block_info(const ConfigDisk *config, Disk *disk)
{
    DiskFigures figures;
    bool is_by_host = config->completion == CONFIG_COMPLETION_HOST;
    JsonObject *object = json_object_new();
    disk_figures(disk, &figures);
    json_object_set_string_member(object, "device", config->id);
    json_object_set_string_member(object, "type", "unknown");
    json_object_set_boolean_member(object, "removable", FALSE);
    json_object_set_boolean_member(object, "locked", FALSE);
    json_object_set_string_member(object, "completion", is_by_host ? "host" : "virtual");
    json_object_set_string_member(object, "io-status",
                                  figures.is_waiting_for_space ? "nospace" : "ok");
    json_object_set_object_member(object, "inserted", inserted_of(config, disk, &figures));
    json_object_set_object_member(object, "stats", stats_of(&figures));
    return object;
}

/* Disks and their configuration stay as they were built; the figures are for any thread. */
bool cmd_query_block(ApiSession *session, const QueryBlockArgs *arguments, JsonNode **reply,
                     GError **error)
{
    Worker *worker = worker_of(session);
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < worker->config->disk_count; i++) {
        const ConfigDisk *config = &worker->config->disks[i];
        Device *device = machine_device_by_id(worker->machine, config->id);
        Disk *disk = device ? virtio_blk_disk(device) : NULL;
        if (disk) {
            json_array_add_object_element(array, block_info(config, disk));
        }
    }
    *reply = array_node(array);
    return true;
}
