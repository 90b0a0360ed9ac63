/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_AUDIO_H
#define POWERPLAY_DAEMON_AUDIO_H

/* Who listens to a machine, and who plays to it. See audio.c. */

#include "daemon/supervisor.h"

/* The path of the WAV file that the machine captures from, or NULL. */
const char *audio_capture_file(JsonNode *definition);

/* Opens the sockets that the definition asks for. */
bool audio_start(Machine *machine, GError **error);
/* Nobody comes in any more, and the sockets are removed. */
void audio_end(Machine *machine);

#endif
