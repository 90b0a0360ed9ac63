/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Wires and taps come as descriptors. For a network behind the host's sockets the helper makes
 * sockets of IPv4, too, and reads two files: the host's list of name servers, which libslirp looks
 * at again and again, and its source of randomness.
 */

#include "daemon/net/sandbox.h"

#include "daemon/confine.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define DESCRIPTORS_MAX 512

static const char *const readable[] = { "/etc/resolv.conf", "/dev/urandom", NULL };

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
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                              SCMP_A1_32(SCMP_CMP_EQ, FIONREAD));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
                              SCMP_A1_32(SCMP_CMP_NE, FIONREAD));
    return rc;
}

static int allow_lines(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
}

bool sandbox_enter(bool may_connect, GError **error)
{
    return confine(DESCRIPTORS_MAX, may_connect ? readable : NULL,
                   may_connect ? allow_sockets : allow_lines, error);
}
