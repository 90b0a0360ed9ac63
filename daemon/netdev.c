/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The network helper: for each machine with a nic that leads anywhere. Beside its socket to the
 * machine it has one to the daemon for what it may not open itself (wires.c), if there is any such
 * thing; its command line says what each network may do: that is the definition's to say, never the
 * machine's.
 */

#include "daemon/netdev.h"

#include "daemon/helper.h"
#include "daemon/wires.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct Netdev {
    GPtrArray *arguments; /* NULL-terminated */
    Wires *wires;         /* NULL if no nic has one */
    Helper *helper;
};

/* --- what the definition says ----------------------------------------------------------------- */

static void add_nic(GPtrArray *arguments, guint number, JsonObject *nic)
{
    const char *backend = json_object_get_string_member_with_default(nic, "backend", "null");
    bool is_user = strcmp(backend, "user") == 0;
    if (strcmp(backend, "null") == 0)
        return;
    bool is_restricted = json_object_get_boolean_member_with_default(nic, "restrict", FALSE);
    bool has_loopback = json_object_get_boolean_member_with_default(nic, "host-loopback", FALSE);
    g_ptr_array_add(arguments, g_strdup("--nic"));
    if (is_user)
        g_ptr_array_add(arguments,
                        g_strdup_printf("%u,user%s%s", number, is_restricted ? ",restrict" : "",
                                        has_loopback ? ",host-loopback" : ""));
    else
        g_ptr_array_add(arguments, g_strdup_printf("%u,%s", number,
                                                   strcmp(backend, "tap") == 0 ? "tap" : "wire"));
}

/* The helper's command line; NULL if no nic needs one. */
static GPtrArray *arguments_of(Machine *machine, bool has_wires)
{
    JsonObject *definition = json_node_get_object(machine->definition);
    JsonArray *nics = json_object_has_member(definition, "nics")
                          ? json_object_get_array_member(definition, "nics")
                          : NULL;
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(arguments, g_strdup("powerplay-net"));
    g_ptr_array_add(arguments, g_strdup("--machine"));
    g_ptr_array_add(arguments, g_strdup_printf("%d", HELPER_MACHINE_FD));
    if (has_wires) {
        g_ptr_array_add(arguments, g_strdup("--daemon"));
        g_ptr_array_add(arguments, g_strdup_printf("%d", HELPER_FIRST_FD));
    }
    guint fixed = arguments->len;
    for (guint i = 0; nics && i < json_array_get_length(nics); i++)
        add_nic(arguments, i, json_array_get_object_element(nics, i));
    if (arguments->len == fixed) {
        g_ptr_array_unref(arguments);
        return NULL;
    }
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A new helper's line to here; the one before has let go of its own. */
static int make_line(gpointer data, GError **error)
{
    Netdev *netdev = data;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot make sockets: %s",
                    g_strerror(errno));
        return -1;
    }
    wires_set_helper(netdev->wires, pair[0]);
    return pair[1];
}

static void netdev_free(Netdev *netdev)
{
    helper_end(netdev->helper);
    wires_free(netdev->wires);
    g_ptr_array_unref(netdev->arguments);
    g_free(netdev);
}

bool netdev_start(Machine *machine, GError **error)
{
    Wires *wires = wires_new(machine);
    GPtrArray *arguments = arguments_of(machine, wires != NULL);
    if (!arguments) {
        wires_free(wires);
        return true;
    }
    Netdev *netdev = g_new0(Netdev, 1);
    *netdev = (Netdev){ .arguments = arguments, .wires = wires };
    HelperPlan plan = { .program = "powerplay-net",
                        .what = "network helper",
                        .log = "net-log.txt",
                        .arguments = (char **)arguments->pdata,
                        .type = MESSAGE_NET,
                        .fds = { -1, -1 },
                        .make_fd = wires ? make_line : NULL,
                        .data = netdev };
    netdev->helper = helper_start(machine, &plan, error);
    if (!netdev->helper) {
        netdev_free(netdev);
        return false;
    }
    machine->netdev = netdev;
    return true;
}

void netdev_end(Machine *machine)
{
    if (machine->netdev)
        netdev_free(machine->netdev);
    machine->netdev = NULL;
}
