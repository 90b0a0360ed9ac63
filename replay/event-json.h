/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "replay/event.h"

/*
 * The event that OBJECT describes, as event_to_json() writes it; members that it does not know are
 * left alone. Its bytes are in BYTES until that is changed. FALSE with ERROR naming the member and
 * what it expects.
 */
gboolean event_from_json(Event *event, JsonObject *object, GByteArray *bytes, GError **error);
