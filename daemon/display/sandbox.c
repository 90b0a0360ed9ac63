/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Viewers come by sockets that the daemon has opened; libvncserver has a thread of its own. */

#include "daemon/display/sandbox.h"

#include "daemon/confine.h"

#include <errno.h>
#include <sys/prctl.h>

#define DESCRIPTORS_MAX 96

static int allow_viewers(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(accept4), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 0);
    /* A thread that has only begun gives itself its name. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                              SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    if (rc == 0) /* FIONREAD and its like */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    return rc;
}

bool sandbox_enter(GError **error)
{
    return confine(DESCRIPTORS_MAX, NULL, allow_viewers, error);
}
