/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/api/wire.h"

#include "api-daemon-commands.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    uint64_t val;
    int64_t size;
    bool has_up;
    bool up;
    char *filename;
} SaveArgs;

typedef struct {
    char unused;
} NoArgs;

static const ApiStruct no_struct = { "none", sizeof(NoArgs), NULL, 0 };

static const ApiMember save_members[] = {
    { .name = "val", .kind = API_TYPE_SIZE, .offset = offsetof(SaveArgs, val), .has_offset = -1 },
    { .name = "size", .kind = API_TYPE_INT, .offset = offsetof(SaveArgs, size), .has_offset = -1 },
    { .name = "filename",
      .kind = API_TYPE_STRING,
      .offset = offsetof(SaveArgs, filename),
      .has_offset = -1 },
    { .name = "up",
      .kind = API_TYPE_BOOL,
      .offset = offsetof(SaveArgs, up),
      .has_offset = offsetof(SaveArgs, has_up) },
};
static const ApiStruct save_struct = { "save", sizeof(SaveArgs), save_members, 4 };

static const ApiMember enable_members[] = {
    { .name = "enable",
      .kind = API_TYPE_ENUM,
      .is_array = true,
      .offset = offsetof(QmpCapabilitiesArgs, enable),
      .count_offset = offsetof(QmpCapabilitiesArgs, enable_count),
      .has_offset = offsetof(QmpCapabilitiesArgs, has_enable),
      .names = api_qmp_capability_names },
};
static const ApiStruct enable_struct = { "enable", sizeof(QmpCapabilitiesArgs), enable_members, 1 };

static const ApiMember fdname_members[] = {
    { .name = "fdname",
      .kind = API_TYPE_STRING,
      .offset = offsetof(GetfdArgs, fdname),
      .has_offset = -1 },
};
static const ApiStruct fdname_struct = { "fdname", sizeof(GetfdArgs), fdname_members, 1 };

static void run_getfd(ApiRequest *request, const void *arguments)
{
    cmd_getfd(request, arguments);
}

static void run_closefd(ApiRequest *request, const void *arguments)
{
    JsonNode *reply = NULL;
    GError *error = NULL;
    if (cmd_closefd(api_request_session(request), arguments, &reply, &error)) {
        api_request_reply(request, reply);
    } else {
        api_request_fail(request, error);
    }
}

static void run_capabilities(ApiRequest *request, const void *arguments)
{
    JsonNode *reply = NULL;
    GError *error = NULL;
    if (cmd_qmp_capabilities(api_request_session(request), arguments, &reply, &error)) {
        api_request_reply(request, reply);
    } else {
        api_request_fail(request, error);
    }
}

static void run_name(ApiRequest *request, const void *arguments)
{
    api_request_reply(request, NULL);
}

static void run_save(ApiRequest *request, const void *data)
{
    const SaveArgs *arguments = data;
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s",
                                            arguments->val, arguments->size, arguments->filename);
    api_request_reply(request, json_node_init_string(json_node_alloc(), text));
}

static void forget(ApiRequest *request, gpointer data)
{
    Wire *wire = data;
    wire->cancelled++;
    g_ptr_array_remove(wire->deferred, request);
    api_request_reply(request, NULL);
}

static void run_later(ApiRequest *request, const void *arguments)
{
    Wire *wire = api_request_context(request);
    g_ptr_array_add(wire->deferred, request);
    api_request_on_cancel(request, forget, wire);
}

static void run_flood(ApiRequest *request, const void *arguments)
{
    g_autofree char *text = g_malloc(200001);
    memset(text, 'x', 200000);
    text[200000] = 0;
    api_request_reply(request, json_node_init_string(json_node_alloc(), text));
}

static const ApiCommand commands[] = {
    { "closefd", &fdname_struct, run_closefd },
    { "flood", &no_struct, run_flood },
    { "getfd", &fdname_struct, run_getfd },
    { "later", &no_struct, run_later },
    { "memsave", &save_struct, run_save },
    { "qmp_capabilities", &enable_struct, run_capabilities },
    { "query-name", &no_struct, run_name },
};
static const ApiTable table = { commands, G_N_ELEMENTS(commands), "[]" };

void wire_init(Wire *wire, bool negotiated)
{
    int pair[2];
    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    *wire = (Wire){ .fd = pair[0], .deferred = g_ptr_array_new() };
    wire->server =
        api_server_new(&(ApiServerOptions){ .table = &table, .context = wire, .takes_fds = true });
    api_server_add_fd(wire->server, pair[1], API_SESSION_CLIENT);
    if (negotiated) {
        static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";
        g_free(wire_converse(wire, hello, strlen(hello)));
    }
}

void wire_clear(Wire *wire)
{
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    api_server_free(wire->server);
    while (g_main_context_iteration(NULL, FALSE)) {}
    g_ptr_array_unref(wire->deferred);
}

void wire_send(Wire *wire, const void *bytes, gsize length)
{
    g_assert(send(wire->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
}

void wire_pass(Wire *wire, const char *text, int fd, unsigned count)
{
    g_autofree char *space = g_malloc0(CMSG_SPACE(count * sizeof fd));
    struct iovec vector = { (char *)text, strlen(text) };
    struct msghdr header = { .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = space,
                             .msg_controllen = CMSG_SPACE(count * sizeof fd) };
    struct cmsghdr *control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(count * sizeof fd);
    for (unsigned i = 0; i < count; i++) {
        memcpy(CMSG_DATA(control) + i * sizeof fd, &fd, sizeof fd);
    }
    /* A server that has cut us off takes nothing. */
    g_assert(sendmsg(wire->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)strlen(text) ||
             errno == EPIPE || errno == ECONNRESET);
}

static bool receive_into(Wire *wire, GString *out)
{
    char bytes[65536];
    ssize_t n = recv(wire->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0) {
        g_string_append_len(out, bytes, n);
    }
    return n > 0;
}

static void receive_all(Wire *wire, GString *out)
{
    bool progress = true;
    while (progress) {
        progress = false;
        while (g_main_context_iteration(NULL, FALSE)) {
            progress = true;
        }
        while (receive_into(wire, out)) {
            progress = true;
        }
    }
}

char *wire_receive(Wire *wire)
{
    GString *out = g_string_new(NULL);
    receive_all(wire, out);
    return g_string_free(out, FALSE);
}

char *wire_converse(Wire *wire, const void *bytes, gsize length)
{
    GString *out = g_string_new(NULL);
    for (gsize done = 0; done < length;) {
        ssize_t n =
            send(wire->fd, (const char *)bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            done += (gsize)n;
        } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
            break; /* the server has cut us off */
        }
        receive_all(wire, out);
    }
    receive_all(wire, out);
    return g_string_free(out, FALSE);
}

char *wire_converse_fd(Wire *wire, const char *text, int fd, unsigned count)
{
    wire_pass(wire, text, fd, count);
    return wire_receive(wire);
}
