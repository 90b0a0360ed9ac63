/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_DISPATCH_H
#define POWERPLAY_API_DISPATCH_H

/*
 * A request from its bytes to its handler. Tables of commands are generated from the schema, one
 * for the daemon's socket and one for a machine's.
 */

#include "api/arguments.h"

typedef struct ApiRequest ApiRequest;
typedef struct ApiSession ApiSession;

typedef struct {
    const char *name;
    const ApiStruct *arguments;
    /* Answers `request` now or later, exactly once. */
    void (*handle)(ApiRequest *request, const void *arguments);
} ApiCommand;

typedef struct {
    const ApiCommand *commands; /* sorted by name */
    unsigned count;
    const char *schema; /* what query-qmp-schema returns, as JSON text */
} ApiTable;

const ApiCommand *api_table_find(const ApiTable *table, const char *name);

/* Checks `request`'s message as QMP does and hands it to its handler. Whatever is wrong becomes the
 * answer. */
void api_dispatch(ApiRequest *request);

#endif
