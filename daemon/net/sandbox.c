/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The helper parses what guests send, with a library that has had its holes. So it may use the
 * sockets that it is given and its memory. For a network behind the host's sockets it may make
 * sockets of IPv4, too, and read two files: the host's list of name servers, which
 * libslirp looks at again and again, and its source of randomness. Any other system call kills the
 * process; any other file is not to be had, by Landlock where the kernel has it.
 */

#include "daemon/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 512
#define NAME_SERVERS    "/etc/resolv.conf"

static const char *const allowed[] = {
    "read",
    "write",
    "readv",
    "writev",
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

static int allow_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static int allow_files(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
    if (rc == 0) /* whether the file has changed */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 0);
    return rc;
}

static int allow_sockets(scmp_filter_ctx filter)
{
    static const int calls[] = { SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind),
                                 SCMP_SYS(connect), SCMP_SYS(listen) };
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, AF_INET));
    for (gsize i = 0; i < G_N_ELEMENTS(calls) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                              SCMP_A0_32(SCMP_CMP_NE, AF_INET));
    if (rc == 0) /* FIONREAD and its like */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                              SCMP_A1_32(SCMP_CMP_EQ, 0x541b));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
                              SCMP_A1_32(SCMP_CMP_NE, 0x541b));
    return rc;
}

static int load_filter(bool may_connect)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = filter ? 0 : -ENOMEM;
    for (gsize i = 0; i < G_N_ELEMENTS(allowed) && rc == 0; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    rc = rc ? rc : allow_memory(filter);
    if (may_connect) {
        rc = rc ? rc : allow_files(filter);
        rc = rc ? rc : allow_sockets(filter);
    }
    rc = rc ? rc : seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

/* Every right of Landlock's first version: known to all kernels that have it. */
#define ALL_FILE_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static const char *const readable[] = { NAME_SERVERS, "/dev/urandom" };

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
static int confine_files(bool may_read)
{
    struct landlock_ruleset_attr rules = { .handled_access_fs = ALL_FILE_RIGHTS };
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    bool good = true;
    for (gsize i = 0; may_read && i < G_N_ELEMENTS(readable) && good; i++)
        good = allow_reading(fd, readable[i]);
    good = good && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    int rc = good ? 0 : -errno;
    close(fd);
    return rc;
}

bool sandbox_enter(bool may_connect, GError **error)
{
    struct rlimit none = { 0, 0 }, descriptors = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    prctl(PR_SET_DUMPABLE, 0);
    const char *what = "give up privileges";
    int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
    if (rc == 0) {
        what = "confine files with Landlock";
        rc = confine_files(may_connect);
    }
    if (rc == 0) {
        what = "install the seccomp filter";
        rc = load_filter(may_connect);
    }
    if (rc)
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(-rc), "cannot %s: %s", what,
                    g_strerror(-rc));
    return rc == 0;
}
