/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What each back end of a nic needs to be told, and the form of addresses of wires. */

#include "machine/config.h"

#include <arpa/inet.h>
#include <string.h>

#define INTERFACE_NAME_MAX 15
#define UNIX_PATH_MAX      107

static const char *const backend_names[CONFIG_NIC_BACKENDS] = { "null", "user", "socket", "tap" };

const char *config_nic_backend_name(ConfigNicBackend backend)
{
    return backend_names[backend];
}

static bool refuse(GError **error, unsigned number, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool refuse(GError **error, unsigned number, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE, "nics[%u]%s", number,
                text);
    return false;
}

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
        return refuse(error, number, ".%s: the path of a unix socket has at most %d bytes", member,
                      UNIX_PATH_MAX);
    if (!is_unix && !(g_str_has_prefix(text, "tcp:") && is_tcp(text + 4)))
        return refuse(error, number,
                      ".%s is \"%.80s\", expected \"unix:PATH\" or \"tcp:127.0.0.1:4000\"", member,
                      text);
    return true;
}

static bool check_tap(const char *text, unsigned number, GError **error)
{
    guint64 fd;
    bool is_fd = g_str_has_prefix(text, "fd:");
    if (is_fd ? g_ascii_string_to_unsigned(text + 3, 10, 3, G_MAXINT, &fd, NULL)
              : *text && strlen(text) <= INTERFACE_NAME_MAX && !strpbrk(text, "/ :%"))
        return true;
    return refuse(error, number, ".tap is \"%.80s\", expected an interface's name or \"fd:N\"",
                  text);
}

bool machine_config_check_nic(const ConfigNic *nic, unsigned number, GError **error)
{
    bool is_socket = nic->backend == CONFIG_NIC_SOCKET, is_tap = nic->backend == CONFIG_NIC_TAP;
    if (is_socket && !nic->listen == !nic->connect)
        return refuse(error, number,
                      ": the back end \"socket\" needs \"listen\" at one end of the wire and "
                      "\"connect\" at the other, as \"unix:/run/wire\"");
    if (!is_socket && (nic->listen || nic->connect))
        return refuse(error, number, ".%s is only for the back end \"socket\"",
                      nic->listen ? "listen" : "connect");
    if (is_tap != (nic->tap != NULL))
        return refuse(error, number,
                      ": the back end \"tap\", and no other, has a member \"tap\": an interface's "
                      "name or \"fd:N\"");
    if (nic->pcap && !*nic->pcap)
        return refuse(error, number, ".pcap is empty, expected a file's path");
    return (!nic->listen || check_address("listen", nic->listen, number, error)) &&
           (!nic->connect || check_address("connect", nic->connect, number, error)) &&
           (!nic->tap || check_tap(nic->tap, number, error));
}
