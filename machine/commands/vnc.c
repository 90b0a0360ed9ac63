/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Viewers: who may come in, who is there, who has control. */

#include "machine/commands/commands.h"

#include "api/display-message.h"
#include "machine/worker-display.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define WEB_SECONDS 60u

static WorkerDisplay *find_display(Worker *worker, GError **error)
{
    if (!worker->display) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "The machine has no screen: its definition has no \"display\"");
    }
    return worker->display;
}

bool cmd_query_vnc(ApiSession *session, const QueryVncArgs *arguments, JsonNode **reply,
                   GError **error)
{
    WorkerDisplay *display = worker_of(session)->display;
    if (display) {
        *reply = display_query(display);
        return true;
    }
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "enabled", FALSE);
    *reply = object_node(object);
    return true;
}

bool cmd_vnc_control(ApiSession *session, const VncControlArgs *arguments, JsonNode **reply,
                     GError **error)
{
    WorkerDisplay *display = find_display(worker_of(session), error);
    return display && display_give_control(display, (unsigned)arguments->client, error);
}

/* 128 random bits, as 32 hexadecimal digits. */
static char *make_token(void)
{
    uint64_t bits[2];
    ssize_t n = getrandom(bits, sizeof bits, 0);
    g_assert(n == sizeof bits); /* up to 256 bytes come whole */
    return g_strdup_printf("%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}

bool cmd_vnc_web(ApiSession *session, const VncWebArgs *arguments, JsonNode **reply, GError **error)
{
    WorkerDisplay *display = find_display(worker_of(session), error);
    g_autofree char *token = make_token();
    if (!display) {
        return false;
    }
    if (!display_is_origin(arguments->origin)) {
        g_set_error(
            error, API_ERROR, API_ERROR_GENERIC,
            "Parameter 'origin' is \"%s\", expected one like http://127.0.0.1:8080, of up to "
            "%u bytes",
            arguments->origin, DISPLAY_ORIGIN_SIZE - 1);
        return false;
    }
    const char *path = display_admit_page(
        display, token, arguments->origin,
        arguments->has_seconds ? (unsigned)arguments->seconds : WEB_SECONDS, error);
    if (!path) {
        return false;
    }
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "socket", path);
    json_object_set_string_member(object, "token", token);
    *reply = object_node(object);
    return true;
}

bool cmd_set_password(ApiSession *session, const SetPasswordArgs *arguments, JsonNode **reply,
                      GError **error)
{
    WorkerDisplay *display = find_display(worker_of(session), error);
    if (!display) {
        return false;
    }
    if (strlen(arguments->password) > DISPLAY_PASSWORD_MAX) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'password' has more than %u bytes: the protocol knows no longer one",
                    DISPLAY_PASSWORD_MAX);
        return false;
    }
    display_set_expiry(display, -1);
    display_set_password(display, *arguments->password ? arguments->password : NULL);
    if (arguments->has_connected && arguments->connected == API_SET_PASSWORD_ACTION_DISCONNECT) {
        display_disconnect(display);
    }
    return true;
}

static bool parse_time(const char *text, gint64 *us)
{
    gint64 now = g_get_real_time();
    guint64 seconds;
    bool is_relative = *text == '+';
    if (strcmp(text, "never") == 0) {
        *us = -1;
        return true;
    }
    if (strcmp(text, "now") == 0) {
        *us = now;
        return true;
    }
    if (!g_ascii_string_to_unsigned(text + is_relative, 10, 0, G_MAXINT64 / 4000000, &seconds,
                                    NULL)) {
        return false;
    }
    *us = (gint64)seconds * 1000000 + (is_relative ? now : 0);
    return true;
}

bool cmd_expire_password(ApiSession *session, const ExpirePasswordArgs *arguments, JsonNode **reply,
                         GError **error)
{
    WorkerDisplay *display = find_display(worker_of(session), error);
    gint64 us;
    if (!display) {
        return false;
    }
    if (!parse_time(arguments->time, &us)) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'time' expects now, never, +SECONDS or seconds since 1970, not '%s'",
                    arguments->time);
        return false;
    }
    display_set_expiry(display, us);
    return true;
}
