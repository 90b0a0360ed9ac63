/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Pictures of the screen. They are made on the machine thread, which waits for them; the guest
 * cannot notice, and the control thread goes on serving clients. */

#include "machine/commands/commands.h"

#include "machine/display/image.h"

#include <string.h>

#define PNG_MAX                                                                                    \
    (2u << 20) /* bytes, a third less than in base64; a client that is sent 4 MiB is cut off */

static Image *take_image(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    Image *image = image_of_machine(machine);
    if (!image) {
        bool has_screen = machine_config(machine)->display.device != CONFIG_DISPLAY_NONE;
        g_set_error(&call->error, API_ERROR, API_ERROR_GENERIC, "%s",
                    has_screen ? "The guest has switched its screen off"
                               : "The machine has no screen: its definition has no \"display\"");
    }
    return image;
}

typedef struct {
    char *name;
    bool is_png;
} Dump;

static void dump_free(gpointer data)
{
    Dump *dump = data;
    g_free(dump->name);
    g_free(dump);
}

static void execute_dump(WorkerCall *call)
{
    const Dump *dump = call->data;
    g_autoptr(Image) image = take_image(call);
    if (image) {
        gsize size;
        g_autoptr(GBytes) file = dump->is_png ? image_to_png(image) : image_to_ppm(image);
        const uint8_t *bytes = g_bytes_get_data(file, &size);
        write_file(call->worker->directory, dump->name, bytes, size, &call->error);
    }
}

void cmd_screendump(ApiRequest *request, const ScreendumpArgs *arguments)
{
    if (!is_plain_name(request, arguments->filename)) {
        return;
    }
    const MachineConfig *config = machine_config(worker_of_request(request)->machine);
    if (arguments->device && strcmp(arguments->device, config_display_id(&config->display)) != 0) {
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                              arguments->device);
        return;
    }
    Dump *dump = g_new(Dump, 1);
    dump->name = g_strdup(arguments->filename);
    dump->is_png = arguments->has_format && arguments->format == API_IMAGE_FORMAT_PNG;
    worker_call(worker_of_request(request), request, execute_dump, NULL, dump, dump_free);
}

static void execute_image(WorkerCall *call)
{
    g_autoptr(Image) image = take_image(call);
    if (!image) {
        return;
    }
    Position position = machine_position(call->worker->machine);
    JsonObject *object = json_object_new();
    g_autofree char *digest = image_digest(image);
    set_unsigned(object, "icount", position.icount);
    set_unsigned(object, "virtual-ns", position.virtual_ns);
    set_unsigned(object, "width", image->width);
    set_unsigned(object, "height", image->height);
    json_object_set_string_member(object, "digest", digest);
    if (call->data) {
        gsize size;
        g_autoptr(GBytes) file = image_to_png(image);
        const uint8_t *bytes = g_bytes_get_data(file, &size);
        if (size > PNG_MAX) {
            g_set_error(&call->error, API_ERROR, API_ERROR_GENERIC,
                        "The picture has %" G_GSIZE_FORMAT
                        " bytes, more than an answer holds; use screendump",
                        size);
            json_object_unref(object);
            return;
        }
        g_autofree char *text = g_base64_encode(bytes, size);
        json_object_set_string_member(object, "data", text);
    }
    call->reply = object_node(object);
}

void cmd_screen_image(ApiRequest *request, const ScreenImageArgs *arguments)
{
    bool wants_data = !arguments->has_data || arguments->data;
    worker_call(worker_of_request(request), request, execute_image, NULL,
                GINT_TO_POINTER(wants_data), NULL);
}
