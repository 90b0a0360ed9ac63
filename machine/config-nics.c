/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The member `nics`: what each back end needs to be told, and the form of addresses of wires. */

#include "machine/config-internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define INTERFACE_NAME_MAX 15
#define UNIX_PATH_MAX      107

static const char *const models[] = { "virtio", NULL };
static const char *const backends[] = { "null", "user", "socket", "tap", NULL };

const char *config_nic_backend_name(ConfigNicBackend backend)
{
    return backends[backend];
}

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
TAKE_CHOICE(nic_model, ConfigNic, model, models)
TAKE_CHOICE(nic_backend, ConfigNic, backend, backends)
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
        return config_wrong_type(
            path, node, "an array of at most " G_STRINGIFY(MACHINE_CONFIG_MAX_FORWARDS) " texts",
            error);
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

/* ADDRESS:PORT, without names. */
static bool is_tcp(const char *text)
{
    struct in_addr address;
    guint64 port;
    const char *colon = strrchr(text, ':');
    g_autofree char *host = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
    return colon && inet_pton(AF_INET, host, &address) == 1 &&
           g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT16, &port, NULL);
}

static bool check_address(const char *member, const char *text, unsigned number, GError **error)
{
    bool is_unix = g_str_has_prefix(text, "unix:") && text[5];
    if (is_unix && strlen(text + 5) > UNIX_PATH_MAX)
        return config_wrong_value(error,
                                  "nics[%u].%s: the path of a unix socket has at most %d bytes",
                                  number, member, UNIX_PATH_MAX);
    if (!is_unix && !(g_str_has_prefix(text, "tcp:") && is_tcp(text + 4)))
        return config_wrong_value(
            error, "nics[%u].%s is \"%.80s\", expected \"unix:PATH\" or \"tcp:127.0.0.1:4000\"",
            number, member, text);
    return true;
}

/* A descriptor by its number or by the name that a client gave it. */
static bool is_descriptor(const char *text)
{
    guint64 fd;
    return g_ascii_isalpha(*text) || *text == '_' ||
           g_ascii_string_to_unsigned(text, 10, 3, G_MAXINT, &fd, NULL);
}

static bool check_tap(const char *text, unsigned number, GError **error)
{
    if (g_str_has_prefix(text, "fd:")
            ? is_descriptor(text + 3)
            : *text && strlen(text) <= INTERFACE_NAME_MAX && !strpbrk(text, "/ :%"))
        return true;
    return config_wrong_value(
        error,
        "nics[%u].tap is \"%.80s\", expected an interface's name, \"fd:N\" or "
        "\"fd:NAME\"",
        number, text);
}

/* Whether NIC says what its back end needs, and nothing else's. */
static bool check_nic(const ConfigNic *nic, unsigned number, GError **error)
{
    bool is_socket = nic->backend == CONFIG_NIC_SOCKET, is_tap = nic->backend == CONFIG_NIC_TAP;
    if (is_socket && !nic->listen == !nic->connect)
        return config_wrong_value(
            error,
            "nics[%u]: the back end \"socket\" needs \"listen\" at one end of the wire and "
            "\"connect\" at the other, as \"unix:/run/wire\"",
            number);
    if (!is_socket && (nic->listen || nic->connect))
        return config_wrong_value(error, "nics[%u].%s is only for the back end \"socket\"", number,
                                  nic->listen ? "listen" : "connect");
    if (is_tap != (nic->tap != NULL))
        return config_wrong_value(
            error,
            "nics[%u]: the back end \"tap\", and no other, has a member \"tap\": an interface's "
            "name, \"fd:N\" or \"fd:NAME\"",
            number);
    if (nic->pcap && !*nic->pcap)
        return config_wrong_value(error, "nics[%u].pcap is empty, expected a file's path", number);
    return (!nic->listen || check_address("listen", nic->listen, number, error)) &&
           (!nic->connect || check_address("connect", nic->connect, number, error)) &&
           (!nic->tap || check_tap(nic->tap, number, error));
}

bool config_take_nics(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    bool good = config_take_array(path, node, nic_rows, config->nics, sizeof(ConfigNic),
                                  MACHINE_CONFIG_MAX_NICS, &config->nic_count, error);
    for (unsigned i = 0; good && i < config->nic_count; i++) {
        good = check_nic(&config->nics[i], i, error);
    }
    return good;
}

void config_add_nics(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "nics"));
    for (unsigned i = 0; i < config->nic_count; i++) {
        const uint8_t *m = config->nics[i].mac;
        g_autofree char *mac =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
        json_builder_begin_object(b);
        /* Whatever wire it was, a recording that has been moved is on none. */
        config_add_member(b, "backend",
                          backends[config->nics[i].backend == CONFIG_NIC_USER ? CONFIG_NIC_USER
                                                                              : CONFIG_NIC_NULL]);
        config_add_member(b, "id", config->nics[i].id);
        config_add_member(b, "mac", mac);
        config_add_member(b, "model", models[config->nics[i].model]);
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}
