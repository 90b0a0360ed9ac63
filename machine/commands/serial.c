/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Serial ports: reading what the guest has sent, typing to it. */

#include "machine/commands/commands.h"

#include <string.h>

#define READ_MAX 65536

bool cmd_query_chardev(ApiSession *session, const QueryChardevArgs *arguments, JsonNode **reply,
                       GError **error)
{
    Worker *worker = worker_of(session);
    JsonArray *list = json_array_new();
    for (unsigned i = 0; i < worker->serial_count; i++) {
        Serial *serial = worker->serial[i];
        JsonObject *entry = json_object_new();
        json_object_set_string_member(entry, "label", serial->id);
        json_object_set_string_member(entry, "filename", serial->keeps_output ? "ringbuf" : "null");
        json_object_set_boolean_member(entry, "frontend-open", TRUE);
        set_unsigned(entry, "written", serial_total(serial));
        json_array_add_object_element(list, entry);
    }
    *reply = array_node(list);
    return true;
}

/* Typing */

static bool post_bytes(ApiRequest *request, const char *device, const void *data, size_t length,
                       GError **error)
{
    Worker *worker = worker_of_request(request);
    Serial *serial = find_serial(worker, device, error);
    if (!serial) {
        return false;
    }
    if (!serial->keeps_output) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Device '%s' has the back end \"null\": nothing can be typed there",
                    serial->id);
        return false;
    }
    if (length && !inbox_post_chars(worker->inbox, serial->number, data, length, error)) {
        set_class(error, API_ERROR_DEVICE_NOT_ACTIVE);
        return false;
    }
    return true;
}

static void answer(ApiRequest *request, bool good, GError *error)
{
    if (good) {
        api_request_reply(request, NULL);
    } else {
        api_request_fail(request, error);
    }
}

/* U+0000 stands as C0 80 in the trees that requests come in. */
static size_t restore_nul(char *text)
{
    char *out = text;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\xc0' && p[1] == '\x80') {
            *out++ = 0;
            p++;
        } else {
            *out++ = *p;
        }
    }
    return (size_t)(out - text);
}

void cmd_type_text(ApiRequest *request, const TypeTextArgs *arguments)
{
    GError *error = NULL;
    if (g_strcmp0(arguments->device, config_input_name(CONFIG_INPUT_KEYBOARD)) == 0) {
        type_on_keyboard(request, arguments);
        return;
    }
    if (arguments->has_keymap) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameter 'keymap' needs 'device' to be \"keyboard\"");
        return;
    }
    g_autofree char *text = g_strdup(arguments->text);
    size_t length = restore_nul(text);
    bool good = post_bytes(request, arguments->device, text, length, &error);
    answer(request, good, error);
}

void cmd_ringbuf_write(ApiRequest *request, const RingbufWriteArgs *arguments)
{
    GError *error = NULL;
    g_autofree char *bytes = g_strdup(arguments->data);
    gsize length;
    if (arguments->has_format && arguments->format == API_DATA_FORMAT_BASE64) {
        if (strspn(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
            strlen(bytes)) {
            api_request_fail_text(request, API_ERROR_GENERIC, "Parameter 'data' is not base64");
            return;
        }
        g_base64_decode_inplace(bytes, &length);
        length = *arguments->data ? length : 0;
    } else {
        length = restore_nul(bytes);
    }
    bool good = post_bytes(request, arguments->device, bytes, length, &error);
    answer(request, good, error);
}

/* Reading */

/* Bytes as text for a reply: NUL and what is not UTF-8 survive as well as JSON lets them. */
static char *bytes_to_text(const uint8_t *bytes, size_t length)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == 0) {
            g_string_append(text, "\xc0\x80");
        } else {
            g_string_append_c(text, (char)bytes[i]);
        }
    }
    return g_string_free(text, FALSE);
}

bool cmd_ringbuf_read(ApiSession *session, const RingbufReadArgs *arguments, JsonNode **reply,
                      GError **error)
{
    Serial *serial = find_serial(worker_of(session), arguments->device, error);
    if (!serial) {
        return false;
    }
    g_autofree uint8_t *bytes = g_malloc(READ_MAX);
    size_t count = serial_read(serial, &serial->taken, bytes, (size_t)arguments->size);
    bool base64 = arguments->has_format && arguments->format == API_DATA_FORMAT_BASE64;
    g_autofree char *text = base64 ? g_base64_encode(bytes, count) : bytes_to_text(bytes, count);
    serial->taken += count;
    *reply = json_node_init_string(json_node_alloc(), text);
    return true;
}

/* serial-read may wait: it looks again every few milliseconds, which costs nothing while nobody
 * asks and needs no list of waiters. */

#define LOOK_AGAIN_MS 5

typedef struct {
    ApiRequest *request;
    Serial *serial;
    uint64_t offset;
    size_t size;
    gint64 deadline_us;
    guint source;
} Wait;

static void answer_read(ApiRequest *request, Serial *serial, uint64_t offset, size_t size)
{
    g_autofree uint8_t *bytes = g_malloc(size);
    size_t count = serial_read(serial, &offset, bytes, size);
    g_autofree char *text = g_base64_encode(bytes, count);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "data", text);
    set_unsigned(object, "offset", offset);
    set_unsigned(object, "next", offset + count);
    api_request_reply(request, object_node(object));
}

static gboolean look_again(gpointer data)
{
    Wait *wait = data;
    if (serial_total(wait->serial) <= wait->offset && g_get_monotonic_time() < wait->deadline_us) {
        return G_SOURCE_CONTINUE;
    }
    answer_read(wait->request, wait->serial, wait->offset, wait->size);
    g_free(wait);
    return G_SOURCE_REMOVE;
}

static void cancel_wait(ApiRequest *request, gpointer data)
{
    Wait *wait = data;
    g_source_remove(wait->source);
    g_free(wait);
    api_request_reply(request, NULL);
}

void cmd_serial_read(ApiRequest *request, const SerialReadArgs *arguments)
{
    GError *error = NULL;
    Serial *serial = find_serial(worker_of_request(request), arguments->device, &error);
    if (!serial) {
        api_request_fail(request, error);
        return;
    }
    uint64_t offset = arguments->has_offset ? arguments->offset : 0;
    size_t size = arguments->has_size ? (size_t)arguments->size : READ_MAX;
    if (!serial_has_been(serial, offset)) {
        api_request_fail_text(request, API_ERROR_GENERIC,
                              "Parameter 'offset' is beyond the output so far");
        return;
    }
    if (!arguments->has_wait || arguments->wait == 0 || serial_total(serial) > offset) {
        answer_read(request, serial, offset, size);
        return;
    }
    Wait *wait = g_new(Wait, 1);
    *wait = (Wait){ .request = request, .serial = serial, .offset = offset, .size = size };
    wait->deadline_us = g_get_monotonic_time() + arguments->wait * 1000;
    wait->source = g_timeout_add(LOOK_AGAIN_MS, look_again, wait);
    api_request_on_cancel(request, cancel_wait, wait);
}
