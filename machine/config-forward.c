/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Forwarded ports in QEMU's form: PROTOCOL:[ADDRESS]:PORT-[ADDRESS]:PORT. */

#include "machine/config.h"

#include <string.h>

#define LOOPBACK    0x7f000001u
#define FIRST_GUEST 0x0a00020fu /* 10.0.2.15 */

static bool parse_number(const char *text, uint64_t most, uint64_t *out)
{
    return g_ascii_string_to_unsigned(text, 10, 0, most, out, NULL);
}

static bool parse_address(const char *text, uint32_t fallback, uint32_t *out)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", 5);
    uint64_t byte;
    *out = fallback;
    if (*text == 0)
        return true;
    if (g_strv_length(parts) != 4)
        return false;
    *out = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (!parse_number(parts[i], 255, &byte))
            return false;
        *out = *out << 8 | (uint32_t)byte;
    }
    return true;
}

/* ADDRESS:PORT. */
static bool parse_end(const char *text, uint32_t fallback, uint32_t *address, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    uint64_t number;
    if (!colon || !parse_number(colon + 1, G_MAXUINT16, &number))
        return false;
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    *port = (uint16_t)number;
    return parse_address(host, fallback, address);
}

bool machine_config_forward(const char *text, ConfigForward *forward)
{
    *forward = (ConfigForward){ .is_udp = g_str_has_prefix(text, "udp:") };
    if (strlen(text) > 64 || (!forward->is_udp && !g_str_has_prefix(text, "tcp:")))
        return false;
    const char *dash = strchr(text, '-');
    if (!dash)
        return false;
    g_autofree char *host = g_strndup(text + 4, (gsize)(dash - text - 4));
    return parse_end(host, LOOPBACK, &forward->host_address, &forward->host_port) &&
           parse_end(dash + 1, FIRST_GUEST, &forward->guest_address, &forward->guest_port) &&
           forward->guest_port != 0;
}
