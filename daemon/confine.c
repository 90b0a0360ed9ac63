/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Helpers read what strangers send, with libraries that have had their holes. So they may use the
 * sockets and the memory that they have; any other system call ends the process. Files are refused
 * by Landlock, where the kernel has it, and by the filter.
 */

#include "daemon/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const allowed[] = {
    "read",
    "write",
    "readv",
    "writev",
    "recvmmsg",
    "recvmsg",
    "recvfrom",
    "sendmsg",
    "sendto",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "futex",
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "close",
    "getsockopt",
    "setsockopt",
    "getpeername",
    "getsockname",
    "shutdown",
    "fcntl",
    "fstat",
    "lseek",
    "getrandom",
    "clock_gettime",
    "gettimeofday",
    "clock_nanosleep",
    "nanosleep",
    "sched_yield",
    "rt_sigreturn",
    "rt_sigprocmask",
    "rt_sigaction",
    "sigaltstack",
    "restart_syscall",
    "getpid",
    "gettid",
    "tgkill",
    "exit",
    "exit_group",
    "rseq",
    "set_robust_list",
    "membarrier",
};

/* Memory may be made, but no code. */
static int allow_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

/* newfstatat without a path is what fstat() is to the C library, which also asks for the time
 * zone's file and others that are refused. */
static int allow_files(scmp_filter_ctx filter, bool may_read)
{
    int rc;
    if (may_read) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
        if (rc == 0) /* whether the file has changed */
            rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 0);
        return rc;
    }
    rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                              SCMP_A3_32(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    return rc;
}

static int load_filter(bool may_read, ConfineRules rules)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    for (gsize i = 0; i < G_N_ELEMENTS(allowed) && rc == 0; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    rc = rc ? rc : allow_memory(filter);
    rc = rc ? rc : allow_files(filter, may_read);
    rc = rc ? rc : rules(filter);
    rc = rc ? rc : seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

/* Every right of Landlock's first version: known to all kernels that have it. */
#define ALL_FILE_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* What does not exist needs no rule. */
static bool allow_reading(int rules, const char *path)
{
    struct landlock_path_beneath_attr beneath = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                                                  .parent_fd = open(path, O_PATH | O_CLOEXEC) };
    if (beneath.parent_fd < 0)
        return true;
    long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return rc == 0;
}

/* A kernel without Landlock leaves it to the filter, which lets nothing be written. */
static int confine_files(const char *const *readable)
{
    struct landlock_ruleset_attr rules = { .handled_access_fs = ALL_FILE_RIGHTS };
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    bool good = true;
    for (; readable && *readable && good; readable++)
        good = allow_reading(fd, *readable);
    good = good && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    int rc = good ? 0 : -errno;
    close(fd);
    return rc;
}

bool confine(unsigned descriptors, const char *const *readable, ConfineRules rules, GError **error)
{
    struct rlimit none = { 0, 0 }, limit = { descriptors, descriptors };
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &limit);
    prctl(PR_SET_DUMPABLE, 0);
    const char *what = "give up privileges";
    int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
    if (rc == 0) {
        what = "confine files with Landlock";
        rc = confine_files(readable);
    }
    if (rc == 0) {
        what = "install the seccomp filter";
        rc = load_filter(readable != NULL, rules);
    }
    if (rc)
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(-rc), "cannot %s: %s", what,
                    g_strerror(-rc));
    return rc == 0;
}
