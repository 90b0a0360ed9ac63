/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The helper reads what strangers send, with a library that has had its holes. So it may do what
 * it needs for its sockets and its memory, and nothing else: any other call kills the process.
 */

#include "daemon/display/sandbox.h"

#include <errno.h>
#include <gio/gio.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define DESCRIPTORS_MAX 96

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
    "accept4",
    "socketpair",
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

/* Memory may be made, but no code. newfstatat without a path is what fstat() is to the C library.
 */
static int allow_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                              SCMP_A3_32(SCMP_CMP_MASKED_EQ, 0x1000, 0x1000)); /* AT_EMPTY_PATH */
    /* A thread that has only begun gives itself its name. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                              SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    /* The C library asks the time zone's file and others of it: there are none. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
    if (rc == 0) /* FIONREAD and its like */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    return rc;
}

static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    for (gsize i = 0; i < G_N_ELEMENTS(allowed) && rc == 0; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    rc = rc ? rc : allow_memory(filter);
    rc = rc ? rc : seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

bool sandbox_enter(GError **error)
{
    struct rlimit none = { 0, 0 }, descriptors = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    prctl(PR_SET_DUMPABLE, 0);
    int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : load_filter();
    if (rc)
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(-rc),
                    "cannot install the seccomp filter: %s", g_strerror(-rc));
    return rc == 0;
}
