/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * getfd and closefd: a client opens what the daemon may not, and passes it.
 *
 * 1. A descriptor is its connection's: it goes by closefd, or with the client.
 * 2. A name begins with no digit: those are descriptors that the daemon was started with.
 * 3. Nothing is replaced in silence. QEMU's getfd closes what had the name before.
 */

#include "api/descriptors.h"

#include "api/server.h"

#include "api-daemon-commands.h"

#include <string.h>
#include <unistd.h>

struct Descriptors {
    GHashTable *by_name; /* to the number plus 1, so that 0 is none */
};

Descriptors *descriptors_new(void)
{
    Descriptors *descriptors = g_new(Descriptors, 1);
    descriptors->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return descriptors;
}

void descriptors_free(Descriptors *descriptors)
{
    GHashTableIter iter;
    gpointer value;
    if (!descriptors)
        return;
    g_hash_table_iter_init(&iter, descriptors->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        close(GPOINTER_TO_INT(value) - 1);
    g_hash_table_unref(descriptors->by_name);
    g_free(descriptors);
}

static bool is_name(const char *text)
{
    static const char letters[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_.-";
    gsize length = strlen(text);
    return length > 0 && length <= DESCRIPTOR_NAME_MAX && strspn(text, letters) == length &&
           (g_ascii_isalpha(text[0]) || text[0] == '_');
}

static bool check(const Descriptors *descriptors, const char *name, GError **error)
{
    if (!is_name(name))
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'fdname' is '%.80s', expected a name of at most %d letters, "
                    "digits, '_', '-' and '.' that starts with a letter or '_'",
                    name, DESCRIPTOR_NAME_MAX);
    else if (descriptors_find(descriptors, name) >= 0)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "A file descriptor named '%s' is here already: choose another name, or closefd "
                    "it first",
                    name);
    else if (g_hash_table_size(descriptors->by_name) >= DESCRIPTORS_MAX)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "%d file descriptors of this client are here already, and no more are taken: "
                    "closefd one first",
                    DESCRIPTORS_MAX);
    else
        return true;
    return false;
}

bool descriptors_add(Descriptors *descriptors, const char *name, int fd, GError **error)
{
    if (!check(descriptors, name, error)) {
        close(fd);
        return false;
    }
    g_hash_table_insert(descriptors->by_name, g_strdup(name), GINT_TO_POINTER(fd + 1));
    return true;
}

bool descriptors_remove(Descriptors *descriptors, const char *name, GError **error)
{
    int fd = descriptors_find(descriptors, name);
    if (fd < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "File descriptor named '%.80s' not found: this connection has not got one by "
                    "getfd",
                    name);
        return false;
    }
    close(fd);
    return g_hash_table_remove(descriptors->by_name, name);
}

int descriptors_find(const Descriptors *descriptors, const char *name)
{
    gpointer value = descriptors ? g_hash_table_lookup(descriptors->by_name, name) : NULL;
    return GPOINTER_TO_INT(value) - 1;
}

/* --- commands --------------------------------------------------------------------------------- */

void cmd_getfd(ApiRequest *request, const GetfdArgs *arguments)
{
    Descriptors *descriptors = api_session_descriptors(api_request_session(request));
    unsigned count;
    int fd = api_request_take_fd(request, &count);
    GError *error = NULL;
    if (count == 1 && descriptors_add(descriptors, arguments->fdname, fd, &error)) {
        api_request_reply(request, NULL);
        return;
    }
    if (count > 1) {
        close(fd);
        g_set_error(&error, API_ERROR, API_ERROR_GENERIC,
                    "More than one file descriptor came via SCM_RIGHTS: getfd takes one");
    } else if (count == 0) {
        g_set_error(&error, API_ERROR, API_ERROR_GENERIC,
                    "No file descriptor supplied via SCM_RIGHTS: it comes with the bytes of the "
                    "command");
    }
    api_request_fail(request, error);
}

bool cmd_closefd(ApiSession *session, const ClosefdArgs *arguments, JsonNode **reply,
                 GError **error)
{
    return descriptors_remove(api_session_descriptors(session), arguments->fdname, error);
}
