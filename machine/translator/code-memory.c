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
        *memory = (CodeMemory){ write, execute, size, { 0 } };
        code_memory_empty(memory, 0);
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

void code_memory_empty(CodeMemory *memory, size_t kept)
{
    memory->used[CODE_IN_LINE] = kept;
    memory->used[CODE_ASIDE] = (size_t)(code_memory_limit(memory, CODE_IN_LINE) - memory->write);
}

void code_memory_take(CodeMemory *memory, CodeArea area, const uint8_t *end)
{
    size_t used = ((size_t)(end - memory->write) + 15) & ~(size_t)15;
    memory->used[area] = MIN(used, (size_t)(code_memory_limit(memory, area) - memory->write));
}

size_t code_memory_used(const CodeMemory *memory)
{
    const uint8_t *aside = code_memory_limit(memory, CODE_IN_LINE);
    return memory->used[CODE_IN_LINE] + (size_t)(code_memory_free(memory, CODE_ASIDE) - aside);
}
