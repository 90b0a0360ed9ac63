/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A big image is not read again for each recording. The file "digests" in the machine's folder
 * holds what was computed before, a line each:
 *
 *     DEVICE INODE SIZE MTIME CTIME SHA256
 *
 * It is believed for a file of which all five are the same. CTIME cannot be set back, so this
 * notices every write but one within the file system's clock tick after the one before: no file
 * that is digested in so short a time is put into the list.
 */

#include "machine/worker-digest.h"

#include "replay/part.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST          "digests"
#define LIST_MAX      65536u
#define WORTH_KEEPING (16 << 20) /* bytes */
#define CHUNK         (1 << 20)
#define DIGITS        64

/* The beginning of the file's line. */
static char *describe(const struct stat *info)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld ",
                           (guint64)info->st_dev, (guint64)info->st_ino, (guint64)info->st_size,
                           (gint64)info->st_mtim.tv_sec, info->st_mtim.tv_nsec,
                           (gint64)info->st_ctim.tv_sec, info->st_ctim.tv_nsec);
}

static char **read_list(int directory)
{
    g_autofree char *text = part_read_text(directory, LIST, LIST_MAX, NULL);
    return g_strsplit(text ? text : "", "\n", -1);
}

static char *find(int directory, const char *key)
{
    g_auto(GStrv) lines = read_list(directory);
    for (char **line = lines; *line; line++) {
        const char *digest = *line + strlen(key);
        if (g_str_has_prefix(*line, key) && strlen(digest) == DIGITS &&
            strspn(digest, "0123456789abcdef") == DIGITS) {
            return g_strdup(digest);
        }
    }
    return NULL;
}

/* Puts the newest first; what no longer fits is forgotten. A list that cannot be written costs time
 * only. */
static void keep(int directory, const char *key, const char *digest)
{
    g_auto(GStrv) lines = read_list(directory);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%s%s\n", key, digest);
    for (char **line = lines; *line; line++) {
        if (**line && text->len + strlen(*line) + 1 < LIST_MAX) {
            g_string_append_printf(text, "%s\n", *line);
        }
    }
    part_replace_text(directory, LIST, text->str, NULL);
}

static char *compute(int fd, guint64 *size, GError **error)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree guint8 *bytes = g_malloc(CHUNK);
    gssize n;
    *size = 0;
    while ((n = pread(fd, bytes, CHUNK, (off_t)*size)) > 0) {
        g_checksum_update(checksum, bytes, n);
        *size += (guint64)n;
    }
    if (n < 0) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno), "%s", g_strerror(errno));
        return NULL;
    }
    return g_strdup(g_checksum_get_string(checksum));
}

char *worker_digest(int directory, int fd, guint64 *size, GError **error)
{
    struct stat before, after;
    bool may_keep =
        fstat(fd, &before) == 0 && S_ISREG(before.st_mode) && before.st_size >= WORTH_KEEPING;
    g_autofree char *key = may_keep ? describe(&before) : NULL;
    char *digest = key ? find(directory, key) : NULL;
    if (digest) {
        *size = (guint64)before.st_size;
        return digest;
    }
    digest = compute(fd, size, error);
    if (digest && key && fstat(fd, &after) == 0) {
        g_autofree char *now = describe(&after);
        if (strcmp(now, key) == 0) {
            keep(directory, key, digest);
        }
    }
    return digest;
}
