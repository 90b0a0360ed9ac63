/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader of the 32-bit board: whatever the file holds, stores stay inside the limit.
 */
#include "machine/boards/elf32.h"

#include <sys/mman.h>
#include <unistd.h>

#define LIMIT (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *opaque, uint64_t address, const void *data, uint64_t length)
{
    g_assert(address <= LIMIT && length <= LIMIT - address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1; /* emptied, not made anew: that is quicker */
    g_autoptr(GError) error = NULL;
    ElfImage image;
    if (fd < 0)
        fd = memfd_create("kernel", 0);
    g_assert(pwrite(fd, data, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0);
    bool ok = elf32_load(fd, LIMIT, check, NULL, &image, &error);
    g_assert(ok == (error == NULL));
    g_assert(!ok || (image.low < image.high && image.high <= LIMIT));
    return 0;
}
