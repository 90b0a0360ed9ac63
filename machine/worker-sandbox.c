/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a worker must not do once it has started. Everything else stays allowed: this proves a
 * promise, it is not yet a jail.
 *
 *  - no new socket, no connection, nobody accepted: sockets come as descriptors. Kills the process
 *  - no new process and no other program; threads are allowed. Kills the process
 *  - no file by a path that does not start at a descriptor. Kills the process
 *  - no file outside of the one directory, however it is named (Landlock). Fails with EACCES
 *
 * It must be entered before the machine thread is made: Landlock covers a thread and those that it
 * makes later.
 */

#include "machine/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const forbidden[] = {
    "socket", "socketpair", "connect", "bind",    "listen", "execve",  "execveat",
    "fork",   "vfork",      "open",    "creat",   "mkdir",  "symlink", "rename",
    "chdir",  "chroot",     "mount",   "openat2", "kill",   "link",    "ptrace",
};

/* Allowed only to a worker that runs alone and serves its own socket, which it removes. */
static const char *const accepting[] = { "accept", "accept4", "unlink" };

/* Calls that take a directory's descriptor first: not the current directory. */
static const char *const relative[] = { "openat", "mkdirat", "unlinkat", "renameat", "renameat2" };

static int forbid(scmp_filter_ctx filter, const char *const *names, gsize count)
{
    int rc = 0;
    for (gsize i = 0; i < count && rc == 0; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        bool exists = number != __NR_SCMP_ERROR;
        rc = exists ? seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0) : 0;
    }
    return rc;
}

static int add_rules(scmp_filter_ctx filter, bool may_accept)
{
    int rc = forbid(filter, forbidden, G_N_ELEMENTS(forbidden));
    if (rc == 0 && !may_accept) {
        rc = forbid(filter, accepting, G_N_ELEMENTS(accepting));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(relative) && rc == 0; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
                              seccomp_syscall_resolve_name(relative[i]), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)AT_FDCWD));
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

static int load_filter(bool may_accept)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    rc = rc ? rc : add_rules(filter, may_accept);
    rc = rc ? rc : seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

/* Every right of Landlock's first version: known to all kernels that have it. */
#define ALL_FILE_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* The C library has no functions for these. */
static int confine_files(int directory)
{
    struct landlock_ruleset_attr rules = { .handled_access_fs = ALL_FILE_RIGHTS };
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = ALL_FILE_RIGHTS & ~LANDLOCK_ACCESS_FS_EXECUTE,
        .parent_fd = directory,
    };
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    bool good = fd >= 0 &&
                syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    int rc = good ? 0 : -errno;
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

bool worker_sandbox_enter(int directory, bool may_accept, GError **error)
{
    const char *what = "confine files with Landlock";
    int rc = confine_files(directory);
    if (rc == 0) {
        what = "install the seccomp filter";
        rc = load_filter(may_accept);
    }
    if (rc) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(-rc), "cannot %s: %s", what,
                    g_strerror(-rc));
    }
    return rc == 0;
}
