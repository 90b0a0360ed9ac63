/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The machine definition: JSON to MachineConfig. What there is more of (disks, nics, ports) has a
 * file of its own, config-MEMBER.c; config-values.c reads values for all of them.
 *
 * 1. Each member is one row of a table; an object is read by walking its members through its table,
 *    so nothing is ignored. Rows that were not visited have their default.
 * 2. Every error names the member's path and its value, and what would be accepted.
 * 3. The canonical text is written from the finished struct, so it holds what the machine will do.
 */

#include "machine/config-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MIB            (1024 * 1024ull)
#define MEMORY_DEFAULT (512 * MIB)
#define MEMORY_MIN     (64 * MIB)
#define MEMORY_MAX     (64 * 1024 * MIB)
#define KEYMAP_DEFAULT "en-us"
#define MAX_DEPTH      64 /* json-glib's parser recurses */

G_DEFINE_QUARK(powerplay - machine - config - error, machine_config_error)

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
    { "disks", false, config_take_disks },
    { "nics", false, config_take_nics },
    { "rng", false, take_rng },
    { "display", false, config_take_display },
    { "input", false, config_take_inputs },
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
    config_add_disks(b, config);
    if (config->display.device != CONFIG_DISPLAY_NONE) {
        config_add_display(b, &config->display);
    }
    if (config->initrd) {
        config_add_member(b, "initrd", config->initrd);
    }
    if (config->input_count) {
        config_add_inputs(b, config);
    }
    config_add_member(b, "kernel", config->kernel);
    if (strcmp(config->keymap, KEYMAP_DEFAULT) != 0) {
        config_add_member(b, "keymap", config->keymap);
    }
    json_builder_add_int_value(json_builder_set_member_name(b, "memory"),
                               (gint64)config->memory_bytes);
    config_add_member(b, "name", config->name);
    config_add_nics(b, config);
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
    if (!check_ids(config, error) || !config_check_media(config, error) ||
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
