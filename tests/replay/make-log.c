/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make-log FILE: records a toy machine into FILE and prints the log as JSON lines. */
#include "tests/replay/fake-machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    g_autoptr(FakeMachine) machine = fake_new(4711);
    g_autoptr(GError) error = NULL;
    GString *dump = g_string_new(NULL);
    Position position = fake_position(machine);
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    LogWriter *writer = fd < 0 ? NULL : log_writer_new(fd, &position, &error);

    if (!writer) {
        fprintf(stderr, "usage: make-log FILE\n");
        return 2;
    }
    machine->log = writer;
    replay_record(machine->replay, writer, SYNC_FULL, &position, fake_hash_all(machine));
    fake_run(machine, 3000000);
    position = fake_position(machine);
    if (!replay_finish(machine->replay, &position, fake_hash_all(machine), &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }

    g_autoptr(LogReader) reader = log_reader_new(fd, &error);

    if (!reader || !log_dump(reader, LOG_FORMAT_JSON_LINES, dump, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    fputs(dump->str, stdout);
    g_string_free(dump, TRUE);
    close(fd);
    return 0;
}
