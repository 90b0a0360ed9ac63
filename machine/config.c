/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The machine definition: JSON to MachineConfig.
 *
 * 1. Each member is one row of a table; an object is read by walking its members through its table,
 *    so nothing is ignored. Rows that were not visited have their default.
 * 2. Every error names the member's path and its value, and what would be accepted.
 * 3. The canonical text is written from the finished struct, so it holds what the machine will do.
 */

#include "machine/config-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB            (1024 * 1024ull)
#define MEMORY_DEFAULT (512 * MIB)
#define MEMORY_MIN     (64 * MIB)
#define MEMORY_MAX     (64 * 1024 * MIB)
#define KEYMAP_DEFAULT "en-us"
#define MAX_DEPTH      64 /* json-glib's parser recurses */

G_DEFINE_QUARK(powerplay - machine - config - error, machine_config_error)

bool config_wrong_value(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE, text);
    return false;
}

/* Values */

static char *show(JsonNode *node)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    json_generator_set_root(generator, node);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    return g_strdup_printf("%.60s%s", text, strlen(text) > 60 ? "..." : "");
}

bool config_wrong_type(const char *path, JsonNode *node, const char *expected, GError **error)
{
    g_autofree char *shown = show(node);
    return config_wrong_value(error, "%s is %s, expected %s", path, shown, expected);
}

bool config_holds(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

bool config_take_text(const char *path, JsonNode *node, char **out, GError **error)
{
    /* Numbers beyond 64 bits come from a strict reader as text that is not UTF-8. */
    if (!config_holds(node, G_TYPE_STRING) ||
        !g_utf8_validate(json_node_get_string(node), -1, NULL)) {
        return config_wrong_type(path, node, "a text", error);
    }
    g_free(*out);
    *out = json_node_dup_string(node);
    return true;
}

bool config_take_bool(const char *path, JsonNode *node, bool *out, GError **error)
{
    if (!config_holds(node, G_TYPE_BOOLEAN)) {
        return config_wrong_type(path, node, "true or false", error);
    }
    *out = json_node_get_boolean(node);
    return true;
}

bool config_take_choice(const char *path, JsonNode *node, const char *const *choices, unsigned *out,
                        GError **error)
{
    g_autofree char *list = g_strjoinv("\", \"", (char **)choices);
    g_autofree char *expected = g_strdup_printf("%s\"%s\"", choices[1] ? "one of " : "", list);
    if (!config_holds(node, G_TYPE_STRING)) {
        return config_wrong_type(path, node, expected, error);
    }
    for (unsigned i = 0; choices[i]; i++) {
        if (strcmp(choices[i], json_node_get_string(node)) == 0) {
            *out = i;
            return true;
        }
    }
    return config_wrong_type(path, node, expected, error);
}

/* An integer from LOW to HIGH that is a multiple of STEP. */
bool config_take_number(const char *path, JsonNode *node, unsigned low, unsigned high,
                        unsigned step, unsigned *out, GError **error)
{
    gint64 value = config_holds(node, G_TYPE_INT64) ? json_node_get_int(node) : -1;
    if (value < low || value > high || value % step) {
        g_autofree char *multiple = step > 1 ? g_strdup_printf(", a multiple of %u", step) : NULL;
        g_autofree char *expected =
            g_strdup_printf("an integer from %u to %u%s", low, high, multiple ? multiple : "");
        return config_wrong_type(path, node, expected, error);
    }
    *out = (unsigned)value;
    return true;
}

/* Objects and arrays */

bool config_take_object(const char *path, JsonNode *node, const ConfigRow *rows, void *target,
                        GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return config_wrong_type(*path ? path : "the machine definition", node, "an object", error);
    }
    JsonObject *object = json_node_get_object(node);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_autofree char *member = g_strdup_printf("%s%s%s", path, *path ? "." : "", name);
        const ConfigRow *row = rows;
        while (row->name && strcmp(row->name, name) != 0) {
            row++;
        }
        if (!row->name) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_MEMBER,
                        "%s is not a member of a machine definition", member);
            return false;
        }
        if (!row->take(member, value, target, error)) {
            return false;
        }
    }
    for (const ConfigRow *row = rows; row->name; row++) {
        if (row->required && !json_object_has_member(object, row->name)) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_MEMBER,
                        "%s%s%s is missing", path, *path ? "." : "", row->name);
            return false;
        }
    }
    return true;
}

bool config_take_array(const char *path, JsonNode *node, const ConfigRow *rows, void *elements,
                       size_t element_size, unsigned maximum, unsigned *count, GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return config_wrong_type(path, node, "an array", error);
    }
    JsonArray *array = json_node_get_array(node);
    guint length = json_array_get_length(array);
    if (length > maximum) {
        return config_wrong_value(error, "%s has %u elements, at most %u are possible", path,
                                  length, maximum);
    }
    *count = 0;
    for (guint i = 0; i < length; i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", path, i);
        *count = i + 1;
        if (!config_take_object(element, json_array_get_element(array, i), rows,
                                (char *)elements + i * element_size, error)) {
            return false;
        }
    }
    return true;
}

bool config_take_id(const char *path, JsonNode *node, char **out, GError **error)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (!config_take_text(path, node, out, error)) {
        return false;
    }
    size_t length = strlen(*out);
    if (!g_ascii_isalpha(**out) || length > 32 || strspn(*out, rest) != length) {
        return config_wrong_type(
            path, node, "up to 32 letters, digits, '_' and '-', beginning with a letter", error);
    }
    return true;
}

bool config_take_path(const char *path, JsonNode *node, char **out, GError **error)
{
    if (!config_take_text(path, node, out, error)) {
        return false;
    }
    return **out ? true : config_wrong_type(path, node, "the path of a file", error);
}

/* Disks */

TAKE(disk_id, id, ConfigDisk, id)
TAKE(disk_file, path, ConfigDisk, file)
TAKE(disk_readonly, bool, ConfigDisk, readonly)
static const char *const disk_formats[] = { "raw", "qcow2", "vdi", NULL };

const char *config_disk_format_name(ConfigDiskFormat format)
{
    return disk_formats[format];
}

static bool disk_format(const char *path, JsonNode *node, void *target, GError **error)
{
    unsigned choice;
    if (!config_take_choice(path, node, disk_formats, &choice, error)) {
        return false;
    }
    ((ConfigDisk *)target)->format = (ConfigDiskFormat)choice;
    return true;
}

static bool disk_media(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigDisk *disk = target;
    guint length =
        JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_length(json_node_get_array(node)) : G_MAXUINT;
    if (length > MACHINE_CONFIG_MAX_MEDIA) {
        return config_wrong_type(path, node, "an array of at most 7 paths", error);
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

TAKE_CHOICE(disk_interface, ConfigDisk, interface, "virtio")
TAKE_CHOICE(disk_completion, ConfigDisk, completion, "virtual", "host")

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

static bool take_disks(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    return config_take_array(path, node, disk_rows, config->disks, sizeof(ConfigDisk),
                             MACHINE_CONFIG_MAX_DISKS, &config->disk_count, error);
}

/* Network adapters */

static bool nic_mac(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char expected[] = "a unicast address as \"52:54:00:12:34:56\"";
    unsigned b[6];
    int end = 0;
    const char *text = config_holds(node, G_TYPE_STRING) ? json_node_get_string(node) : "";
    if (strlen(text) != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) !=
            6 ||
        end != 17 || (b[0] & 1)) {
        return config_wrong_type(path, node, expected, error);
    }
    for (int i = 0; i < 6; i++) {
        ((ConfigNic *)target)->mac[i] = (uint8_t)b[i];
    }
    return true;
}

TAKE(nic_id, id, ConfigNic, id)
TAKE_CHOICE(nic_model, ConfigNic, model, "virtio")
TAKE_CHOICE(nic_backend, ConfigNic, backend, "null", "user", "socket", "tap")
TAKE(nic_restrict, bool, ConfigNic, is_restricted)
TAKE(nic_loopback, bool, ConfigNic, has_host_loopback)
TAKE(nic_listen, text, ConfigNic, listen)
TAKE(nic_connect, text, ConfigNic, connect)
TAKE(nic_tap, text, ConfigNic, tap)
TAKE(nic_pcap, text, ConfigNic, pcap)

static bool nic_forwards(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigNic *nic = target;
    guint length =
        JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_length(json_node_get_array(node)) : G_MAXUINT;
    if (length > MACHINE_CONFIG_MAX_FORWARDS) {
        return config_wrong_type(path, node, "an array of at most 32 texts", error);
    }
    for (guint i = 0; i < length; i++) {
        JsonNode *element = json_array_get_element(json_node_get_array(node), i);
        g_autofree char *member = g_strdup_printf("%s[%u]", path, i);
        const char *text =
            config_holds(element, G_TYPE_STRING) ? json_node_get_string(element) : "";
        if (!machine_config_forward(text, &nic->forwards[i])) {
            return config_wrong_type(member, element, MACHINE_CONFIG_FORWARD_FORM, error);
        }
        nic->forward_count = i + 1;
    }
    return true;
}

static const ConfigRow nic_rows[] = {
    { "id", true, nic_id },
    { "model", false, nic_model },
    { "backend", false, nic_backend },
    { "mac", false, nic_mac },
    { "hostfwd", false, nic_forwards },
    { "restrict", false, nic_restrict },
    { "host-loopback", false, nic_loopback },
    { "listen", false, nic_listen },
    { "connect", false, nic_connect },
    { "tap", false, nic_tap },
    { "pcap", false, nic_pcap },
    { NULL, false, NULL },
};

static bool take_nics(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    bool good = config_take_array(path, node, nic_rows, config->nics, sizeof(ConfigNic),
                                  MACHINE_CONFIG_MAX_NICS, &config->nic_count, error);
    for (unsigned i = 0; good && i < config->nic_count; i++) {
        good = machine_config_check_nic(&config->nics[i], i, error);
    }
    return good;
}

/* The clock */

static bool clock_shift(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 0, 10, 1, &((ConfigClock *)target)->shift, error);
}

static bool clock_rtc(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char expected[] = "\"host\" or a date as \"2026-01-31T12:00:00\" (UTC)";
    ConfigClock *clock = target;
    const char *text = config_holds(node, G_TYPE_STRING) ? json_node_get_string(node) : "";
    clock->rtc_is_host = strcmp(text, "host") == 0;
    if (clock->rtc_is_host) {
        return true;
    }
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = strlen(text) >= 19 ? g_date_time_new_from_iso8601(text, utc) : NULL;
    if (!date || g_date_time_to_unix(date) < 0 || g_date_time_to_unix(date) > 4102444800) {
        return config_wrong_type(path, node, expected, error);
    }
    clock->rtc_epoch_sec = g_date_time_to_unix(date);
    return true;
}

TAKE(clock_sleep, bool, ConfigClock, sleep)

static const ConfigRow clock_rows[] = {
    { "shift", false, clock_shift },
    { "sleep", false, clock_sleep },
    { "rtc", false, clock_rtc },
    { NULL, false, NULL },
};

static bool take_clock(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_object(path, node, clock_rows, &((MachineConfig *)target)->clock, error);
}

/* The display */

TAKE_CHOICE(vnc_listen, ConfigVnc, listen, "none", "unix", "tcp")

static bool vnc_port(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 0, 65535, 1, &((ConfigVnc *)target)->port, error);
}

static const ConfigRow vnc_rows[] = {
    { "listen", false, vnc_listen },
    { "port", false, vnc_port },
    { NULL, false, NULL },
};

static bool display_vnc(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_object(path, node, vnc_rows, &((ConfigDisplay *)target)->vnc, error);
}

/* Any size up to this, at 4 bytes for a pixel, fits into 16 MiB of video memory. */
static bool display_width(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 320, 2560, 8, &((ConfigDisplay *)target)->width, error);
}

static bool display_height(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 200, 1600, 1, &((ConfigDisplay *)target)->height, error);
}

const char *config_display_id(const ConfigDisplay *display)
{
    return display->device == CONFIG_DISPLAY_VIRTIO_GPU ? "gpu" : "vga";
}

TAKE_CHOICE(display_device, ConfigDisplay, device, "none", "vga", "virtio-gpu")

static const ConfigRow display_rows[] = {
    { "device", false, display_device },
    { "width", false, display_width },
    { "height", false, display_height },
    { "vnc", false, display_vnc },
    { NULL, false, NULL },
};

static bool take_display(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigDisplay *display = &((MachineConfig *)target)->display;
    display->device = CONFIG_DISPLAY_VGA;
    if (!config_take_object(path, node, display_rows, display, error)) {
        return false;
    }
    if (display->device == CONFIG_DISPLAY_NONE && display->vnc.listen != CONFIG_VNC_NONE) {
        return config_wrong_value(
            error, "%s.vnc needs a %s.device; \"vga\" and \"virtio-gpu\" are possible", path, path);
    }
    return true;
}

/* Keyboard and pointers */

static const char *const input_names[] = { "keyboard", "mouse", "tablet", NULL };

const char *config_input_name(ConfigInput input)
{
    return input_names[input];
}

static bool take_inputs(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!array) {
        return config_wrong_type(path, node, "an array of \"keyboard\", \"mouse\" and \"tablet\"",
                                 error);
    }
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", path, i);
        unsigned choice;
        if (!config_take_choice(element, json_array_get_element(array, i), input_names, &choice,
                                error)) {
            return false;
        }
        for (unsigned j = 0; j < config->input_count; j++) {
            if (config->inputs[j] == choice) {
                return config_wrong_value(error, "%s is \"%s\" a second time", element,
                                          input_names[choice]);
            }
        }
        config->inputs[config->input_count++] = choice;
    }
    return true;
}

/* The machine */

static bool take_name(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    MachineConfig *config = target;
    if (!config_take_text(path, node, &config->name, error)) {
        return false;
    }
    size_t length = strlen(config->name);
    if (!g_ascii_isalnum(*config->name) || length > 64 || strspn(config->name, rest) != length) {
        return config_wrong_type(
            path, node,
            "1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or "
            "digit",
            error);
    }
    return true;
}

/* "1G", "512M", "1048576K" or a number of bytes. */
static bool parse_size(const char *text, uint64_t *bytes)
{
    char *end;
    if (!g_ascii_isdigit(*text)) {
        return false;
    }
    errno = 0;
    uint64_t value = g_ascii_strtoull(text, &end, 10);
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (errno || (*end && (!unit || end[1])) || value > UINT64_MAX >> shift) {
        return false;
    }
    *bytes = value << shift;
    return true;
}

static bool take_memory(const char *path, JsonNode *node, void *target, GError **error)
{
    uint64_t bytes = 0;
    bool good = false;
    if (config_holds(node, G_TYPE_INT64)) {
        bytes = (uint64_t)json_node_get_int(node);
        good = json_node_get_int(node) > 0;
    } else if (config_holds(node, G_TYPE_STRING)) {
        good = parse_size(json_node_get_string(node), &bytes);
    }
    if (!good || bytes < MEMORY_MIN || bytes > MEMORY_MAX || bytes % MIB) {
        return config_wrong_type(path, node, "a size like \"1G\": a multiple of 1M from 64M to 64G",
                                 error);
    }
    ((MachineConfig *)target)->memory_bytes = bytes;
    return true;
}

static bool take_append(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    if (!config_take_text(path, node, &config->append, error)) {
        return false;
    }
    if (strlen(config->append) > MACHINE_CONFIG_MAX_APPEND) {
        return config_wrong_value(error, "%s has %zu bytes, at most %d are possible", path,
                                  strlen(config->append), MACHINE_CONFIG_MAX_APPEND);
    }
    return true;
}

static bool take_board(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char *const boards[] = { "pseries", "bench32", NULL };
    unsigned choice;
    return config_take_choice(path, node, boards, &choice, error) &&
           config_take_text(path, node, &((MachineConfig *)target)->board, error);
}

static bool take_cpu(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char *const models[] = { "power9", "7400", "7447a", NULL };
    unsigned choice;
    return config_take_choice(path, node, models, &choice, error) &&
           config_take_text(path, node, &((MachineConfig *)target)->cpu, error);
}

TAKE(take_kernel, path, MachineConfig, kernel)
TAKE(take_initrd, path, MachineConfig, initrd)
TAKE(take_rng, bool, MachineConfig, rng)
TAKE(take_keymap, text, MachineConfig, keymap)

static const ConfigRow machine_rows[] = {
    { "name", true, take_name },
    { "board", false, take_board },
    { "cpu", false, take_cpu },
    { "memory", false, take_memory },
    { "kernel", true, take_kernel },
    { "initrd", false, take_initrd },
    { "append", false, take_append },
    { "clock", false, take_clock },
    { "serial", false, config_take_serial },
    { "disks", false, take_disks },
    { "nics", false, take_nics },
    { "rng", false, take_rng },
    { "display", false, take_display },
    { "input", false, take_inputs },
    { "keymap", false, take_keymap },
    { "audio", false, config_take_audio },
    { NULL, false, NULL },
};

/* Defaults, before and after reading */

static MachineConfig *config_new(void)
{
    MachineConfig *config = g_new0(MachineConfig, 1);
    config->board = g_strdup("pseries");
    config->cpu = g_strdup("power9");
    config->memory_bytes = MEMORY_DEFAULT;
    config->append = g_strdup("");
    config->clock = (ConfigClock){ .sleep = true, .rtc_is_host = true };
    config->rng = true;
    config->keymap = g_strdup(KEYMAP_DEFAULT);
    config->display = (ConfigDisplay){ .width = 1024, .height = 768 };
    config->kernel_fd = config->initrd_fd = config->audio.capture_fd = -1;
    config->serial_count = G_MAXUINT; /* not given */
    for (unsigned i = 0; i < MACHINE_CONFIG_MAX_DISKS; i++) {
        config->disks[i].fd = config->disks[i].nbd_fd = -1;
        memset(config->disks[i].media_fd, 0xff, sizeof config->disks[i].media_fd);
    }
    for (unsigned i = 0; i < MACHINE_CONFIG_MAX_NICS; i++) {
        static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
        memcpy(config->nics[i].mac, mac, 6);
        config->nics[i].mac[5] = (uint8_t)(mac[5] + i);
        config->nics[i].pcap_fd = -1;
    }
    return config;
}

static void complete(MachineConfig *config)
{
    if (config->serial_count == G_MAXUINT) {
        config->serial_count = 1;
        config->serial[0].id = g_strdup("hvc0");
    }
}

/* What a medium holds when another one takes its place would have to be kept somewhere. */
static bool check_media(const MachineConfig *config, GError **error)
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

static bool check_ids(const MachineConfig *config, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    const char *ids[MACHINE_CONFIG_MAX_SERIAL + MACHINE_CONFIG_MAX_DISKS + MACHINE_CONFIG_MAX_NICS +
                    MACHINE_CONFIG_MAX_INPUTS + 2];
    unsigned count = 0;
    for (unsigned i = 0; i < config->serial_count; i++) {
        ids[count++] = config->serial[i].id;
    }
    for (unsigned i = 0; i < config->disk_count; i++) {
        ids[count++] = config->disks[i].id;
    }
    for (unsigned i = 0; i < config->nic_count; i++) {
        ids[count++] = config->nics[i].id;
    }
    for (unsigned i = 0; i < config->input_count; i++) {
        ids[count++] = config_input_name(config->inputs[i]);
    }
    if (config->display.device != CONFIG_DISPLAY_NONE) {
        ids[count++] = config_display_id(&config->display);
    }
    if (config->audio.device != CONFIG_AUDIO_NONE) {
        ids[count++] = CONFIG_AUDIO_ID;
    }
    static const char *const reserved[] = { CONFIG_RESERVED_IDS };
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < G_N_ELEMENTS(reserved); j++) {
            if (strcmp(ids[i], reserved[j]) == 0) {
                return config_wrong_value(error, "the id \"%s\" is the board's own; choose another",
                                          ids[i]);
            }
        }
        if (!g_hash_table_add(seen, (gpointer)ids[i])) {
            return config_wrong_value(error, "two devices have the id \"%s\"", ids[i]);
        }
    }
    return true;
}

/* The canonical text */

void config_add_member(JsonBuilder *b, const char *name, const char *value)
{
    json_builder_add_string_value(json_builder_set_member_name(b, name), value);
}

static void add_media(JsonBuilder *b, const ConfigDisk *disk)
{
    json_builder_begin_array(json_builder_set_member_name(b, "media"));
    for (unsigned i = 0; i < disk->media_count; i++) {
        json_builder_add_string_value(b, disk->media[i]);
    }
    json_builder_end_array(b);
}

static void add_disks(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "disks"));
    for (unsigned i = 0; i < config->disk_count; i++) {
        const ConfigDisk *disk = &config->disks[i];
        json_builder_begin_object(b);
        config_add_member(b, "completion",
                          disk->completion == CONFIG_COMPLETION_HOST ? "host" : "virtual");
        config_add_member(b, "file", disk->file);
        config_add_member(b, "format", disk_formats[disk->format]);
        config_add_member(b, "id", disk->id);
        config_add_member(b, "interface", "virtio");
        if (disk->is_removable) {
            add_media(b, disk);
        }
        json_builder_add_boolean_value(json_builder_set_member_name(b, "readonly"), disk->readonly);
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}

static void add_nics(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "nics"));
    for (unsigned i = 0; i < config->nic_count; i++) {
        const uint8_t *m = config->nics[i].mac;
        g_autofree char *mac =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
        json_builder_begin_object(b);
        /* Whatever wire it was, a recording that has been moved is on none. */
        config_add_member(b, "backend",
                          config->nics[i].backend == CONFIG_NIC_USER ? "user" : "null");
        config_add_member(b, "id", config->nics[i].id);
        config_add_member(b, "mac", mac);
        config_add_member(b, "model", "virtio");
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}

static void add_clock(JsonBuilder *b, const ConfigClock *clock)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(clock->rtc_epoch_sec);
    g_autofree char *text = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S");
    json_builder_begin_object(json_builder_set_member_name(b, "clock"));
    config_add_member(b, "rtc", clock->rtc_is_host ? "host" : text);
    json_builder_add_int_value(json_builder_set_member_name(b, "shift"), clock->shift);
    json_builder_add_boolean_value(json_builder_set_member_name(b, "sleep"), clock->sleep);
    json_builder_end_object(b);
}

static void add_display(JsonBuilder *b, const ConfigDisplay *display)
{
    static const char *const listen[] = { "none", "unix", "tcp" };
    static const char *const devices[] = { "none", "vga", "virtio-gpu" };
    json_builder_begin_object(json_builder_set_member_name(b, "display"));
    config_add_member(b, "device", devices[display->device]);
    json_builder_add_int_value(json_builder_set_member_name(b, "height"), display->height);
    json_builder_begin_object(json_builder_set_member_name(b, "vnc"));
    config_add_member(b, "listen", listen[display->vnc.listen]);
    json_builder_add_int_value(json_builder_set_member_name(b, "port"), display->vnc.port);
    json_builder_end_object(b);
    json_builder_add_int_value(json_builder_set_member_name(b, "width"), display->width);
    json_builder_end_object(b);
}

static void add_inputs(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "input"));
    for (unsigned i = 0; i < config->input_count; i++) {
        json_builder_add_string_value(b, config_input_name(config->inputs[i]));
    }
    json_builder_end_array(b);
}

/* Members for a screen and its like are left out where there is none: so are they in definitions of
 * recordings from before there were any. */
static char *canonical_text(const MachineConfig *config)
{
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    config_add_member(b, "append", config->append);
    config_add_audio(b, config);
    config_add_member(b, "board", config->board);
    add_clock(b, &config->clock);
    config_add_member(b, "cpu", config->cpu);
    add_disks(b, config);
    if (config->display.device != CONFIG_DISPLAY_NONE) {
        add_display(b, &config->display);
    }
    if (config->initrd) {
        config_add_member(b, "initrd", config->initrd);
    }
    if (config->input_count) {
        add_inputs(b, config);
    }
    config_add_member(b, "kernel", config->kernel);
    if (strcmp(config->keymap, KEYMAP_DEFAULT) != 0) {
        config_add_member(b, "keymap", config->keymap);
    }
    json_builder_add_int_value(json_builder_set_member_name(b, "memory"),
                               (gint64)config->memory_bytes);
    config_add_member(b, "name", config->name);
    add_nics(b, config);
    json_builder_add_boolean_value(json_builder_set_member_name(b, "rng"), config->rng);
    config_add_serial(b, config);
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    return json_to_string(root, FALSE);
}

/* Life */

MachineConfig *machine_config_from_node(JsonNode *node, GError **error)
{
    g_autoptr(MachineConfig) config = config_new();
    if (!config_take_object("", node, machine_rows, config, error)) {
        return NULL;
    }
    complete(config);
    if (!check_ids(config, error) || !check_media(config, error) ||
        !config_check_serial(config, error)) {
        return NULL;
    }
    config->canonical = canonical_text(config);
    return g_steal_pointer(&config);
}

static bool check_depth(const char *text, size_t length, GError **error)
{
    int depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < length; i++) {
        if (in_text && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_text = !in_text;
        } else if (!in_text) {
            depth += (text[i] == '{' || text[i] == '[') - (text[i] == '}' || text[i] == ']');
        }
        if (depth > MAX_DEPTH) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_SYNTAX,
                        "the machine definition is nested more than %d levels deep", MAX_DEPTH);
            return false;
        }
    }
    return true;
}

MachineConfig *machine_config_parse(const char *json, gssize length, GError **error)
{
    size_t bytes = length < 0 ? strlen(json) : (size_t)length;
    if (!check_depth(json, bytes, error)) {
        return NULL;
    }
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) problem = NULL;
    JsonNode *root = NULL;
    if (json_parser_load_from_data(parser, json, (gssize)bytes, &problem)) {
        root = json_parser_get_root(parser);
    }
    if (!root) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_SYNTAX,
                    "the machine definition is not JSON: %s", problem ? problem->message : "empty");
        return NULL;
    }
    return machine_config_from_node(root, error);
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void machine_config_free(MachineConfig *config)
{
    if (!config) {
        return;
    }
    close_fd(config->kernel_fd);
    close_fd(config->initrd_fd);
    close_fd(config->audio.capture_fd);
    g_free(config->audio.playback_file);
    g_free(config->audio.replay_file);
    g_free(config->audio.capture_file);
    for (unsigned i = 0; i < MACHINE_CONFIG_MAX_SERIAL; i++) {
        g_free(config->serial[i].id);
        g_free(config->serial[i].name);
    }
    for (unsigned i = 0; i < MACHINE_CONFIG_MAX_DISKS; i++) {
        close_fd(config->disks[i].fd);
        close_fd(config->disks[i].nbd_fd);
        for (unsigned k = 0; k < MACHINE_CONFIG_MAX_MEDIA; k++) {
            close_fd(config->disks[i].media_fd[k]);
            g_free(config->disks[i].media[k]);
        }
        g_free(config->disks[i].id);
        g_free(config->disks[i].file);
    }
    for (unsigned i = 0; i < MACHINE_CONFIG_MAX_NICS; i++) {
        close_fd(config->nics[i].pcap_fd);
        g_free(config->nics[i].id);
        g_free(config->nics[i].listen);
        g_free(config->nics[i].connect);
        g_free(config->nics[i].tap);
        g_free(config->nics[i].pcap);
    }
    g_free(config->name);
    g_free(config->board);
    g_free(config->cpu);
    g_free(config->kernel);
    g_free(config->initrd);
    g_free(config->append);
    g_free(config->keymap);
    g_free(config->canonical);
    g_free(config);
}

/* Files */

typedef struct {
    char path[32];
    const char *file;
    int *fd;
    bool is_socket, is_written;
    bool is_optional; /* a machine can be built without it */
} NamedFile;

#define MAX_FILES                                                                                  \
    (3 + (2 + MACHINE_CONFIG_MAX_MEDIA) * MACHINE_CONFIG_MAX_DISKS + MACHINE_CONFIG_MAX_NICS)

static unsigned list_files(MachineConfig *config, NamedFile *files)
{
    unsigned count = 0;
    files[count++] = (NamedFile){ "kernel", config->kernel, &config->kernel_fd };
    if (config->initrd) {
        files[count++] = (NamedFile){ "initrd", config->initrd, &config->initrd_fd };
    }
    if (config->audio.capture_file) {
        files[count++] = (NamedFile){ .path = "audio.capture.file",
                                      .file = config->audio.capture_file,
                                      .fd = &config->audio.capture_fd,
                                      .is_optional = true };
    }
    for (unsigned i = 0; i < config->disk_count; i++) {
        NamedFile *file = &files[count++];
        *file = (NamedFile){ .file = config->disks[i].file, .fd = &config->disks[i].fd };
        g_snprintf(file->path, sizeof(file->path), "disks[%u].file", i);
        for (unsigned k = 0; k < config->disks[i].media_count; k++) {
            file = &files[count++];
            *file = (NamedFile){ .file = config->disks[i].media[k],
                                 .fd = &config->disks[i].media_fd[k] };
            g_snprintf(file->path, sizeof(file->path), "disks[%u].media[%u]", i, k);
        }
        if (config->disks[i].format == CONFIG_DISK_RAW) {
            continue;
        }
        file = &files[count++];
        *file = (NamedFile){ .file = "the server of the image",
                             .fd = &config->disks[i].nbd_fd,
                             .is_socket = true };
        g_snprintf(file->path, sizeof(file->path), "disks[%u].nbd", i);
    }
    for (unsigned i = 0; i < config->nic_count; i++) {
        if (config->nics[i].pcap) {
            NamedFile *file = &files[count++];
            *file = (NamedFile){ .file = config->nics[i].pcap,
                                 .fd = &config->nics[i].pcap_fd,
                                 .is_written = true };
            g_snprintf(file->path, sizeof(file->path), "nics[%u].pcap", i);
        }
    }
    return count;
}

/* Empties a file that is to be written, if it is one of its kind: no image is lost by mistake. */
static const char *empty_file(int fd, const struct stat *status)
{
    uint32_t magic;
    if (!S_ISREG(status->st_mode)) {
        return "it is no file";
    }
    if (status->st_size > 0 && (pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) ||
                                magic != MACHINE_CONFIG_PCAP_MAGIC)) {
        return "it holds something else than a dump; remove it or choose another file";
    }
    return ftruncate(fd, 0) < 0 ? g_strerror(errno) : NULL;
}

static bool set_file(NamedFile *file, int fd, GError **error)
{
    struct stat status;
    const char *problem = NULL;
    if (fstat(fd, &status) < 0) {
        problem = g_strerror(errno);
    } else if (file->is_written && *file->fd < 0) {
        problem = empty_file(fd, &status);
    } else if (file->is_socket && !S_ISSOCK(status.st_mode)) {
        problem = "it is no socket";
    } else if (!file->is_socket && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        problem = "it is neither a file nor a block device";
    } else if (*file->fd >= 0) {
        problem = "it was given twice";
    }
    if (problem) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                    "cannot use %s (%s): %s", file->path, file->file, problem);
        close(fd);
        return false;
    }
    *file->fd = fd;
    return true;
}

bool machine_config_attach(MachineConfig *config, const char *path, int fd, GError **error)
{
    NamedFile files[MAX_FILES];
    unsigned count = list_files(config, files);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return set_file(&files[i], fd, error);
        }
    }
    close(fd);
    g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                "the machine definition has no file '%s'", path);
    return false;
}

bool machine_config_open_files(MachineConfig *config, int directory_fd, GError **error)
{
    NamedFile files[MAX_FILES];
    unsigned count = list_files(config, files);
    for (unsigned i = 0; i < count; i++) {
        if (*files[i].fd >= 0) {
            continue;
        }
        if (files[i].is_socket) {
            return config_wrong_value(
                error,
                "%s: images of other formats than raw are served by the daemon; "
                "without it, convert the image to raw",
                files[i].path);
        }
        int flags = files[i].is_written ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY;
        int fd = openat(directory_fd, files[i].file, flags | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "cannot open %s (%s): %s", files[i].path, files[i].file, g_strerror(errno));
            return false;
        }
        if (!set_file(&files[i], fd, error)) {
            return false;
        }
    }
    return true;
}

bool machine_config_is_complete(const MachineConfig *config, GError **error)
{
    NamedFile files[MAX_FILES];
    unsigned count = list_files((MachineConfig *)config, files);
    for (unsigned i = 0; i < count; i++) {
        if (*files[i].fd < 0 && !files[i].is_optional) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "%s (%s) was not given as an open file", files[i].path, files[i].file);
            return false;
        }
    }
    return true;
}
