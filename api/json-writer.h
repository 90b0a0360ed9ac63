/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_JSON_WRITER_H
#define POWERPLAY_API_JSON_WRITER_H

#include <json-glib/json-glib.h>

/* Appends `node` as one line of pure ASCII: what a stock QMP client expects, whatever its locale.
 * Bytes that are not UTF-8 become U+FFFD. A NULL node is null. */
void api_json_append(GString *out, JsonNode *node);

/* The same as a new string. */
char *api_json_to_line(JsonNode *node);

#endif
