/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner reads and writes images in memory that both sides map; counts travel through pipes.
 * The emulated address space starts at a host address other than 0, so that the runner may use the
 * lowest guest addresses whatever the host's vm.mmap_min_addr.
 */
#include "tests/cpu/diff/oracle.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_SIZE (2 * SLOT_COUNT * STATE_SIZE)
#define SHARED_FD   3

struct Oracle {
    GPid pid;
    int to, from; /* pipes */
    uint8_t *shared;
    bool little_endian;
    unsigned count;
};

static void share_memory(gpointer fd)
{
    if (GPOINTER_TO_INT(fd) != SHARED_FD)
        dup2(GPOINTER_TO_INT(fd), SHARED_FD);
    else
        fcntl(SHARED_FD, F_SETFD, 0);
}

static bool spawn(Oracle *oracle, const char *emulator, const char *cpu, const char *runner, int fd,
                  GError **error)
{
    const char *arguments[] = { emulator, "-cpu", cpu, "-B", "0x100000000", runner, NULL };
    return g_spawn_async_with_pipes(
        NULL, (char **)arguments, NULL,
        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
        share_memory, GINT_TO_POINTER(fd), &oracle->pid, &oracle->to, &oracle->from, NULL, error);
}

Oracle *oracle_new(const char *emulator, const char *cpu, const char *runner, bool little_endian,
                   GError **error)
{
    Oracle *oracle = g_new0(Oracle, 1);
    int fd = memfd_create("cases", MFD_CLOEXEC);

    g_assert(fd >= 0 && ftruncate(fd, SHARED_SIZE) == 0);
    oracle->shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert(oracle->shared != MAP_FAILED);
    oracle->little_endian = little_endian;
    bool ok = spawn(oracle, emulator, cpu, runner, fd, error);
    close(fd);
    if (ok)
        return oracle;
    oracle_free(oracle);
    return NULL;
}

void oracle_free(Oracle *oracle)
{
    if (!oracle)
        return;
    if (oracle->pid) {
        close(oracle->to);
        close(oracle->from);
        waitpid(oracle->pid, NULL, 0);
        g_spawn_close_pid(oracle->pid);
    }
    munmap(oracle->shared, SHARED_SIZE);
    g_free(oracle);
}

uint64_t oracle_address(unsigned n)
{
    return SLOTS + (uint64_t)n * SLOT_SIZE + SLOT_INSN;
}

static bool fail(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                "the emulator ended (%s); run it by hand on the last batch to see why", what);
    return false;
}

bool oracle_start(Oracle *oracle, const Image *cases, unsigned count, GError **error)
{
    g_assert(count <= SLOT_COUNT);
    for (unsigned i = 0; i < count; i++) {
        Image image = cases[i];
        image.slot = oracle_address(i) - SLOT_INSN;
        image_to_guest(&image, oracle->shared + i * STATE_SIZE, oracle->little_endian);
    }
    oracle->count = count;
    uint32_t message = oracle->little_endian ? GUINT32_TO_LE(count) : GUINT32_TO_BE(count);
    return write(oracle->to, &message, 4) == 4 || fail(error, "it does not read");
}

bool oracle_finish(Oracle *oracle, GError **error)
{
    uint32_t message;
    return read(oracle->from, &message, 4) == 4 || fail(error, "it does not answer");
}

void oracle_result(const Oracle *oracle, unsigned n, Image *result)
{
    g_assert(n < oracle->count);
    image_from_guest(oracle->shared + (SLOT_COUNT + n) * STATE_SIZE, result, oracle->little_endian);
    result->slot = 0;
}
