/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bare-machine KERNEL [INSTRUCTIONS [BOARD CPU]]: runs a bare-metal image on a machine (pseries, if
 * nothing else is said) inside one process, its console to standard output, until it powers off or
 * so many instructions have passed.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine/cpu/cpu.h"
#include "machine/machine.h"

#define QUANTUM       65536
#define LIMIT_DEFAULT 2000000000u

static gint64 source_clock(gpointer user)
{
    return 0;
}

static gint32 source_random(gpointer user, guint8 *buffer, guint32 length)
{
    for (guint32 i = 0; i < length; i++)
        buffer[i] = (guint8)i;
    return 0;
}

static int64_t real_time(void *opaque)
{
    static int64_t now;
    return now += 100000;
}

static void print_output(void *opaque, const Device *device, const void *data, size_t length)
{
    fwrite(data, 1, length, stdout);
}

static Machine *start(const char *kernel, const char *board, const char *cpu)
{
    static const MachineHost host = { .sources = { .clock_host = source_clock,
                                                   .random = source_random },
                                      .monotonic_ns = real_time,
                                      .output = print_output };
    g_autoptr(GError) error = NULL;
    g_autofree char *json =
        g_strdup_printf("{\"name\":\"bare\",\"board\":\"%s\",\"cpu\":\"%s\",\"memory\":\"256M\","
                        "\"kernel\":\"%s\",\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]}",
                        board, cpu, kernel);
    MachineConfig *config = machine_config_parse(json, -1, &error);
    int directory = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY);
    Machine *machine = config && machine_config_open_files(config, AT_FDCWD, &error)
                           ? machine_new(config, directory, &host, &error)
                           : NULL;
    if (!machine || !machine_start(machine, &error)) {
        fprintf(stderr, "bare-machine: %s\n", error->message);
        exit(2);
    }
    return machine;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bare-machine KERNEL [INSTRUCTIONS [BOARD CPU]]\n");
        return 2;
    }
    const uint64_t limit = argc > 2 ? g_ascii_strtoull(argv[2], NULL, 0) : LIMIT_DEFAULT;
    Machine *machine =
        start(argv[1], argc > 4 ? argv[3] : "pseries", argc > 4 ? argv[4] : "power9");
    Cpu *cpu = machine_cpu(machine, 0);
    while (machine_run_state(machine) == MACHINE_RUNNING && cpu_icount(cpu) < limit)
        machine_run(machine, QUANTUM, limit);
    fflush(stdout);
    MachineRunState state = machine_run_state(machine);
    fprintf(stderr,
            "%s after %" G_GUINT64_FORMAT " instructions at 0x%" G_GINT64_MODIFIER "x%s%s\n",
            machine_run_state_name(state), cpu_icount(cpu), cpu->s.cia,
            machine_error_text(machine) ? ": " : "",
            machine_error_text(machine) ? machine_error_text(machine) : "");
    machine_free(machine);
    return state == MACHINE_SHUTDOWN ? 0 : 1;
}
