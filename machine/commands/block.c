/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Disks. */

#include "machine/commands/commands.h"

#include "machine/devices/virtio-devices.h"

#include <string.h>

static const char *medium_file(const ConfigDisk *config, unsigned medium)
{
    return medium == 0 ? config->file : config->media[medium - 1];
}

static JsonObject *image_of(const ConfigDisk *config, const char *file, const Disk *disk)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "filename", file);
    json_object_set_string_member(object, "format", config_disk_format_name(config->format));
    set_unsigned(object, "virtual-size", disk_size(disk));
    return object;
}

static JsonObject *inserted_of(const ConfigDisk *config, const char *file, const Disk *disk,
                               const DiskFigures *figures)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "file", file);
    json_object_set_string_member(object, "drv", config_disk_format_name(config->format));
    json_object_set_boolean_member(object, "ro", config->readonly);
    json_object_set_object_member(object, "image", image_of(config, file, disk));
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

static JsonObject *block_info(const ConfigDisk *config, Device *device)
{
    DiskFigures figures = { 0 };
    unsigned medium;
    Disk *disk = virtio_blk_medium(device, &medium);
    bool is_by_host = config->completion == CONFIG_COMPLETION_HOST;
    JsonObject *object = json_object_new();
    if (disk) {
        disk_figures(disk, &figures);
    }
    json_object_set_string_member(object, "device", config->id);
    json_object_set_string_member(object, "type", "unknown");
    json_object_set_boolean_member(object, "removable", config->is_removable);
    json_object_set_boolean_member(object, "locked", FALSE);
    json_object_set_string_member(object, "completion", is_by_host ? "host" : "virtual");
    json_object_set_string_member(object, "io-status",
                                  figures.is_waiting_for_space ? "nospace" : "ok");
    if (disk) {
        json_object_set_object_member(
            object, "inserted", inserted_of(config, medium_file(config, medium), disk, &figures));
    }
    json_object_set_object_member(object, "stats", stats_of(&figures));
    return object;
}

/* Disks and their configuration stay as they were built; what is asked here is for any thread. */
bool cmd_query_block(ApiSession *session, const QueryBlockArgs *arguments, JsonNode **reply,
                     GError **error)
{
    Worker *worker = worker_of(session);
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < worker->config->disk_count; i++) {
        const ConfigDisk *config = &worker->config->disks[i];
        Device *device = machine_device_by_id(worker->machine, config->id);
        if (device) {
            json_array_add_object_element(array, block_info(config, device));
        }
    }
    *reply = array_node(array);
    return true;
}

/* Changing media is an input */

/* By its id, which older clients call the device. */
static const ConfigDisk *find_removable(Worker *worker, const char *id, const char *device,
                                        GError **error)
{
    const char *name = id ? id : device ? device : "";
    for (unsigned i = 0; i < worker->config->disk_count; i++) {
        const ConfigDisk *config = &worker->config->disks[i];
        if (strcmp(config->id, name) != 0) {
            continue;
        }
        if (!config->is_removable) {
            g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                        "Device '%s' is not removable: give it 'media' in the definition", name);
            return NULL;
        }
        return config;
    }
    g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", name);
    return NULL;
}

/* The number of the medium whose path, or whose path's last part, is FILE; -1 with ERROR. */
static int find_medium(const ConfigDisk *config, const char *file, GError **error)
{
    for (unsigned i = 0; i <= config->media_count; i++) {
        const char *path = medium_file(config, i);
        g_autofree char *name = g_path_get_basename(path);
        if (strcmp(path, file) == 0 || strcmp(name, file) == 0) {
            return (int)i;
        }
    }
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "Device '%s' has no medium '%s': name one of its 'media' in the definition",
                config->id, file);
    return -1;
}

static bool post_medium(Worker *worker, const ConfigDisk *config, uint8_t medium, GError **error)
{
    Device *device = machine_device_by_id(worker->machine, config->id);
    const guint8 data[] = { (guint8)device->number, medium };
    Event event = { .kind = EVENT_CONTROL,
                    .control = { .kind = CONTROL_MEDIUM, .data = data, .data_length = 2 } };
    if (!inbox_post_event(worker->inbox, &event, error)) {
        set_class(error, API_ERROR_DEVICE_NOT_ACTIVE);
        return false;
    }
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "device", config->id);
    json_object_set_string_member(object, "id", config->id);
    json_object_set_boolean_member(object, "tray-open", medium == VIRTIO_BLK_NO_MEDIUM);
    api_server_emit(worker->server, "DEVICE_TRAY_MOVED", object_node(object));
    return true;
}

bool cmd_eject(ApiSession *session, const EjectArgs *arguments, JsonNode **reply, GError **error)
{
    Worker *worker = worker_of(session);
    const ConfigDisk *config = find_removable(worker, arguments->id, arguments->device, error);
    return config && post_medium(worker, config, VIRTIO_BLK_NO_MEDIUM, error);
}

bool cmd_blockdev_change_medium(ApiSession *session, const BlockdevChangeMediumArgs *arguments,
                                JsonNode **reply, GError **error)
{
    Worker *worker = worker_of(session);
    const ConfigDisk *config = find_removable(worker, arguments->id, arguments->device, error);
    int medium = config ? find_medium(config, arguments->filename, error) : -1;
    return medium >= 0 && post_medium(worker, config, (uint8_t)medium, error);
}
