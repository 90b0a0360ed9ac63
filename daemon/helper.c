/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Helpers hold the libraries that face the outside, one process for each machine that needs it. A
 * helper gets its standard descriptors, a socket whose other end the machine gets, and what its
 * plan names; nothing else.
 *
 * 1. When a helper dies, the machine goes on, and another one is started: at once, then after ever
 *    longer pauses, so that one that cannot start costs nothing.
 */

#include "daemon/helper.h"

#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS  5000
#define GOOD_AFTER_US  10000000 /* who lived that long may start again at once */

struct Helper {
    Machine *machine;
    HelperPlan plan;
    char *program, *log;
    pid_t pid;
    guint child_source, restart_source;
    guint pause_ms;
    gint64 started_us;
};

/* Between fork and exec: only calls that are safe there. */
static void become_helper(const Helper *helper, int machine, int log, const int *fds)
{
    int given[] = { open("/dev/null", O_RDONLY), log, log, machine, fds[0], fds[1] };
    unsigned count = G_N_ELEMENTS(given);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    while (count > HELPER_FIRST_FD && given[count - 1] < 0)
        count--;
    /* First out of the way of the numbers that they get. */
    for (unsigned i = 0; i < count; i++)
        given[i] = fcntl(given[i], F_DUPFD, 10);
    for (unsigned i = 0; i < count; i++)
        dup2(given[i], (int)i);
    close_range(count, ~0u, 0);
    execv(helper->program, helper->plan.arguments);
    _exit(127);
}

static bool fail(const Helper *helper, GError **error)
{
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", helper->program,
                g_strerror(errno));
    return false;
}

static void on_helper_gone(GPid pid, gint status, gpointer data);

/* The process with LOG, FDS and one end of a pair of sockets; the machine gets the other. */
static bool spawn_with(Helper *helper, int log, const int *fds, GError **error)
{
    const char *text = helper->plan.text;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail(helper, error);
    pid_t pid = fork();
    if (pid == 0)
        become_helper(helper, pair[1], log, fds);
    bool started = pid > 0 || fail(helper, error);
    bool good = started && process_send(helper->machine, helper->plan.type, 0, 0, text,
                                        text ? strlen(text) : 0, pair[0]);
    close(pair[0]);
    close(pair[1]);
    if (!started)
        return false;
    helper->pid = pid;
    helper->started_us = g_get_monotonic_time();
    helper->child_source = g_child_watch_add(pid, on_helper_gone, helper);
    if (!good)
        kill(pid, SIGKILL); /* the machine's socket was full: try again */
    return true;
}

static bool spawn(Helper *helper, GError **error)
{
    int fds[HELPER_FDS] = { helper->plan.fds[0], helper->plan.fds[1] };
    int log = open(helper->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0)
        return fail(helper, error);
    bool makes = helper->plan.make_fd != NULL;
    if (makes)
        fds[0] = helper->plan.make_fd(helper->plan.data, error);
    bool good = (!makes || fds[0] >= 0) && spawn_with(helper, log, fds, error);
    if (makes && fds[0] >= 0)
        close(fds[0]);
    close(log);
    return good;
}

static gboolean restart(gpointer data)
{
    Helper *helper = data;
    g_autoptr(GError) error = NULL;
    helper->restart_source = 0;
    if (!spawn(helper, &error)) {
        g_warning("%s: %s", helper->machine->name, error->message);
        helper->restart_source = g_timeout_add(LAST_PAUSE_MS, restart, helper);
    }
    return G_SOURCE_REMOVE;
}

static void on_helper_gone(GPid pid, gint status, gpointer data)
{
    Helper *helper = data;
    bool was_good = g_get_monotonic_time() - helper->started_us > GOOD_AFTER_US;
    helper->pid = 0;
    helper->child_source = 0;
    if (WIFSIGNALED(status))
        g_message("%s: its %s was killed by signal %d", helper->machine->name, helper->plan.what,
                  WTERMSIG(status));
    helper->pause_ms = was_good ? FIRST_PAUSE_MS : MIN(2 * helper->pause_ms, LAST_PAUSE_MS);
    helper->restart_source = g_timeout_add(helper->pause_ms, restart, helper);
}

Helper *helper_start(Machine *machine, const HelperPlan *plan, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(machine->supervisor->worker_program);
    Helper *helper = g_new0(Helper, 1);
    *helper = (Helper){ .machine = machine,
                        .plan = *plan,
                        .program = g_build_filename(directory, plan->program, NULL),
                        .log = machine_path(machine, plan->log),
                        .pause_ms = FIRST_PAUSE_MS / 2 };
    if (spawn(helper, error))
        return helper;
    helper_end(helper);
    return NULL;
}

static void reap(GPid pid, gint status, gpointer data)
{
}

void helper_end(Helper *helper)
{
    if (!helper)
        return;
    if (helper->restart_source)
        g_source_remove(helper->restart_source);
    if (helper->pid) {
        g_source_remove(helper->child_source);
        kill(helper->pid, SIGKILL);
        g_child_watch_add(helper->pid, reap, NULL);
    }
    g_free(helper->program);
    g_free(helper->log);
    g_free(helper);
}
