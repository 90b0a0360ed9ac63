/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Three ways to a tap. An interface's name: the daemon opens it, if its user may. "fd:N": the
 * daemon was started with it. "fd:NAME": the client who starts the machine has passed it, so the
 * client's rights are enough.
 *
 * 1. A socket that keeps packets apart is as good as a tap: of another program, or a packet socket
 *    on an interface.
 * 2. Whatever it is, it is checked here; the confined helper only reads and writes it.
 * 3. A machine has copies of its own from its start to its end, whatever the client does then. Two
 *    nics never share one: each would lose what the other reads.
 */

#include "daemon/tap.h"

#include "api/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX    "fd:"
#define FIRST_FD  10 /* for copies: clear of the standard ones */
#define NOT_A_TAP "it is neither a tap nor a socket that keeps packets apart"

/* Frames as they are, nothing before them; else the guest's would be taken for something else. */
static const char *problem_of_tap(int fd)
{
    struct ifreq request = { 0 };
    if (ioctl(fd, TUNGETIFF, &request) < 0)
        return NOT_A_TAP;
    bool is_plain = request.ifr_flags & IFF_TAP && request.ifr_flags & IFF_NO_PI &&
                    !(request.ifr_flags & IFF_VNET_HDR);
    return is_plain ? NULL : "it is no tap without packet information (IFF_TAP | IFF_NO_PI)";
}

static const char *problem_of_socket(int fd)
{
    int type = 0, listens = 0;
    socklen_t length = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type == SOCK_STREAM)
        return NOT_A_TAP;
    length = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens)
        return "it is a socket that listens";
    return NULL;
}

/* NULL: frames go through it. */
static const char *problem_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return g_strerror(errno);
    if (S_ISSOCK(status.st_mode))
        return problem_of_socket(fd);
    return S_ISCHR(status.st_mode) ? problem_of_tap(fd) : NOT_A_TAP;
}

static bool is_number(const char *address)
{
    return g_ascii_isdigit(address[strlen(PREFIX)]);
}

/* The descriptor itself, not the caller's; the daemon's own are close-on-exec, all of them. */
static int look_up(const char *address, const Descriptors *descriptors, const char **problem)
{
    const char *name = address + strlen(PREFIX);
    int fd;
    if (!is_number(address)) {
        fd = descriptors_find(descriptors, name);
        *problem = fd < 0 ? "the client that started the machine has not passed it" : NULL;
    } else {
        fd = (int)g_ascii_strtoull(name, NULL, 10);
        int flags = fcntl(fd, F_GETFD);
        *problem = flags < 0 || flags & FD_CLOEXEC ? "the daemon was not started with it" : NULL;
    }
    return *problem ? -1 : fd;
}

static int copy_fd(const char *address, const Descriptors *descriptors, const char **problem)
{
    int fd = look_up(address, descriptors, problem);
    int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD) : -1;
    if (fd >= 0 && copy < 0)
        *problem = g_strerror(errno);
    return copy;
}

/* One that is not there is not made, even by a daemon that might. */
static int open_interface(const char *name, const char **problem)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    if (if_nametoindex(name) == 0) {
        *problem = "there is no such interface";
        return -1;
    }
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        *problem = g_strerror(errno);
    return fd;
}

int tap_open(const char *address, const Descriptors *descriptors, const char **problem)
{
    *problem = NULL;
    int fd = g_str_has_prefix(address, PREFIX) ? copy_fd(address, descriptors, problem)
                                               : open_interface(address, problem);
    if (!*problem)
        *problem = problem_of(fd);
    if (!*problem && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        *problem = g_strerror(errno);
    if (*problem && fd >= 0)
        close(fd);
    return *problem ? -1 : fd;
}

/* --- what a client has passed ----------------------------------------------------------------- */

static bool claim(guint number, const char *address, const Descriptors *passed, Descriptors *kept,
                  GError **error)
{
    const char *name = address + strlen(PREFIX), *problem;
    if (descriptors_find(kept, name) >= 0) {
        g_set_error(
            error, API_ERROR, API_ERROR_GENERIC,
            "nics[%u].tap is \"%s\", which another nic of the machine has: each needs one of "
            "its own",
            number, address);
        return false;
    }
    int fd = tap_open(address, passed, &problem);
    if (fd >= 0)
        return descriptors_add(kept, name, fd, error);
    bool is_there = descriptors_find(passed, name) >= 0;
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "nics[%u].tap is \"%s\": %s", number, address,
                is_there ? problem
                         : "this connection has passed no descriptor of that name; getfd comes "
                           "first (`powerplay start MACHINE --fd NAME=TAP` does both)");
    return false;
}

Descriptors *tap_claim(JsonObject *definition, const Descriptors *passed, GError **error)
{
    JsonArray *nics = json_object_has_member(definition, "nics")
                          ? json_object_get_array_member(definition, "nics")
                          : NULL;
    g_autoptr(Descriptors) kept = descriptors_new();
    for (guint i = 0; nics && i < json_array_get_length(nics); i++) {
        JsonObject *nic = json_array_get_object_element(nics, i);
        const char *address = json_object_get_string_member_with_default(nic, "tap", "");
        if (g_str_has_prefix(address, PREFIX) && !is_number(address) &&
            !claim(i, address, passed, kept, error))
            return NULL;
    }
    return g_steal_pointer(&kept);
}
