/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The line to a machine's process: requests out, answers and events in, all on one connected
 * socket, so that an event that precedes an answer stays before it for every client.
 *
 * A request gets a number of ours on the way out and its client's id back on the way in. Requests
 * of different clients run side by side in the process; each client's order is kept by its session.
 */

#include "daemon/relay.h"

#include "api/json-reader.h"
#include "api/json-writer.h"
#include "daemon/process.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    Relay *relay;
    gint64 number;
    ApiRequest *request; /* NULL when the client has gone, or for our own questions */
    RelayAnswer answer;
    gpointer data;
} Pending;

struct Relay {
    Machine *machine;
    int fd;
    GSource *read_source, *write_source;
    ApiReader reader;
    GString *out;
    GHashTable *pending; /* number to Pending */
    gint64 last_number;
};

/* Out */

static void update_write_source(Relay *relay);

static void flush(Relay *relay)
{
    ssize_t n = send(relay->fd, relay->out->str, relay->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        g_string_erase(relay->out, 0, n);
    }
    update_write_source(relay); /* if the process has died, its end comes by its child source */
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    flush(data);
    return G_SOURCE_CONTINUE;
}

static void update_write_source(Relay *relay)
{
    bool wanted = relay->out->len > 0;
    if (wanted && !relay->write_source) {
        relay->write_source = g_unix_fd_source_new(relay->fd, G_IO_OUT);
        g_source_set_callback(relay->write_source, G_SOURCE_FUNC(on_writable), relay, NULL);
        g_source_attach(relay->write_source, NULL);
    } else if (!wanted && relay->write_source) {
        g_source_destroy(relay->write_source);
        g_clear_pointer(&relay->write_source, g_source_unref);
    }
}

static Pending *ask(Relay *relay, const char *command, JsonNode *arguments)
{
    Pending *pending = g_new0(Pending, 1);
    pending->relay = relay;
    pending->number = ++relay->last_number;
    g_hash_table_insert(relay->pending, &pending->number, pending);
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "execute", command);
    if (arguments) {
        json_object_set_member(object, "arguments", json_node_copy(arguments));
    }
    json_object_set_int_member(object, "id", pending->number);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    api_json_append(relay->out, node);
    g_string_append_c(relay->out, '\n');
    flush(relay);
    return pending;
}

void relay_execute(Relay *relay, const char *command, JsonObject *arguments, RelayAnswer answer,
                   gpointer data)
{
    g_autoptr(JsonNode) node =
        arguments ? json_node_init_object(json_node_alloc(), arguments) : NULL;
    Pending *pending = ask(relay, command, node);
    pending->answer = answer;
    pending->data = data;
}

static void forget_client(ApiRequest *request, gpointer data)
{
    Pending *pending = data;
    pending->request = NULL;
    api_request_reply(request, NULL); /* frees it; nobody sees this */
}

void relay_route(ApiRequest *request, const char *name)
{
    Supervisor *supervisor = api_request_context(request);
    GError *error = NULL;
    Machine *machine = supervisor_find(supervisor, name, &error);
    if (machine && machine->state != MACHINE_STATE_RUNNING) {
        g_set_error(&error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "The machine '%s' is %s: machine-start it first", name,
                    machine_state_name(machine->state));
    }
    if (error) {
        api_request_fail(request, error);
        return;
    }
    JsonObject *object = json_node_get_object(api_request_message(request));
    const char *command = json_object_get_string_member(object, "execute");
    if (strcmp(command, "quit") == 0) {
        machine->must_end = true;
    }
    Pending *pending = ask(machine->relay, command, json_object_get_member(object, "arguments"));
    pending->request = request;
    api_request_on_cancel(request, forget_client, pending);
}

/* In */

static GError *error_of(JsonObject *message)
{
    JsonObject *object = json_object_get_object_member(message, "error");
    const char *class = json_object_get_string_member_with_default(object, "class", "GenericError");
    const char *text = json_object_get_string_member_with_default(object, "desc", "");
    return g_error_new_literal(API_ERROR, (gint)api_error_code(class), text);
}

static void finish(Pending *pending, JsonNode *reply, GError *error)
{
    if (pending->answer) {
        pending->answer(pending->relay->machine, reply, error, pending->data);
    }
    if (pending->request && error) {
        api_request_fail(pending->request, g_steal_pointer(&error));
    } else if (pending->request) {
        api_request_reply(pending->request, json_node_copy(reply));
    }
    g_clear_error(&error);
    g_free(pending);
}

static void take_answer(Relay *relay, JsonObject *message)
{
    gint64 number = json_object_get_int_member_with_default(message, "id", -1);
    Pending *pending = g_hash_table_lookup(relay->pending, &number);
    if (!pending) {
        return;
    }
    g_hash_table_steal(relay->pending, &number);
    if (json_object_has_member(message, "error")) {
        finish(pending, NULL, error_of(message));
    } else {
        finish(pending, json_object_get_member(message, "return"), NULL);
    }
}

static const struct {
    const char *event, *run_state;
} transitions[] = {
    { "RESUME", "running" },
    { "SHUTDOWN", "shutdown" },
    { "GUEST_PANICKED", "guest-panicked" },
    { "BLOCK_IO_ERROR", "io-error" },
    { "REPLAY_END", "debug" },
    { "REPLAY_DIVERGED", "debug" },
};

static void follow_state(Machine *machine, const char *event, JsonObject *message)
{
    for (gsize i = 0; i < G_N_ELEMENTS(transitions); i++) {
        if (strcmp(transitions[i].event, event) == 0) {
            g_free(machine->run_state);
            machine->run_state = g_strdup(transitions[i].run_state);
        }
    }
    if (strcmp(event, "STOP") == 0 && g_strcmp0(machine->run_state, "running") == 0) {
        g_free(machine->run_state);
        machine->run_state = g_strdup("paused");
    }
    /* A guest that has powered off stays to be looked at, unless a client waits for its end. */
    if (strcmp(event, "SHUTDOWN") == 0 && machine->enders->len > 0) {
        JsonObject *data = json_object_get_object_member(message, "data");
        if (json_object_get_boolean_member_with_default(data, "guest", FALSE)) {
            process_end(machine, 10000);
        }
    }
}

static void take_message(Relay *relay, JsonNode *node)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return;
    }
    JsonObject *message = json_node_get_object(node);
    const char *event = json_object_get_string_member_with_default(message, "event", NULL);
    if (!event) {
        take_answer(relay, message);
        return;
    }
    supervisor_emit(relay->machine->supervisor, relay->machine, json_node_ref(node));
    follow_state(relay->machine, event, message);
}

static void parse(Relay *relay, const uint8_t *bytes, gsize length)
{
    while (length > 0) {
        JsonRead read = api_reader_feed(&relay->reader, bytes, length);
        bytes += read.used;
        length -= read.used;
        if (read.kind == JSON_READ_MESSAGE) {
            take_message(relay, read.node);
            json_node_unref(read.node);
        } else if (read.kind == JSON_READ_ERROR) {
            g_warning("%s: its process sent bad JSON: %s", relay->machine->name, read.error);
            g_free(read.error);
        }
    }
}

/* One piece; false when there is nothing (more). */
static bool receive(Relay *relay)
{
    uint8_t bytes[16384];
    ssize_t n = recv(relay->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0) {
        parse(relay, bytes, (gsize)n);
    }
    return n > 0;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    Relay *relay = data;
    if (!receive(relay) && (condition & G_IO_HUP)) {
        g_clear_pointer(&relay->read_source, g_source_unref);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* Life */

Relay *relay_new(Machine *machine, int fd)
{
    Relay *relay = g_new0(Relay, 1);
    relay->machine = machine;
    relay->fd = fd;
    relay->out = g_string_new(NULL);
    relay->pending = g_hash_table_new(g_int64_hash, g_int64_equal);
    api_reader_init(&relay->reader);
    relay->read_source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP);
    g_source_set_callback(relay->read_source, G_SOURCE_FUNC(on_readable), relay, NULL);
    g_source_attach(relay->read_source, NULL);
    return relay;
}

static void fail_pending(Relay *relay)
{
    GHashTableIter iter;
    gpointer key, value;
    for (;;) {
        g_hash_table_iter_init(&iter, relay->pending);
        if (!g_hash_table_iter_next(&iter, &key, &value)) {
            return;
        }
        g_hash_table_iter_steal(&iter);
        finish(value, NULL,
               g_error_new(API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                           "The process of machine '%s' has ended before it answered",
                           relay->machine->name));
    }
}

void relay_free(Relay *relay)
{
    if (!relay) {
        return;
    }
    while (receive(relay)) {
        /* what it has sent before it ended */
    }
    fail_pending(relay);
    if (relay->read_source) {
        g_source_destroy(relay->read_source);
        g_source_unref(relay->read_source);
    }
    g_string_truncate(relay->out, 0);
    update_write_source(relay);
    g_string_free(relay->out, TRUE);
    g_hash_table_unref(relay->pending);
    api_reader_clear(&relay->reader);
    close(relay->fd);
    g_free(relay);
}
