/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The display helper: for each machine that wants viewers. Beside its socket to the machine it has
 * two where viewers and web pages come in, opened here.
 *
 * 1. These two stay open while a helper is started again: whoever comes waits.
 * 2. Web pages have a socket of their own, in the machine's folder: no browser reaches it by
 *    itself, and a viewer's port knows nothing of the web.
 */

#include "daemon/vnc.h"

#include "api/unix-socket.h"
#include "daemon/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_NAME "vnc.sock"
#define WEB_NAME    "vnc-web.sock"

struct Vnc {
    Machine *machine;
    int listener, web;
    char *address;   /* "unix:PATH" or "tcp:HOST:PORT" */
    char *path;      /* of the unix socket, or NULL */
    char *web_path;  /* of the socket for web pages */
    char *addresses; /* both, as the machine is told */
    char **arguments;
    Helper *helper;
};

static JsonObject *vnc_of(Machine *machine)
{
    JsonObject *definition = json_node_get_object(machine->definition);
    JsonObject *display = json_object_has_member(definition, "display")
                              ? json_object_get_object_member(definition, "display")
                              : NULL;
    return display && json_object_has_member(display, "vnc")
               ? json_object_get_object_member(display, "vnc")
               : NULL;
}

/* --- the socket for viewers ------------------------------------------------------------------- */

static bool listen_unix(Vnc *vnc, GError **error)
{
    vnc->path = machine_path(vnc->machine, SOCKET_NAME);
    vnc->listener = api_socket_listen(vnc->path, error);
    vnc->address = g_strdup_printf("unix:%s", vnc->path);
    return vnc->listener >= 0;
}

static bool listen_web(Vnc *vnc, GError **error)
{
    vnc->web_path = machine_path(vnc->machine, WEB_NAME);
    vnc->web = api_socket_listen(vnc->web_path, error);
    return vnc->web >= 0;
}

static bool listen_tcp(Vnc *vnc, guint port, GError **error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int yes = 1;
    vnc->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (vnc->listener < 0 ||
        setsockopt(vnc->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(vnc->listener, (struct sockaddr *)&address, length) < 0 ||
        listen(vnc->listener, 16) < 0 ||
        getsockname(vnc->listener, (struct sockaddr *)&address, &length) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Cannot listen for viewers on 127.0.0.1 port %u: %s", port, g_strerror(errno));
        return false;
    }
    vnc->address = g_strdup_printf("tcp:127.0.0.1:%u", ntohs(address.sin_port));
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

static bool start_helper(Vnc *vnc, GError **error)
{
    char *arguments[] = {
        "powerplay-display", "--machine", "3", "--listen", "4", "--web", "5", "--name",
        vnc->machine->name,  NULL
    };
    vnc->arguments = g_strdupv(arguments);
    vnc->addresses = g_strdup_printf("%s\n%s", vnc->address, vnc->web_path);
    HelperPlan plan = { .program = "powerplay-display",
                        .what = "display helper",
                        .log = "display-log.txt",
                        .arguments = vnc->arguments,
                        .type = MESSAGE_DISPLAY,
                        .text = vnc->addresses,
                        .fds = { vnc->listener, vnc->web } };
    vnc->helper = helper_start(vnc->machine, &plan, error);
    return vnc->helper != NULL;
}

static void vnc_free(Vnc *vnc)
{
    helper_end(vnc->helper);
    if (vnc->listener >= 0)
        close(vnc->listener);
    if (vnc->web >= 0)
        close(vnc->web);
    if (vnc->path)
        unlink(vnc->path);
    if (vnc->web_path)
        unlink(vnc->web_path);
    g_free(vnc->path);
    g_free(vnc->web_path);
    g_free(vnc->address);
    g_free(vnc->addresses);
    g_strfreev(vnc->arguments);
    g_free(vnc);
}

bool vnc_start(Machine *machine, GError **error)
{
    JsonObject *wish = vnc_of(machine);
    const char *where =
        wish ? json_object_get_string_member_with_default(wish, "listen", "none") : "none";
    if (strcmp(where, "none") == 0)
        return true;
    Vnc *vnc = g_new0(Vnc, 1);
    *vnc = (Vnc){ .machine = machine, .listener = -1, .web = -1 };
    bool is_unix = strcmp(where, "unix") == 0;
    guint port = (guint)json_object_get_int_member_with_default(wish, "port", 0);
    bool listens = is_unix ? listen_unix(vnc, error) : listen_tcp(vnc, port, error);
    if (listens && listen_web(vnc, error) && start_helper(vnc, error)) {
        machine->vnc = vnc;
        return true;
    }
    vnc_free(vnc);
    return false;
}

void vnc_end(Machine *machine)
{
    if (machine->vnc)
        vnc_free(machine->vnc);
    machine->vnc = NULL;
}
