/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_CONFIG_INTERNAL_H
#define POWERPLAY_MACHINE_CONFIG_INTERNAL_H

/*
 * What the files that read a machine definition share: tables of members, and readers of values.
 * Each reader names PATH and the value it found in its error, and what it would accept.
 */

#include "machine/config.h"

typedef struct ConfigRow {
    const char *name;
    bool required;
    /* Reads `node` into `target`, the struct of the object that has this member. */
    bool (*take)(const char *path, JsonNode *node, void *target, GError **error);
} ConfigRow;

bool config_wrong_value(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool config_wrong_type(const char *path, JsonNode *node, const char *expected, GError **error);
/* Whether `node` is a value of that very type. */
bool config_holds(JsonNode *node, GType type);

/* Replaces the text at `out`. */
bool config_take_text(const char *path, JsonNode *node, char **out, GError **error);
bool config_take_bool(const char *path, JsonNode *node, bool *out, GError **error);
/* One of `choices`, which end with NULL; `out` is its place. */
bool config_take_choice(const char *path, JsonNode *node, const char *const *choices, unsigned *out,
                        GError **error);
/* An integer from `low` to `high` that is a multiple of `step`. */
bool config_take_number(const char *path, JsonNode *node, unsigned low, unsigned high,
                        unsigned step, unsigned *out, GError **error);
bool config_take_id(const char *path, JsonNode *node, char **out, GError **error);
bool config_take_path(const char *path, JsonNode *node, char **out, GError **error);
bool config_take_object(const char *path, JsonNode *node, const ConfigRow *rows, void *target,
                        GError **error);
bool config_take_array(const char *path, JsonNode *node, const ConfigRow *rows, void *elements,
                       size_t element_size, unsigned maximum, unsigned *count, GError **error);

/* The member `field` of struct `Type`, by one of the functions above. */
#define TAKE(function, kind, Type, field)                                                          \
    static bool function(const char *path, JsonNode *node, void *target, GError **error)           \
    {                                                                                              \
        return config_take_##kind(path, node, &((Type *)target)->field, error);                    \
    }
/* The same, one of NAMES, which ends with NULL and is in the order of the field's values. */
#define TAKE_CHOICE(function, Type, field, names)                                                  \
    static bool function(const char *path, JsonNode *node, void *target, GError **error)           \
    {                                                                                              \
        unsigned choice;                                                                           \
        if (!config_take_choice(path, node, names, &choice, error)) {                              \
            return false;                                                                          \
        }                                                                                          \
        ((Type *)target)->field = choice;                                                          \
        return true;                                                                               \
    }

/* For the canonical text. */
void config_add_member(JsonBuilder *b, const char *name, const char *value);

/* Members in files of their own; `target` is the MachineConfig. */
bool config_take_audio(const char *path, JsonNode *node, void *target, GError **error);
void config_add_audio(JsonBuilder *b, const MachineConfig *config);
bool config_take_disks(const char *path, JsonNode *node, void *target, GError **error);
void config_add_disks(JsonBuilder *b, const MachineConfig *config);
bool config_take_nics(const char *path, JsonNode *node, void *target, GError **error);
void config_add_nics(JsonBuilder *b, const MachineConfig *config);
bool config_take_display(const char *path, JsonNode *node, void *target, GError **error);
void config_add_display(JsonBuilder *b, const ConfigDisplay *display);
bool config_take_inputs(const char *path, JsonNode *node, void *target, GError **error);
void config_add_inputs(JsonBuilder *b, const MachineConfig *config);
bool config_take_serial(const char *path, JsonNode *node, void *target, GError **error);
void config_add_serial(JsonBuilder *b, const MachineConfig *config);
/* After all was read. */
bool config_check_media(const MachineConfig *config, GError **error);
bool config_check_serial(const MachineConfig *config, GError **error);

#endif
