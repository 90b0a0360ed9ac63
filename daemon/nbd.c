/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-nbd, of the host's package qemu-utils, gets two descriptors: a listening socket, by the
 * protocol of socket activation, and the image, which it opens by the descriptor's name. So no path
 * is looked up twice, and the format is always the one that the definition names, never guessed.
 *
 * An image that refers to other files is refused: a machine's definition says which files it may
 * read, and recordings know images by their digests.
 */
#include "daemon/nbd.h"

#include "api/unix-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM   "qemu-nbd"
#define LISTEN_FD 3 /* where socket activation has it */
#define IMAGE_FD  4

#define QCOW2_MAGIC         0x514649fbu
#define QCOW2_BACKING       8  /* offset of the backing file's name, 8 bytes */
#define QCOW2_FEATURES      72 /* 8 bytes, from version 3 on */
#define QCOW2_EXTERNAL_DATA 4u

static uint64_t get_be(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static bool stands_alone(const char *id, const char *format, int image, GError **error)
{
    uint8_t header[QCOW2_FEATURES + 8] = { 0 };
    const char *problem = NULL;
    if (strcmp(format, "qcow2") != 0)
        return true;
    if (pread(image, header, sizeof header, 0) < QCOW2_FEATURES || get_be(header, 4) != QCOW2_MAGIC)
        problem = "is not of format \"qcow2\": name its format";
    else if (get_be(header + QCOW2_BACKING, 8) != 0)
        problem = "has a backing file: make it one file (qemu-img convert)";
    else if (get_be(header + 4, 4) >= 3 && get_be(header + QCOW2_FEATURES, 8) & QCOW2_EXTERNAL_DATA)
        problem = "keeps its data in another file: make it one file (qemu-img convert)";
    if (problem)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "The image of disk \"%s\" %s", id,
                    problem);
    return !problem;
}

/* In a child of a process with one thread, where printf would do, but need not. */
static void put_number(char *at, unsigned value)
{
    char digits[12];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        *at++ = digits[--count];
    *at = '\0';
}

/* Between fork and exec: only calls that are safe there. */
static void become_server(const char *program, int listener, int image, int log, char **arguments)
{
    static char pid[32] = "LISTEN_PID=";
    char *environment[] = { pid, (char *)"LISTEN_FDS=1", NULL };
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    put_number(pid + 11, (unsigned)getpid());
    int high_listener = fcntl(listener, F_DUPFD, 10), high_image = fcntl(image, F_DUPFD, 10);
    int high_log = fcntl(log, F_DUPFD, 10), high_null = fcntl(null, F_DUPFD, 10);
    dup2(high_null, STDIN_FILENO);
    dup2(high_log, STDOUT_FILENO);
    dup2(high_log, STDERR_FILENO);
    dup2(high_listener, LISTEN_FD);
    dup2(high_image, IMAGE_FD);
    close_range(IMAGE_FD + 1, ~0u, 0);
    execve(program, arguments, environment);
    _exit(127);
}

static void reap(GPid pid, gint status, gpointer data)
{
}

static bool spawn(Machine *machine, const char *id, const char *format, int listener, int image,
                  GError **error)
{
    g_autofree char *program = g_find_program_in_path(PROGRAM);
    g_autofree char *option = g_strconcat("--format=", format, NULL);
    g_autofree char *name = g_strdup_printf("disk-%s-server.txt", id);
    g_autofree char *path = machine_path(machine, name);
    const char *arguments[] = { PROGRAM, "--read-only", option, "--", "/proc/self/fd/4", NULL };
    if (!program) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "The disk \"%s\" of format \"%s\" needs the program " PROGRAM
                    ": install Debian's package qemu-utils, or convert the image to raw",
                    id, format);
        return false;
    }
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    pid_t pid = log < 0 ? -1 : fork();
    if (pid == 0)
        become_server(program, listener, image, log, (char **)arguments);
    if (pid < 0)
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot start %s: %s", program,
                    g_strerror(errno));
    else
        g_child_watch_add(pid, reap, NULL);
    if (log >= 0)
        close(log);
    return pid > 0;
}

int nbd_serve(Machine *machine, const char *id, const char *format, int image, GError **error)
{
    g_autofree char *name = g_strdup_printf("disk-%s.sock", id);
    g_autofree char *path = machine_path(machine, name);
    if (!stands_alone(id, format, image, error))
        return -1;
    int listener = api_socket_listen(path, error);
    if (listener < 0)
        return -1;
    int client = api_socket_connect(path, error);
    unlink(path);
    if (client >= 0 && !spawn(machine, id, format, listener, image, error)) {
        close(client);
        client = -1;
    }
    close(listener);
    return client;
}
