/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a worker must not do once it has started. Everything else stays allowed: this proves a
 * promise, it is not yet a jail. A forbidden call kills the process.
 *
 *  - no new socket, no connection, nobody accepted: sockets come as descriptors
 *  - no new process and no other program; threads are allowed
 *  - no file outside of the one directory: names are opened relative to its descriptor only, and
 *    never with a path that leaves it (openat2 would say so; names are checked where they enter)
 */

#include "machine/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

static const char *const forbidden[] = {
    "socket",   "socketpair", "connect", "bind",  "listen",  "accept", "accept4", "execve",
    "execveat", "fork",       "vfork",   "open",  "creat",   "ptrace", "mkdir",   "unlink",
    "rename",   "chdir",      "chroot",  "mount", "openat2", "kill",   "symlink", "link",
};

/* Calls whose first argument must be the directory. */
static const char *const relative[] = { "openat", "mkdirat", "unlinkat" };

static int add_rules(scmp_filter_ctx filter, int directory)
{
    int rc = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(forbidden) && rc == 0; i++) {
        int number = seccomp_syscall_resolve_name(forbidden[i]);
        rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(relative) && rc == 0; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
                              seccomp_syscall_resolve_name(relative[i]), 1,
                              SCMP_A0_32(SCMP_CMP_NE, (uint32_t)directory));
    }
    if (rc == 0) {
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    if (rc == 0) { /* its flags are in memory, out of a filter's sight; libc falls back to clone */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    return rc;
}

bool worker_sandbox_enter(int directory, GError **error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    rc = rc ? rc : add_rules(filter, directory);
    rc = rc ? rc : seccomp_load(filter);
    seccomp_release(filter);
    if (rc) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(-rc),
                    "cannot install the seccomp filter: %s", g_strerror(-rc));
    }
    return rc == 0;
}
