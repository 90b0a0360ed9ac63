/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/commands/commands.h"

#include "api/json-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void set_unsigned(JsonObject *object, const char *name, uint64_t value)
{
    json_object_set_member(object, name, json_unsigned_new(value));
}

void set_class(GError **error, ApiErrorCode code)
{
    if (*error && (*error)->domain != API_ERROR) {
        GError *other = g_error_new_literal(API_ERROR, (gint)code, (*error)->message);
        g_error_free(*error);
        *error = other;
    }
}

Serial *find_serial(Worker *worker, const char *id, GError **error)
{
    for (unsigned i = 0; i < worker->serial_count; i++) {
        if (!id || strcmp(worker->serial[i]->id, id) == 0) {
            return worker->serial[i];
        }
    }
    g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                id ? id : "serial");
    return NULL;
}

bool is_plain_name(ApiRequest *request, const char *name)
{
    if (*name && !strchr(name, '/') && *name != '.') {
        return true;
    }
    api_request_fail_text(request, API_ERROR_GENERIC,
                          "Parameter 'filename' expects a file name without a directory, not '%s'",
                          name);
    return false;
}

bool write_file(int directory, const char *name, const uint8_t *bytes, size_t size, GError **error)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0;
    for (size_t done = 0; good && done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    if (!good) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Could not write '%s': %s", name,
                    g_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}
