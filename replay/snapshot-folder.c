/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots in their folder: which there are, which packs nobody needs, what a crash has left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/snapshot-internal.h"

static gboolean fail_io(const char *what, const char *name, GError **error)
{
    int code = errno;
    g_set_error(error, REPLAY_ERROR, REPLAY_ERROR_IO, "cannot %s %s: %s", what, name,
                g_strerror(code));
    return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All names in the folder, sorted. */
static GPtrArray *list_files(int directory, GError **error)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        fail_io("list", "the folder of snapshots", error);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (struct dirent *entry; (entry = readdir(stream));)
        g_ptr_array_add(names, g_strdup(entry->d_name));
    closedir(stream);
    g_ptr_array_sort(names, compare_names);
    return names;
}

/* --- snapshots -------------------------------------------------------------------------------- */

/* The snapshot whose file this is, or NULL. */
static char *name_of_file(const char *file)
{
    if (!g_str_has_suffix(file, SNAPSHOT_SUFFIX))
        return NULL;
    char *name = g_strndup(file, strlen(file) - strlen(SNAPSHOT_SUFFIX));
    if (!snapshot_name_is_valid(name))
        g_clear_pointer(&name, g_free);
    return name;
}

static SnapshotInfo *look_at(int directory, const char *name)
{
    g_autoptr(GError) error = NULL;
    SnapshotInfo *info = snapshot_info_new(name);
    SnapshotFile file;
    if (snapshot_file_open(&file, directory, info, &error)) {
        struct stat status;
        if (fstat(file.fd, &status) == 0)
            info->file_bytes += (guint64)status.st_size;
        snapshot_file_close(&file);
        return info;
    }
    snapshot_info_free(info);
    info = snapshot_info_new(name);
    info->damage = g_strdup(error->message);
    return info;
}

static int compare_times(gconstpointer a, gconstpointer b)
{
    const SnapshotInfo *x = *(const SnapshotInfo *const *)a, *y = *(const SnapshotInfo *const *)b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

GPtrArray *snapshot_list(int directory, GError **error)
{
    g_autoptr(GPtrArray) files = list_files(directory, error);
    if (!files)
        return NULL;
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)snapshot_info_free);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *name = name_of_file(g_ptr_array_index(files, i));
        if (name)
            g_ptr_array_add(list, look_at(directory, name));
    }
    g_ptr_array_sort(list, compare_times);
    return list;
}

gboolean snapshot_exists(int directory, const char *name)
{
    g_autofree char *file = snapshot_file_name(name);
    return faccessat(directory, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

gboolean snapshot_delete(int directory, const char *name, GError **error)
{
    g_autofree char *file = snapshot_file_name(name);
    if (!snapshot_exists(directory, name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no snapshot '%s'", name);
        return FALSE;
    }
    return (unlinkat(directory, file, 0) == 0 || fail_io("delete", file, error)) &&
           (fsync(directory) == 0 || fail_io("sync", "the folder of snapshots", error));
}

/* --- packs ------------------------------------------------------------------------------------ */

/* Names of packs that snapshots name; NULL if one of them cannot be read. */
static GHashTable *used_packs(int directory, const GPtrArray *files)
{
    g_autoptr(GHashTable) used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *name = name_of_file(g_ptr_array_index(files, i));
        g_autoptr(SnapshotInfo) info = name ? look_at(directory, name) : NULL;
        if (info && info->damage)
            return NULL;
        for (guint k = 0; info && k < info->packs->len; k++)
            g_hash_table_add(used, g_strdup(g_ptr_array_index(info->packs, k)));
    }
    return g_steal_pointer(&used);
}

GPtrArray *snapshot_unused_packs(int directory, GError **error)
{
    g_autoptr(GPtrArray) files = list_files(directory, error);
    g_autoptr(GHashTable) used = files ? used_packs(directory, files) : NULL;
    if (!files)
        return NULL;
    GPtrArray *unused = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; used && i < files->len; i++) {
        const char *file = g_ptr_array_index(files, i);
        g_autofree char *name = g_strndup(file, PACK_NAME_SIZE - 1);
        if (pack_is_file_name(file) && !g_hash_table_contains(used, name))
            g_ptr_array_add(unused, g_steal_pointer(&name));
    }
    return unused;
}

gboolean snapshot_remove_packs(int directory, PageStore *store, const GPtrArray *packs,
                               GError **error)
{
    for (guint i = 0; i < packs->len; i++) {
        const char *name = g_ptr_array_index(packs, i);
        g_autofree char *file = g_strconcat(name, PACK_SUFFIX, NULL);
        PagePack *pack = store ? page_store_find_pack(store, name) : NULL;
        if (pack && !pack_open(pack, error))
            return FALSE;
        if (unlinkat(directory, file, 0) != 0 && errno != ENOENT)
            return fail_io("delete", file, error);
        if (pack)
            pack->is_gone = TRUE;
    }
    return TRUE;
}

gboolean snapshot_sweep(int directory, GError **error)
{
    g_autoptr(GPtrArray) files = list_files(directory, error);
    for (guint i = 0; files && i < files->len; i++) {
        const char *file = g_ptr_array_index(files, i);
        if (g_str_has_suffix(file, SNAPSHOT_TEMPORARY) && unlinkat(directory, file, 0) != 0)
            return fail_io("delete", file, error);
    }
    g_autoptr(GPtrArray) unused = files ? snapshot_unused_packs(directory, error) : NULL;
    return unused && snapshot_remove_packs(directory, NULL, unused, error);
}
