/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The process of a machine: fork and exec, descriptors instead of paths.
 *
 * 1. The child inherits its standard descriptors and one socket, nothing else. All files go through
 *    that socket, opened here with the daemon's rights.
 * 2. A process is gone when it was reaped; only then are its sockets removed and its requests
 *    failed. What it had sent before is read first, so no event is lost.
 * 3. Whatever a process does, the daemon goes on.
 * 4. A process that was told to end and does not is killed; not one that still writes what is to be
 *    kept, and says so (MESSAGE_BUSY), however long it takes.
 */

#include "daemon/process.h"

#include "api/json-writer.h"
#include "api/unix-socket.h"
#include "daemon/audio.h"
#include "daemon/console.h"
#include "daemon/gdb.h"
#include "daemon/nbd.h"
#include "daemon/netdev.h"
#include "daemon/relay.h"
#include "daemon/vnc.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINK_FD 3 /* in the child */

struct Start {
    ProcessStarted started;
    gpointer data;
    char *failure; /* what the process said */
};

typedef struct {
    ProcessEnded ended;
    gpointer data;
} Ender;

static bool fail(GError **error, const char *what, const char *path)
{
    g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot %s %s: %s", what, path,
                g_strerror(errno));
    return false;
}

bool process_send(Machine *machine, MessageType type, uint32_t port, uint16_t device,
                  const void *bytes, gsize length, int fd)
{
    Message message;
    message_init(&message, type, port, bytes, length);
    message.device = device;
    return machine->link >= 0 && message_send(machine->link, &message, fd, NULL);
}

/* Handing over files */

static bool send_fd(int link, const char *name, int fd, GError **error)
{
    Message message;
    message_init(&message, MESSAGE_FILE, 0, name, strlen(name));
    bool good = fd >= 0 && message_send(link, &message, fd, error);
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static bool send_file(const char *member, const char *path, gpointer link, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        g_autofree char *what = g_strdup_printf("open %s:", member);
        return fail(error, what, path);
    }
    return send_fd(*(const int *)link, member, fd, error);
}

static bool take_media(guint number, JsonObject *disk, ProcessFile take, gpointer data,
                       GError **error)
{
    JsonArray *media =
        json_object_has_member(disk, "media") ? json_object_get_array_member(disk, "media") : NULL;
    for (guint i = 0; media && i < json_array_get_length(media); i++) {
        g_autofree char *member = g_strdup_printf("disks[%u].media[%u]", number, i);
        if (!take(member, json_array_get_string_element(media, i), data, error)) {
            return false;
        }
    }
    return true;
}

bool process_each_file(JsonNode *definition, ProcessFile take, gpointer data, GError **error)
{
    JsonObject *object = json_node_get_object(definition);
    const char *initrd = json_object_get_string_member_with_default(object, "initrd", NULL);
    if (!take("kernel", json_object_get_string_member(object, "kernel"), data, error) ||
        (initrd && !take("initrd", initrd, data, error))) {
        return false;
    }
    JsonArray *disks = json_object_has_member(object, "disks")
                           ? json_object_get_array_member(object, "disks")
                           : NULL;
    for (guint i = 0; disks && i < json_array_get_length(disks); i++) {
        g_autofree char *member = g_strdup_printf("disks[%u].file", i);
        JsonObject *disk = json_array_get_object_element(disks, i);
        if (!take(member, json_object_get_string_member(disk, "file"), data, error) ||
            !take_media(i, disk, take, data, error)) {
            return false;
        }
    }
    return true;
}

/* Opened again: the first descriptor has gone to the machine, which digests the file by it. */
static bool send_server(Machine *machine, int link, guint number, JsonObject *disk, GError **error)
{
    const char *format = json_object_get_string_member_with_default(disk, "format", "raw");
    const char *path = json_object_get_string_member(disk, "file");
    g_autofree char *member = g_strdup_printf("disks[%u].nbd", number);
    if (strcmp(format, "raw") == 0) {
        return true;
    }
    int image = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (image < 0) {
        return fail(error, "open", path);
    }
    int server =
        nbd_serve(machine, json_object_get_string_member(disk, "id"), format, image, error);
    close(image);
    return server >= 0 && send_fd(link, member, server, error);
}

static bool send_servers(Machine *machine, int link, GError **error)
{
    JsonObject *object = json_node_get_object(machine->definition);
    JsonArray *disks = json_object_has_member(object, "disks")
                           ? json_object_get_array_member(object, "disks")
                           : NULL;
    for (guint i = 0; disks && i < json_array_get_length(disks); i++) {
        if (!send_server(machine, link, i, json_array_get_object_element(disks, i), error)) {
            return false;
        }
    }
    return true;
}

/* Emptied by the machine's process, which knows what it may overwrite. */
static bool send_dumps(Machine *machine, int link, GError **error)
{
    JsonObject *object = json_node_get_object(machine->definition);
    JsonArray *nics = json_object_has_member(object, "nics")
                          ? json_object_get_array_member(object, "nics")
                          : NULL;
    for (guint i = 0; nics && i < json_array_get_length(nics); i++) {
        JsonObject *nic = json_array_get_object_element(nics, i);
        const char *path = json_object_get_string_member_with_default(nic, "pcap", NULL);
        g_autofree char *member = g_strdup_printf("nics[%u].pcap", i);
        int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        int fd = path ? open(path, flags, 0600) : -1;
        if (path && fd < 0) {
            return fail(error, "write", path);
        }
        if (path && !send_fd(link, member, fd, error)) {
            return false;
        }
    }
    return true;
}

/* A source of sound: a machine that replays needs none, and any other one says what is missing. */
static bool send_capture(Machine *machine, int link, GError **error)
{
    const char *path = audio_capture_file(machine->definition);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    return fd < 0 || send_fd(link, "audio.capture.file", fd, error);
}

static bool send_definition(Machine *machine, int link, GError **error)
{
    g_autofree char *text = api_json_to_line(machine->definition);
    int fd = memfd_create("definition", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        return fail(error, "write", "the definition");
    }
    return send_fd(link, "definition", fd, error);
}

static bool send_all(Machine *machine, int link, int relay, GError **error)
{
    Message start;
    int directory = open(machine->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        close(relay);
        return fail(error, "open", machine->directory);
    }
    message_init(&start, MESSAGE_START, 0, NULL, 0);
    return send_fd(link, "relay", relay, error) && send_fd(link, "directory", directory, error) &&
           send_definition(machine, link, error) &&
           process_each_file(machine->definition, send_file, &link, error) &&
           send_servers(machine, link, error) && send_dumps(machine, link, error) &&
           send_capture(machine, link, error) && message_send(link, &start, -1, error);
}

/* Fork and exec */

/* Between fork and exec: only calls that are safe there. */
static void become_worker(Supervisor *supervisor, int link, int log, const char *const *arguments)
{
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (link == LINK_FD) {
        fcntl(link, F_SETFD, 0);
    } else {
        dup2(link, LINK_FD);
    }
    close_range(LINK_FD + 1, ~0u, 0);
    execv(supervisor->worker_program, (char *const *)arguments);
    _exit(127);
}

static pid_t spawn(Machine *machine, int link, GError **error)
{
    Supervisor *supervisor = machine->supervisor;
    g_autofree char *path = machine_path(machine, "log.txt");
    const char *arguments[] = { "powerplay-machine", "--link", "3",
                                supervisor->sandbox ? "--sandbox" : NULL, NULL };
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0) {
        fail(error, "write", path);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become_worker(supervisor, link, log, arguments);
    }
    if (pid < 0) {
        fail(error, "start", supervisor->worker_program);
    }
    close(log);
    return pid;
}

/* While it runs */

static gboolean on_qmp_client(gint fd, GIOCondition condition, gpointer data)
{
    Machine *machine = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
        process_send(machine, MESSAGE_CLIENT, 0, 0, NULL, 0, client);
        close(client);
    }
    return G_SOURCE_CONTINUE;
}

static bool open_qmp_socket(Machine *machine, GError **error)
{
    g_autofree char *path = machine_path(machine, "qmp.sock");
    machine->qmp_listener = api_socket_listen(path, error);
    if (machine->qmp_listener < 0) {
        return false;
    }
    machine->qmp_source = g_unix_fd_source_new(machine->qmp_listener, G_IO_IN);
    g_source_set_callback(machine->qmp_source, G_SOURCE_FUNC(on_qmp_client), machine, NULL);
    g_source_attach(machine->qmp_source, NULL);
    return true;
}

static bool open_consoles(Machine *machine, GError **error)
{
    g_auto(GStrv) ids = machine_serial_ids(machine);
    for (guint i = 0; ids[i]; i++) {
        g_autofree char *name = g_strdup_printf("serial-%s.sock", ids[i]);
        g_autofree char *path = machine_path(machine, name);
        Console *console = console_new(machine, ids[i], i, path, error);
        if (!console) {
            return false;
        }
        g_ptr_array_add(machine->consoles, console);
    }
    return true;
}

/* The one call of `started`. */
static void tell_started(Machine *machine, GError *error)
{
    Start *start = g_steal_pointer(&machine->start);
    if (start) {
        start->started(machine, error, start->data);
        g_free(start->failure);
        g_free(start);
    }
    g_clear_error(&error);
}

static void process_is_ready(Machine *machine)
{
    GError *error = NULL;
    if (!machine->start) {
        return;
    }
    if (!open_qmp_socket(machine, &error) || !open_consoles(machine, &error) ||
        !vnc_start(machine, &error) || !netdev_start(machine, &error) ||
        !audio_start(machine, &error)) {
        process_end(machine, 0);
    } else {
        g_free(machine->run_state);
        machine->run_state = g_strdup("prelaunch");
        machine_set_state(machine, MACHINE_STATE_RUNNING);
    }
    tell_started(machine, error);
}

static void take_message(Machine *machine, const Message *message)
{
    switch (message->type) {
    case MESSAGE_READY: process_is_ready(machine); return;
    case MESSAGE_FAILED:
        if (machine->start) {
            g_free(machine->start->failure);
            machine->start->failure = message_text(message);
        }
        return;
    case MESSAGE_PORT_DATA:
    case MESSAGE_PORT_CLOSE:
        for (guint i = 0; i < machine->consoles->len; i++) {
            if (console_take_message(g_ptr_array_index(machine->consoles, i), message)) {
                return;
            }
        }
        return;
    case MESSAGE_BUSY: machine->busy_us = g_get_monotonic_time(); return;
    case MESSAGE_GDB_LISTEN:
    case MESSAGE_GDB_CLOSE: gdb_take_message(machine, message); return;
    default: g_warning("%s: message of type %u from its process", machine->name, message->type);
    }
}

/* Takes one message; false when there is none. */
static bool receive_one(Machine *machine)
{
    Message message;
    g_autoptr(GError) error = NULL;
    int fd;
    PacketResult result = message_receive(machine->link, &message, &fd, &error);
    if (fd >= 0) {
        close(fd); /* a machine has nothing to hand out */
    }
    if (result == PACKET_WRONG) {
        g_warning("%s: %s", machine->name, error->message);
    } else if (result == PACKET_RECEIVED) {
        take_message(machine, &message);
    }
    return result == PACKET_WRONG || result == PACKET_RECEIVED;
}

static void clear_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static gboolean on_link(gint fd, GIOCondition condition, gpointer data)
{
    Machine *machine = data;
    if (!receive_one(machine) && (condition & G_IO_HUP)) {
        clear_source(&machine->link_source); /* the child's end follows */
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* The end */

static void close_all(Machine *machine)
{
    while (machine->link >= 0 && receive_one(machine)) {}
    clear_source(&machine->link_source);
    clear_source(&machine->qmp_source);
    vnc_end(machine);
    netdev_end(machine);
    gdb_end(machine);
    audio_end(machine);
    g_clear_pointer(&machine->passed, descriptors_free);
    g_clear_pointer(&machine->relay, relay_free);
    g_ptr_array_set_size(machine->consoles, 0);
    if (machine->qmp_listener >= 0) {
        g_autofree char *path = machine_path(machine, "qmp.sock");
        close(machine->qmp_listener);
        unlink(path);
    }
    if (machine->link >= 0) {
        close(machine->link);
    }
    machine->link = machine->qmp_listener = -1;
    g_clear_pointer(&machine->run_state, g_free);
}

static char *describe_status(int status)
{
    if (WIFSIGNALED(status)) {
        return g_strdup_printf("killed by signal %d (%s)", WTERMSIG(status),
                               g_strsignal(WTERMSIG(status)));
    }
    return g_strdup_printf("exit status %d", WEXITSTATUS(status));
}

static void tell_crash(Machine *machine)
{
    JsonObject *data = json_object_new();
    g_autofree char *report = machine_path(machine, "log.txt");
    json_object_set_string_member(data, "name", machine->name);
    json_object_set_string_member(data, "reason", machine->exit_status);
    json_object_set_string_member(data, "report", report);
    JsonNode *node = json_node_init_object(json_node_alloc(), data);
    json_object_unref(data);
    machine->supervisor->crashes++;
    supervisor_emit(machine->supervisor, machine, api_event_new("MACHINE_CRASHED", node));
}

static void tell_enders(Machine *machine)
{
    while (machine->enders->len > 0) {
        g_autofree Ender *ender = g_ptr_array_steal_index(machine->enders, 0);
        ender->ended(machine, ender->data);
    }
}

static void on_child_gone(GPid pid, gint status, gpointer data)
{
    Machine *machine = data;
    bool was_starting = machine->start != NULL;
    close_all(machine);
    machine->pid = 0;
    machine->child_source = 0;
    g_free(machine->exit_status);
    machine->exit_status = describe_status(status);
    bool crashed = status != 0 && !machine->must_end && !was_starting;
    machine_set_state(machine, crashed ? MACHINE_STATE_CRASHED : MACHINE_STATE_STOPPED);
    if (crashed) {
        tell_crash(machine);
    }
    if (was_starting) {
        const char *text = machine->start->failure;
        GError *error = g_error_new(API_ERROR, API_ERROR_GENERIC, "Cannot start '%s': %s",
                                    machine->name, text ? text : machine->exit_status);
        tell_started(machine, error);
    }
    tell_enders(machine);
}

void process_start(Machine *machine, ProcessStarted started, gpointer data)
{
    GError *error = NULL;
    int link[2] = { -1, -1 }, relay[2] = { -1, -1 };
    machine->start = g_new0(Start, 1);
    *machine->start = (Start){ started, data, NULL };
    machine->must_end = false;
    machine->busy_us = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay) < 0) {
        fail(&error, "make", "sockets");
    } else {
        send_all(machine, link[0], relay[1], &error);
    }
    pid_t pid = error ? -1 : spawn(machine, link[1], &error);
    if (link[1] >= 0) {
        close(link[1]);
    }
    if (pid < 0) {
        close(link[0]);
        close(relay[0]);
        tell_started(machine, error);
        return;
    }
    machine->pid = pid;
    machine->link = link[0];
    machine->relay = relay_new(machine, relay[0]);
    machine->link_source = g_unix_fd_source_new(machine->link, G_IO_IN | G_IO_HUP);
    g_source_set_callback(machine->link_source, G_SOURCE_FUNC(on_link), machine, NULL);
    g_source_attach(machine->link_source, NULL);
    machine->child_source = g_child_watch_add(pid, on_child_gone, machine);
    machine_set_state(machine, MACHINE_STATE_STARTING);
}

typedef struct {
    Supervisor *supervisor;
    char *name;
    pid_t pid;
    unsigned grace_ms;
} Deadline;

static gboolean kill_late(gpointer data)
{
    Deadline *deadline = data;
    Machine *machine = g_hash_table_lookup(deadline->supervisor->machines, deadline->name);
    if (!machine || machine->pid != deadline->pid) {
        return G_SOURCE_REMOVE;
    }
    if (g_get_monotonic_time() - machine->busy_us < (gint64)deadline->grace_ms * 1000) {
        return G_SOURCE_CONTINUE;
    }
    kill(deadline->pid, SIGKILL);
    return G_SOURCE_REMOVE;
}

static void deadline_free(gpointer data)
{
    Deadline *deadline = data;
    g_free(deadline->name);
    g_free(deadline);
}

static void ignore_answer(Machine *machine, JsonNode *reply, const GError *error, gpointer data)
{
}

void process_end(Machine *machine, unsigned grace_ms)
{
    if (!machine->pid) {
        return;
    }
    machine->must_end = true;
    machine_set_state(machine, MACHINE_STATE_STOPPING);
    relay_execute(machine->relay, "quit", NULL, ignore_answer, NULL);
    Deadline *deadline = g_new(Deadline, 1);
    *deadline = (Deadline){ machine->supervisor, g_strdup(machine->name), machine->pid, grace_ms };
    g_timeout_add_full(G_PRIORITY_DEFAULT, grace_ms, kill_late, deadline, deadline_free);
}

void process_on_end(Machine *machine, ProcessEnded ended, gpointer data)
{
    Ender *ender = g_new(Ender, 1);
    *ender = (Ender){ ended, data };
    g_ptr_array_add(machine->enders, ender);
}

void process_cancel_on_end(Machine *machine, gpointer data)
{
    for (guint i = 0; i < machine->enders->len; i++) {
        Ender *ender = g_ptr_array_index(machine->enders, i);
        if (ender->data == data) {
            g_ptr_array_remove_index(machine->enders, i);
            return;
        }
    }
}
