/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The members `display` and `input`: a screen, and what its user holds in his hands. */

#include "machine/config-internal.h"

static const char *const devices[] = { "none", "vga", "virtio-gpu", NULL };
static const char *const listens[] = { "none", "unix", "tcp", NULL };

TAKE_CHOICE(display_device, ConfigDisplay, device, devices)
TAKE_CHOICE(vnc_listen, ConfigVnc, listen, listens)

static bool vnc_port(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 0, 65535, 1, &((ConfigVnc *)target)->port, error);
}

static const ConfigRow vnc_rows[] = {
    { "listen", false, vnc_listen },
    { "port", false, vnc_port },
    { NULL, false, NULL },
};

static bool display_vnc(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_object(path, node, vnc_rows, &((ConfigDisplay *)target)->vnc, error);
}

/* Any size up to this, at 4 bytes for a pixel, fits into 16 MiB of video memory. */
static bool display_width(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 320, 2560, 8, &((ConfigDisplay *)target)->width, error);
}

static bool display_height(const char *path, JsonNode *node, void *target, GError **error)
{
    return config_take_number(path, node, 200, 1600, 1, &((ConfigDisplay *)target)->height, error);
}

const char *config_display_id(const ConfigDisplay *display)
{
    return display->device == CONFIG_DISPLAY_VIRTIO_GPU ? "gpu" : "vga";
}

static const ConfigRow display_rows[] = {
    { "device", false, display_device },
    { "width", false, display_width },
    { "height", false, display_height },
    { "vnc", false, display_vnc },
    { NULL, false, NULL },
};

bool config_take_display(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigDisplay *display = &((MachineConfig *)target)->display;
    display->device = CONFIG_DISPLAY_VGA;
    if (!config_take_object(path, node, display_rows, display, error)) {
        return false;
    }
    if (display->device == CONFIG_DISPLAY_NONE && display->vnc.listen != CONFIG_VNC_NONE) {
        return config_wrong_value(
            error, "%s.vnc needs a %s.device; \"vga\" and \"virtio-gpu\" are possible", path, path);
    }
    return true;
}

/* Keyboard and pointers */

static const char *const input_names[] = { "keyboard", "mouse", "tablet", NULL };

const char *config_input_name(ConfigInput input)
{
    return input_names[input];
}

bool config_take_inputs(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!array) {
        return config_wrong_type(path, node, "an array of \"keyboard\", \"mouse\" and \"tablet\"",
                                 error);
    }
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", path, i);
        unsigned choice;
        if (!config_take_choice(element, json_array_get_element(array, i), input_names, &choice,
                                error)) {
            return false;
        }
        for (unsigned j = 0; j < config->input_count; j++) {
            if (config->inputs[j] == choice) {
                return config_wrong_value(error, "%s is \"%s\" a second time", element,
                                          input_names[choice]);
            }
        }
        config->inputs[config->input_count++] = choice;
    }
    return true;
}

/* For the canonical text */

void config_add_display(JsonBuilder *b, const ConfigDisplay *display)
{
    json_builder_begin_object(json_builder_set_member_name(b, "display"));
    config_add_member(b, "device", devices[display->device]);
    json_builder_add_int_value(json_builder_set_member_name(b, "height"), display->height);
    json_builder_begin_object(json_builder_set_member_name(b, "vnc"));
    config_add_member(b, "listen", listens[display->vnc.listen]);
    json_builder_add_int_value(json_builder_set_member_name(b, "port"), display->vnc.port);
    json_builder_end_object(b);
    json_builder_add_int_value(json_builder_set_member_name(b, "width"), display->width);
    json_builder_end_object(b);
}

void config_add_inputs(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "input"));
    for (unsigned i = 0; i < config->input_count; i++) {
        json_builder_add_string_value(b, config_input_name(config->inputs[i]));
    }
    json_builder_end_array(b);
}
