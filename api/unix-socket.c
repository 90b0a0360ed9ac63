/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/unix-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool fill_address(struct sockaddr_un *address, const char *path, GError **error)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) >=
        sizeof(address->sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                    "the socket path %s is longer than the %zu bytes that a unix socket allows",
                    path, sizeof(address->sun_path) - 1);
        return false;
    }
    return true;
}

static int fail(int fd, const char *what, const char *path, GError **error)
{
    int code = errno;
    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code), "cannot %s socket %s: %s",
                what, path, g_strerror(code));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

int api_socket_connect(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!fill_address(&address, path, error)) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return fail(fd, "connect to", path, error);
    }
    return fd;
}

/* Removes a socket whose server is dead. Runs under a lock on the directory, so that two starting
 * servers cannot remove each other's. */
static bool clear_stale(const char *path, GError **error)
{
    struct stat status;
    if (lstat(path, &status) < 0) {
        return true;
    }
    if (!S_ISSOCK(status.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    "%s exists and is not a socket: remove it or choose another path", path);
        return false;
    }
    int fd = api_socket_connect(path, NULL);
    if (fd >= 0) {
        close(fd);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                    "another server is listening on %s", path);
        return false;
    }
    unlink(path);
    return true;
}

static int bind_new(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!fill_address(&address, path, error)) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect before listen(), so the mode is set in time. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(path, 0600) < 0 || listen(fd, 16) < 0) {
        return fail(fd, "listen on", path, error);
    }
    return fd;
}

int api_socket_listen(const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) {
        return fail(-1, "open the directory of", path, error);
    }
    flock(lock, LOCK_EX);
    int fd = clear_stale(path, error) ? bind_new(path, error) : -1;
    close(lock);
    return fd;
}
