/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/machine/repeatable.h"

#include <fcntl.h>

#include "machine/cpu/cpu.h"

Machine *repeatable_build(const char *json, int directory, const MachineHost *host)
{
    g_autoptr(GError) error = NULL;
    MachineConfig *config = machine_config_parse(json, -1, &error);
    if (!config || !machine_config_open_files(config, AT_FDCWD, &error))
        g_error("%s", error->message);
    Machine *machine = machine_new(config, directory, host, &error);
    if (!machine)
        g_error("%s", error->message);
    return machine;
}

static gint64 source_clock(gpointer user)
{
    return 1700000000000000000 + (gint64)machine_now_ns(((Repeatable *)user)->machine);
}

static gint32 source_random(gpointer user, guint8 *buffer, guint32 length)
{
    uint64_t x = cpu_icount(machine_cpu(((Repeatable *)user)->machine, 0)) | 1;
    for (guint32 i = 0; i < length; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        buffer[i] = (guint8)(x >> 56);
    }
    return 0;
}

static int64_t real_time(void *opaque)
{
    return ((Repeatable *)opaque)->real_ns += 100000;
}

static void keep_output(void *opaque, const Device *device, const void *data, size_t length)
{
    g_byte_array_append(((Repeatable *)opaque)->output, data, (guint)length);
}

void repeatable_begin(Repeatable *run, const char *json, int directory)
{
    MachineHost host = {
        .sources = { .clock_host = source_clock, .random = source_random, .user = run },
        .monotonic_ns = real_time,
        .output = keep_output,
        .opaque = run
    };
    run->output = g_byte_array_new();
    run->machine = repeatable_build(json, directory, &host);
}

void repeatable_clear(Repeatable *run)
{
    machine_free(run->machine);
    g_byte_array_unref(run->output);
}

char *repeatable_hash(Machine *machine)
{
    g_autoptr(HashList) list = hash_list_new();
    Digest digest;
    char hex[2 * DIGEST_SIZE + 1];
    machine_hash(machine, true, list);
    hash_list_digest(list, &digest);
    digest_to_hex(&digest, hex);
    return g_strdup(hex);
}
