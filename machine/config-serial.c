/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The member `serial`: consoles of the board, and consoles and named ports of a virtio-console. */

#include "machine/config-internal.h"

#include <string.h>

static const char *const backends[] = { "ring", "null", NULL };
static const char *const interfaces[] = { "vty", "virtio-console", "virtio-port", NULL };

TAKE(serial_id, id, ConfigSerial, id)
TAKE_CHOICE(serial_backend, ConfigSerial, backend, backends)
TAKE_CHOICE(serial_interface, ConfigSerial, interface, interfaces)

/* The guest shows it as a file name's part. */
static bool serial_name(const char *path, JsonNode *node, void *target, GError **error)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char **name = &((ConfigSerial *)target)->name;
    if (!config_take_text(path, node, name, error)) {
        return false;
    }
    size_t length = strlen(*name);
    return (g_ascii_isalnum(**name) && length <= CONFIG_PORT_NAME_MAX &&
            strspn(*name, good) == length) ||
           config_wrong_type(path, node,
                             "1 to 63 letters, digits, '.', '_' and '-', beginning with a letter "
                             "or digit",
                             error);
}

static const ConfigRow serial_rows[] = {
    { "id", true, serial_id },
    { "backend", false, serial_backend },
    { "interface", false, serial_interface },
    { "name", false, serial_name },
    { NULL, false, NULL },
};

bool config_take_serial(const char *path, JsonNode *node, void *target, GError **error)
{
    MachineConfig *config = target;
    return config_take_array(path, node, serial_rows, config->serial, sizeof(ConfigSerial),
                             MACHINE_CONFIG_MAX_SERIAL, &config->serial_count, error);
}

static bool check_names(const MachineConfig *config, GError **error)
{
    for (unsigned i = 0; i < config->serial_count; i++) {
        const ConfigSerial *serial = &config->serial[i];
        if (serial->name && serial->interface != CONFIG_SERIAL_VIRTIO_PORT) {
            return config_wrong_value(
                error, "serial[%u].name: only an interface \"virtio-port\" has a name", i);
        }
        for (unsigned k = 0; serial->name && k < i; k++) {
            if (g_strcmp0(config->serial[k].name, serial->name) == 0) {
                return config_wrong_value(error, "serial[%u].name is \"%s\" a second time", i,
                                          serial->name);
            }
        }
    }
    return true;
}

bool config_check_serial(const MachineConfig *config, GError **error)
{
    unsigned vtys = 0;
    for (unsigned i = 0; i < config->serial_count; i++) {
        vtys += config->serial[i].interface == CONFIG_SERIAL_VTY;
    }
    if (vtys > MACHINE_CONFIG_MAX_VTYS) {
        return config_wrong_value(error,
                                  "serial has %u elements with the interface \"vty\", at most %u "
                                  "are possible; \"virtio-console\" takes more",
                                  vtys, MACHINE_CONFIG_MAX_VTYS);
    }
    if (config->serial_count - vtys > MACHINE_CONFIG_MAX_PORTS) {
        return config_wrong_value(error,
                                  "serial has %u elements with a virtio interface, at most %u are "
                                  "possible",
                                  config->serial_count - vtys, MACHINE_CONFIG_MAX_PORTS);
    }
    return check_names(config, error);
}

/* Members that a vty does not need are left out: so are they in definitions of recordings from
 * before there were any. */
void config_add_serial(JsonBuilder *b, const MachineConfig *config)
{
    json_builder_begin_array(json_builder_set_member_name(b, "serial"));
    for (unsigned i = 0; i < config->serial_count; i++) {
        const ConfigSerial *serial = &config->serial[i];
        json_builder_begin_object(b);
        config_add_member(b, "backend", backends[serial->backend]);
        config_add_member(b, "id", serial->id);
        if (serial->interface != CONFIG_SERIAL_VTY) {
            config_add_member(b, "interface", interfaces[serial->interface]);
        }
        if (serial->name) {
            config_add_member(b, "name", serial->name);
        }
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}
