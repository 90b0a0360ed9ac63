/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/translator/code-memory.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fail(GError **error, const char *what)
{
    int code = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                "no memory for translated code: %s: %s", what, g_strerror(code));
    return false;
}

bool code_memory_init(CodeMemory *memory, size_t size, GError **error)
{
    int fd = memfd_create("powerplay-code", MFD_CLOEXEC);
    if (fd < 0)
        return fail(error, "memfd_create");
    void *write = MAP_FAILED, *execute = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0) {
        write = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        execute = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    bool ok = write != MAP_FAILED && execute != MAP_FAILED;
    if (!ok) {
        fail(error, "mmap");
        if (write != MAP_FAILED)
            munmap(write, size);
        if (execute != MAP_FAILED)
            munmap(execute, size);
    } else {
        *memory = (CodeMemory){ write, execute, size, 0 };
    }
    close(fd);
    return ok;
}

void code_memory_clear(CodeMemory *memory)
{
    if (memory->write) {
        munmap(memory->write, memory->size);
        munmap((void *)memory->execute, memory->size);
    }
    *memory = (CodeMemory){ 0 };
}
