/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of the fuzzer: gives a target every file of a folder, once and in the order of
 * names.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *list_files(const char *folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    g_ptr_array_sort(names, compare_names);
    return names;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    g_autoptr(GPtrArray) names = list_files(argv[1]);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *data = NULL;
        gsize size;
        g_autoptr(GError) error = NULL;
        if (!g_file_get_contents(names->pdata[i], &data, &size, &error)) {
            fprintf(stderr, "%s\n", error->message);
            return 1;
        }
        g_autofree uint8_t *exact = g_memdup2(data, size); /* without the zero behind it */
        LLVMFuzzerTestOneInput(exact, size);
    }
    printf("%u inputs\n", names->len);
    return names->len ? 0 : 1;
}
