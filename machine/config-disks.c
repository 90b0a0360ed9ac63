/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The member `disks`. */

#include "machine/config-internal.h"

static const char *const formats[] = { "raw", "qcow2", "vdi", NULL };
static const char *const interfaces[] = { "virtio", NULL };
static const char *const completions[] = { "virtual", "host", NULL };

TAKE(disk_id, id, ConfigDisk, id)
TAKE(disk_file, path, ConfigDisk, file)
TAKE(disk_readonly, bool, ConfigDisk, readonly)
TAKE_CHOICE(disk_format, ConfigDisk, format, formats)
TAKE_CHOICE(disk_interface, ConfigDisk, interface, interfaces)
TAKE_CHOICE(disk_completion, ConfigDisk, completion, completions)

const char *config_disk_format_name(ConfigDiskFormat format)
{
    return formats[format];
}

static bool disk_media(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigDisk *disk = target;
    guint length =
        JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_length(json_node_get_array(node)) : G_MAXUINT;
    if (length > MACHINE_CONFIG_MAX_MEDIA) {
        return config_wrong_type(
            path, node, "an array of at most " G_STRINGIFY(MACHINE_CONFIG_MAX_MEDIA) " paths",
            error);
    }
    disk->is_removable = true;
    for (guint i = 0; i < length; i++) {
        g_autofree char *member = g_strdup_printf("%s[%u]", path, i);
        JsonNode *element = json_array_get_element(json_node_get_array(node), i);
        disk->media_count = i + 1;
        if (!config_take_path(member, element, &disk->media[i], error)) {
            return false;
        }
    }
    return true;
}

static const ConfigRow disk_rows[] = {
    { "id", true, disk_id },
    { "file", true, disk_file },
    { "readonly", false, disk_readonly },
    { "format", false, disk_format },
    { "interface", false, disk_interface },
    { "completion", false, disk_completion },
    { "media", false, disk_media },
    { NULL, false, NULL },
};

bool config_take_disks(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    return config_take_array(path, node, disk_rows, config->disks, sizeof(ConfigDisk),
                             MACHINE_CONFIG_MAX_DISKS, &config->disk_count, error);
}

/* What a medium holds when another one takes its place would have to be kept somewhere. */
bool config_check_media(const MachineConfig *config, GError **error)
{
    for (unsigned i = 0; i < config->disk_count; i++) {
        const ConfigDisk *disk = &config->disks[i];
        if (disk->is_removable && (!disk->readonly || disk->format != CONFIG_DISK_RAW ||
                                   disk->completion != CONFIG_COMPLETION_VIRTUAL)) {
            return config_wrong_value(
                error,
                "disks[%u].media: only a disk that is \"readonly\", of format "
                "\"raw\" and completion \"virtual\" can change its medium",
                i);
        }
    }
    return true;
}

static void add_media(JsonBuilder *b, const ConfigDisk *disk)
{
    json_builder_begin_array(json_builder_set_member_name(b, "media"));
    for (unsigned i = 0; i < disk->media_count; i++) {
        json_builder_add_string_value(b, disk->media[i]);
    }
    json_builder_end_array(b);
}

void config_add_disks(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "disks"));
    for (unsigned i = 0; i < config->disk_count; i++) {
        const ConfigDisk *disk = &config->disks[i];
        json_builder_begin_object(b);
        config_add_member(b, "completion", completions[disk->completion]);
        config_add_member(b, "file", disk->file);
        config_add_member(b, "format", formats[disk->format]);
        config_add_member(b, "id", disk->id);
        config_add_member(b, "interface", interfaces[disk->interface]);
        if (disk->is_removable) {
            add_media(b, disk);
        }
        json_builder_add_boolean_value(json_builder_set_member_name(b, "readonly"), disk->readonly);
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}
