/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a recording folder holds beside its log: manifest, seal, and states. */
#include "replay/hash.h"
#include "replay/manifest.h"
#include "replay/part.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void try_texts(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) manifest_error = NULL;
    g_autoptr(GError) seal_error = NULL;
    g_autoptr(Manifest) manifest = manifest_parse(text, &manifest_error);
    g_autoptr(Seal) seal = seal_parse(text, &seal_error);

    g_assert((manifest != NULL) == (manifest_error == NULL));
    g_assert((seal != NULL) == (seal_error == NULL));
}

static void try_state(const guint8 *data, gsize size)
{
    g_autoptr(StateReader) reader = state_reader_new_memory(data, size);
    g_autoptr(GError) error = NULL;
    OutputHash hash;
    gboolean good;

    memset(&hash, 0, sizeof(hash));
    good = state_load(reader, &output_hash_state, &hash, &error);
    g_assert(good == (error == NULL));
}

static void try_part(const guint8 *data, gsize size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_autoptr(PartReader) part = part_reader_new(fd, "fuzz");
    guint8 buffer[4096];
    gssize got;

    if (pwrite(fd, data, size, 0) != (gssize)size || ftruncate(fd, (off_t)size) < 0) {
        g_assert_not_reached();
    }
    do {
        g_autoptr(GError) error = NULL;

        got = part_reader_source(part, buffer, sizeof(buffer), &error);
        g_assert((got < 0) == (error != NULL));
    } while (got > 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0: try_texts(data + 1, size - 1); break;
    case 1: try_state(data + 1, size - 1); break;
    case 2: try_part(data + 1, size - 1); break;
    }
    return 0;
}
