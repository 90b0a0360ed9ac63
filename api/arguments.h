/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_ARGUMENTS_H
#define POWERPLAY_API_ARGUMENTS_H

/*
 * JSON objects to C structs, by tables that the schema generator writes.
 *
 * Everything is checked before a handler runs: types, missing and unexpected members, ranges, names
 * of enumerations. The sentences are QMP's own. Members of members are named by their path
 * ("disks[0].format").
 */

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    API_TYPE_STRING, /* char * */
    API_TYPE_INT,    /* int64_t */
    API_TYPE_SIZE,   /* uint64_t, the whole range */
    API_TYPE_BOOL,   /* bool */
    API_TYPE_NUMBER, /* double */
    API_TYPE_ENUM,   /* int, an index into names */
    API_TYPE_STRUCT, /* the struct in place */
    API_TYPE_OBJECT, /* JsonNode *, any object */
    API_TYPE_ANY,    /* JsonNode *, any value */
} ApiTypeKind;

typedef struct ApiStruct ApiStruct;

typedef struct {
    const char *name;
    ApiTypeKind kind;
    bool is_array; /* a pointer to elements at `offset`, their number at `count_offset` */
    unsigned offset;
    unsigned count_offset;
    int has_offset;           /* of the bool that says it was given; -1 for a required member */
    const char *const *names; /* API_TYPE_ENUM, ends with NULL */
    const ApiStruct *members; /* API_TYPE_STRUCT */
    int64_t minimum, maximum; /* API_TYPE_INT, when they differ */
} ApiMember;

struct ApiStruct {
    const char *name;
    gsize size;
    const ApiMember *members;
    unsigned member_count;
};

/* Fills the zeroed struct at `out` from `object` (NULL is an empty object). On failure nothing
 * needs to be freed. */
bool api_arguments_parse(const ApiStruct *type, JsonObject *object, void *out, GError **error);

/* Frees what the members own, not the struct itself. */
void api_arguments_clear(const ApiStruct *type, void *data);

#endif
