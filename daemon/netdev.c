/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The network helper: a process of its own for each machine with a nic that leads anywhere. It gets
 * a socket that leads to the machine's process, one to the daemon for what it may not open itself
 * (wires.c), and on its command line what each network may do: that is the definition's to say,
 * never the machine's.
 *
 * 1. When a helper dies, the guest finds its cables unplugged, and another helper is started: at
 *    once, then after ever longer pauses, so that one that cannot start costs nothing.
 */

#include "daemon/netdev.h"

#include "daemon/process.h"
#include "daemon/wires.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MACHINE_FD     3 /* in the child */
#define DAEMON_FD      4
#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS  5000
#define GOOD_AFTER_US  10000000 /* who lived that long may start again at once */

struct Netdev {
    Machine *machine;
    GPtrArray *arguments; /* NULL-terminated */
    Wires *wires;         /* NULL if no nic has one */
    pid_t pid;
    guint child_source, restart_source;
    guint pause_ms;
    gint64 started_us;
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
static GPtrArray *arguments_of(Machine *machine)
{
    JsonObject *definition = json_node_get_object(machine->definition);
    JsonArray *nics = json_object_has_member(definition, "nics")
                          ? json_object_get_array_member(definition, "nics")
                          : NULL;
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(arguments, g_strdup("powerplay-net"));
    g_ptr_array_add(arguments, g_strdup("--machine"));
    g_ptr_array_add(arguments, g_strdup_printf("%d", MACHINE_FD));
    g_ptr_array_add(arguments, g_strdup("--daemon"));
    g_ptr_array_add(arguments, g_strdup_printf("%d", DAEMON_FD));
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

/* --- the process ------------------------------------------------------------------------------ */

/* Beside the machine's program, as they are installed and built. */
static char *program_path(Machine *machine)
{
    g_autofree char *directory = g_path_get_dirname(machine->supervisor->worker_program);
    return g_build_filename(directory, "powerplay-net", NULL);
}

/* Between fork and exec: only calls that are safe there. */
static void become_helper(const char *program, int machine, int daemon, int log, char **arguments)
{
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* First out of the way of the numbers that they get. */
    int high_machine = fcntl(machine, F_DUPFD, 10), high_daemon = fcntl(daemon, F_DUPFD, 10);
    int high_log = fcntl(log, F_DUPFD, 10), high_null = fcntl(null, F_DUPFD, 10);
    dup2(high_null, STDIN_FILENO);
    dup2(high_log, STDOUT_FILENO);
    dup2(high_log, STDERR_FILENO);
    dup2(high_machine, MACHINE_FD);
    dup2(high_daemon, DAEMON_FD);
    close_range(DAEMON_FD + 1, ~0u, 0);
    execv(program, arguments);
    _exit(127);
}

static void on_helper_gone(GPid pid, gint status, gpointer data);

static bool spawn(Netdev *netdev, GError **error)
{
    Machine *machine = netdev->machine;
    g_autofree char *program = program_path(machine);
    g_autofree char *log_path = machine_path(machine, "net-log.txt");
    int pair[2], own[2];
    int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, own) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", program,
                    g_strerror(errno));
        if (log >= 0)
            close(log);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_helper(program, pair[1], own[1], log, (char **)netdev->arguments->pdata);
    close(log);
    close(pair[1]);
    close(own[1]);
    if (netdev->wires)
        wires_set_helper(netdev->wires, own[0]);
    else
        close(own[0]);
    bool good = pid > 0 && process_send(machine, MESSAGE_NET, 0, 0, NULL, 0, pair[0]);
    close(pair[0]);
    if (pid < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", program,
                    g_strerror(errno));
        return false;
    }
    netdev->pid = pid;
    netdev->started_us = g_get_monotonic_time();
    netdev->child_source = g_child_watch_add(pid, on_helper_gone, netdev);
    if (!good)
        kill(pid, SIGKILL); /* the machine's socket was full: try again */
    return true;
}

static gboolean restart(gpointer data)
{
    Netdev *netdev = data;
    g_autoptr(GError) error = NULL;
    netdev->restart_source = 0;
    if (!spawn(netdev, &error)) {
        g_warning("%s: %s", netdev->machine->name, error->message);
        netdev->restart_source = g_timeout_add(LAST_PAUSE_MS, restart, netdev);
    }
    return G_SOURCE_REMOVE;
}

static void on_helper_gone(GPid pid, gint status, gpointer data)
{
    Netdev *netdev = data;
    bool was_good = g_get_monotonic_time() - netdev->started_us > GOOD_AFTER_US;
    netdev->pid = 0;
    netdev->child_source = 0;
    if (WIFSIGNALED(status))
        g_message("%s: its network helper was killed by signal %d", netdev->machine->name,
                  WTERMSIG(status));
    netdev->pause_ms = was_good ? FIRST_PAUSE_MS : MIN(2 * netdev->pause_ms, LAST_PAUSE_MS);
    netdev->restart_source = g_timeout_add(netdev->pause_ms, restart, netdev);
}

/* --- life ------------------------------------------------------------------------------------- */

static void reap(GPid pid, gint status, gpointer data)
{
}

static void netdev_free(Netdev *netdev)
{
    if (netdev->restart_source)
        g_source_remove(netdev->restart_source);
    if (netdev->pid) {
        g_source_remove(netdev->child_source);
        kill(netdev->pid, SIGKILL);
        g_child_watch_add(netdev->pid, reap, NULL);
    }
    wires_free(netdev->wires);
    g_ptr_array_unref(netdev->arguments);
    g_free(netdev);
}

bool netdev_start(Machine *machine, GError **error)
{
    GPtrArray *arguments = arguments_of(machine);
    if (!arguments)
        return true;
    Netdev *netdev = g_new0(Netdev, 1);
    *netdev =
        (Netdev){ .machine = machine, .arguments = arguments, .pause_ms = FIRST_PAUSE_MS / 2 };
    netdev->wires = wires_new(machine);
    if (!spawn(netdev, error)) {
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
