/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One connection: bytes in, requests in order, answers out.
 *
 * 1. Nothing here blocks. What a client does not read waits in a bounded buffer; a client that lets
 *    it overflow is cut off. A client whose answers pile up is not read until they are gone.
 * 2. A client's answers leave in the order of its requests, mistakes of grammar included: those are
 *    requests that have failed already. On a relay each answer leaves when it is ready.
 * 3. A session may end in the middle of anything it does. It is freed only from the main loop, when
 *    nothing of it is on the stack. Its open requests live on without it until they are answered.
 * 4. A descriptor comes with the last request of what is read with it: the kernel ends a read after
 *    bytes that a descriptor was sent with. It goes with its request if no command takes it.
 */

#include "api/session.h"

#include "api/json-reader.h"
#include "api/json-writer.h"
#include "api/packet.h"
#include "api/server.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE           16384
#define PAUSE_READING_ABOVE (256 * 1024) /* unsent bytes */

struct ApiRequest {
    ApiSession *session; /* NULL when the client has gone */
    ApiServer *server;
    JsonNode *message; /* NULL for a mistake of grammar */
    JsonNode *id;
    bool started;
    int fd;       /* that came with it, or -1 */
    unsigned fds; /* how many did; all but the first are closed */
    char *answer; /* a line without its end, while it waits for its turn */
    void (*cancel)(ApiRequest *, gpointer);
    gpointer cancel_data;
};

struct ApiSession {
    ApiServer *server;
    ApiSessionKind kind;
    int fd;
    bool negotiated;
    bool is_closing; /* no more reading; ends when all is sent */
    bool is_dead;    /* no more anything; freed by an idle source */
    bool is_pumping;
    ApiReader reader;
    Descriptors *descriptors;
    int fd_read;       /* came with what is in `in`, or with what was there before; or -1 */
    unsigned fds_read; /* how many did */
    GByteArray *in;    /* read, not yet parsed */
    GString *out;
    gsize sent;      /* bytes of `out` that are gone */
    GQueue requests; /* of ApiRequest, oldest first */
    GSource *read_source, *write_source, *end_source;
};

static void session_pump(ApiSession *session);
static void session_update_sources(ApiSession *session);

/* Ending */

static void request_free(ApiRequest *request)
{
    g_clear_pointer(&request->message, json_node_unref);
    g_clear_pointer(&request->id, json_node_unref);
    if (request->fd >= 0) {
        close(request->fd);
    }
    g_free(request->answer);
    g_free(request);
}

static void source_clear(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static gboolean end_session(gpointer data)
{
    ApiSession *session = data;
    api_server_session_closed(session->server, session);
    api_session_free(session);
    return G_SOURCE_REMOVE;
}

/* From here on the client is gone; the memory goes later. */
static void session_die(ApiSession *session)
{
    if (session->is_dead) {
        return;
    }
    session->is_dead = true;
    source_clear(&session->read_source);
    source_clear(&session->write_source);
    close(session->fd);
    session->fd = -1;
    if (session->fd_read >= 0) {
        close(session->fd_read);
    }
    session->fd_read = -1;
    g_clear_pointer(&session->descriptors, descriptors_free);
    ApiRequest *request;
    while ((request = g_queue_pop_head(&session->requests))) {
        request->session = NULL;
        if (!request->started || request->answer) {
            request_free(request);
        } else if (request->cancel) {
            request->cancel(request, request->cancel_data);
        }
    }
    session->end_source = g_idle_source_new();
    g_source_set_callback(session->end_source, end_session, session, NULL);
    g_source_attach(session->end_source, g_main_context_get_thread_default());
}

void api_session_free(ApiSession *session)
{
    if (!session) {
        return;
    }
    session_die(session);
    source_clear(&session->end_source);
    api_reader_clear(&session->reader);
    g_byte_array_unref(session->in);
    g_string_free(session->out, TRUE);
    g_free(session);
}

/* Sending */

static void session_flush(ApiSession *session)
{
    while (!session->is_dead && session->sent < session->out->len) {
        ssize_t n = send(session->fd, session->out->str + session->sent,
                         session->out->len - session->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (n < 0) {
            session_die(session);
            return;
        }
        session->sent += (gsize)n;
    }
    g_string_truncate(session->out, 0);
    session->sent = 0;
}

static void session_write(ApiSession *session, const char *line)
{
    if (session->is_dead) {
        return;
    }
    if (session->sent > READ_SIZE) {
        g_string_erase(session->out, 0, (gssize)session->sent);
        session->sent = 0;
    }
    g_string_append(session->out, line);
    g_string_append(session->out, "\r\n");
    session_flush(session);
    if (session->out->len - session->sent > API_SESSION_MAX_UNSENT) {
        g_warning("a client does not read its answers: dropped with %" G_GSIZE_FORMAT
                  " bytes unsent",
                  session->out->len - session->sent);
        session_die(session);
    }
    session_update_sources(session);
}

void api_session_send(ApiSession *session, JsonNode *node)
{
    g_autofree char *line = api_json_to_line(node);
    session_write(session, line);
}

void api_session_close_after_send(ApiSession *session)
{
    session->is_closing = true;
    session_update_sources(session);
}

/* Requests */

/* Sends what is answered and due, and starts what may run now. */
static void session_advance(ApiSession *session)
{
    GList *link = session->requests.head;
    while (link && !session->is_dead) {
        ApiRequest *request = link->data;
        GList *next = link->next;
        if (request->answer) {
            g_queue_delete_link(&session->requests, link);
            session_write(session, request->answer);
            request_free(request);
        } else if (!request->started && !session->is_closing) {
            request->started = true;
            api_dispatch(request); /* may answer at once */
            if (session->is_dead) {
                return;
            }
            next = session->requests.head;
        } else if (session->kind == API_SESSION_CLIENT) {
            return;
        }
        link = next;
    }
}

static void request_finish(ApiRequest *request, const char *member, JsonNode *value)
{
    ApiSession *session = request->session;
    if (!session) {
        json_node_unref(value);
        request_free(request);
        return;
    }
    JsonObject *object = json_object_new();
    if (request->id) {
        json_object_set_member(object, "id", g_steal_pointer(&request->id));
    }
    json_object_set_member(object, member, value);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    request->answer = api_json_to_line(node);
    request->cancel = NULL;
    session_pump(session);
}

void api_request_reply(ApiRequest *request, JsonNode *reply)
{
    if (!reply) {
        g_autoptr(JsonObject) empty = json_object_new();
        reply = json_node_init_object(json_node_alloc(), empty);
    }
    request_finish(request, "return", reply);
}

void api_request_fail(ApiRequest *request, GError *error)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "class", api_error_class(error));
    json_object_set_string_member(object, "desc", error->message);
    g_error_free(error);
    request_finish(request, "error", json_node_init_object(json_node_alloc(), object));
}

void api_request_fail_text(ApiRequest *request, ApiErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    GError *error = g_error_new_valist(API_ERROR, (gint)code, format, arguments);
    va_end(arguments);
    api_request_fail(request, error);
}

void api_request_on_cancel(ApiRequest *request, void (*cancel)(ApiRequest *, gpointer),
                           gpointer data)
{
    request->cancel = cancel;
    request->cancel_data = data;
}

ApiSession *api_request_session(ApiRequest *request)
{
    return request->session;
}

gpointer api_request_context(ApiRequest *request)
{
    return api_server_options(request->server)->context;
}

JsonNode *api_request_message(ApiRequest *request)
{
    return request->message;
}

int api_request_take_fd(ApiRequest *request, unsigned *count)
{
    int fd = request->fd;
    *count = request->fds;
    request->fd = -1;
    request->fds = 0;
    return fd;
}

/* What has been parsed is followed by nothing that was read with it. */
static bool is_last_in(const ApiSession *session)
{
    for (guint i = 0; i < session->in->len; i++) {
        if (!g_ascii_isspace(session->in->data[i])) {
            return false;
        }
    }
    return true;
}

static ApiRequest *request_new(ApiSession *session)
{
    ApiRequest *request = g_new0(ApiRequest, 1);
    request->session = session;
    request->server = session->server;
    request->fd = -1;
    if (is_last_in(session)) {
        request->fd = session->fd_read;
        request->fds = session->fds_read;
        session->fd_read = -1;
        session->fds_read = 0;
    }
    g_queue_push_tail(&session->requests, request);
    return request;
}

/* Reading */

static void take_message(ApiSession *session, JsonNode *message)
{
    ApiRequest *request = request_new(session);
    request->message = message;
    if (JSON_NODE_HOLDS_OBJECT(message)) {
        JsonObject *object = json_node_get_object(message);
        request->id = json_object_dup_member(object, "id");
    }
}

static void take_mistake(ApiSession *session, const char *text)
{
    ApiRequest *request = request_new(session);
    request->started = true;
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonObject) inner = json_object_new();
    json_object_set_string_member(inner, "class", "GenericError");
    json_object_set_string_member(inner, "desc", text);
    json_object_set_object_member(object, "error", g_steal_pointer(&inner));
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    request->answer = api_json_to_line(node);
}

/* Only clients wait for each other: on a relay, the daemon limits each client itself. */
static bool session_is_full(ApiSession *session)
{
    return (session->kind == API_SESSION_CLIENT &&
            session->requests.length >= API_SESSION_MAX_QUEUED) ||
           session->out->len - session->sent > PAUSE_READING_ABOVE;
}

static void session_parse_one(ApiSession *session)
{
    JsonRead read = api_reader_feed(&session->reader, session->in->data, session->in->len);
    g_byte_array_remove_range(session->in, 0, (guint)read.used);
    if (read.kind == JSON_READ_MESSAGE) {
        take_message(session, read.node);
    } else if (read.kind == JSON_READ_ERROR) {
        take_mistake(session, read.error);
        g_free(read.error);
    }
}

static void session_pump(ApiSession *session)
{
    if (session->is_pumping || session->is_dead) {
        return;
    }
    session->is_pumping = true;
    session_advance(session);
    while (!session->is_dead && session->in->len > 0 && !session_is_full(session)) {
        session_parse_one(session);
        session_advance(session);
    }
    session->is_pumping = false;
    session_update_sources(session);
}

/* As recv(). Who takes no descriptors never gets to see one. */
static ssize_t session_receive(ApiSession *session, void *bytes, gsize room)
{
    if (!api_server_options(session->server)->takes_fds) {
        return recv(session->fd, bytes, room, MSG_DONTWAIT);
    }
    int fd;
    unsigned fds;
    ssize_t n = packet_stream_receive(session->fd, bytes, room, &fd, &fds);
    if (session->fd_read < 0) {
        session->fd_read = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    session->fds_read += fds;
    return n;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    ApiSession *session = data;
    uint8_t bytes[READ_SIZE];
    ssize_t n = session_receive(session, bytes, sizeof(bytes));
    if (n > 0) {
        g_byte_array_append(session->in, bytes, (guint)n);
        session_pump(session);
    } else if (n == 0 && !(condition & G_IO_HUP)) {
        /* The client has no more questions; it may still be reading answers. */
        session->is_closing = true;
        session_update_sources(session);
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        session_die(session);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    ApiSession *session = data;
    session_flush(session);
    session_pump(session);
    return G_SOURCE_CONTINUE;
}

static void set_source(ApiSession *session, GSource **source, bool wanted, GIOCondition condition,
                       GUnixFDSourceFunc callback)
{
    if (wanted == (*source != NULL)) {
        return;
    }
    if (!wanted) {
        source_clear(source);
        return;
    }
    *source = g_unix_fd_source_new(session->fd, condition);
    g_source_set_callback(*source, G_SOURCE_FUNC(callback), session, NULL);
    g_source_attach(*source, g_main_context_get_thread_default());
}

static void session_update_sources(ApiSession *session)
{
    if (session->is_dead || session->is_pumping) {
        return;
    }
    bool unsent = session->sent < session->out->len;
    bool has_answers_to_come = session->requests.length > 0;
    if (session->is_closing && !unsent && !has_answers_to_come && session->in->len == 0) {
        session_die(session);
        return;
    }
    bool may_read = !session->is_closing && session->in->len == 0 && !session_is_full(session);
    set_source(session, &session->read_source, may_read, G_IO_IN | G_IO_HUP | G_IO_ERR,
               on_readable);
    set_source(session, &session->write_source, unsent, G_IO_OUT | G_IO_HUP | G_IO_ERR,
               on_writable);
}

/* Life */

ApiSession *api_session_new(ApiServer *server, int fd, ApiSessionKind kind)
{
    ApiSession *session = g_new0(ApiSession, 1);
    session->server = server;
    session->kind = kind;
    session->fd = fd;
    session->fd_read = -1;
    session->descriptors = descriptors_new();
    session->in = g_byte_array_new();
    session->out = g_string_new(NULL);
    session->negotiated = kind == API_SESSION_RELAY;
    g_queue_init(&session->requests);
    api_reader_init(&session->reader);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    session_update_sources(session);
    return session;
}

ApiServer *api_session_server(ApiSession *session)
{
    return session->server;
}

gpointer api_session_context(ApiSession *session)
{
    return api_server_options(session->server)->context;
}

ApiSessionKind api_session_kind(ApiSession *session)
{
    return session->kind;
}

bool api_session_is_negotiated(ApiSession *session)
{
    return session->negotiated && !session->is_dead;
}

void api_session_set_negotiated(ApiSession *session)
{
    session->negotiated = true;
}

Descriptors *api_session_descriptors(ApiSession *session)
{
    return session->descriptors;
}
