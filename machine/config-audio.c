/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The member `audio`: a sound card, and what its ends are connected to. */

#include "machine/config-internal.h"

#include <string.h>

#define PLAYBACK_FILE "playback.wav"

static const char *const devices[] = { "none", "es1370", NULL };
static const char *const backends[] = { "null", "wav", "socket", NULL };

TAKE_CHOICE(audio_device, ConfigAudio, device, devices)
TAKE_CHOICE(playback_backend, ConfigAudio, playback, backends)
TAKE_CHOICE(capture_backend, ConfigAudio, capture, backends)
TAKE(capture_file, path, ConfigAudio, capture_file)

/* They are files of the machine's folder. */
static bool is_wav_name(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && length <= 64 && *name != '.' && !strchr(name, '/') &&
           strcmp(name + length - 4, ".wav") == 0;
}

static bool take_wav_name(const char *path, JsonNode *node, char **out, GError **error)
{
    return config_take_text(path, node, out, error) &&
           (is_wav_name(*out) || config_wrong_type(path, node,
                                                   "a name ending with \".wav\", without a "
                                                   "directory, up to 64 bytes",
                                                   error));
}

static bool playback_file(const char *path, JsonNode *node, void *target, GError **error)
{
    return take_wav_name(path, node, &((ConfigAudio *)target)->playback_file, error);
}

static bool replay_file(const char *path, JsonNode *node, void *target, GError **error)
{
    return take_wav_name(path, node, &((ConfigAudio *)target)->replay_file, error);
}

static const ConfigRow playback_rows[] = {
    { "backend", true, playback_backend },
    { "file", false, playback_file },
    { "replay-file", false, replay_file },
    { NULL, false, NULL },
};

static const ConfigRow capture_rows[] = {
    { "backend", true, capture_backend },
    { "file", false, capture_file },
    { NULL, false, NULL },
};

static bool audio_playback(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigAudio *audio = target;
    if (!config_take_object(path, node, playback_rows, audio, error)) {
        return false;
    }
    if ((audio->playback_file || audio->replay_file) && audio->playback != CONFIG_SOUND_WAV) {
        return config_wrong_value(error, "%s.%s needs %s.backend to be \"wav\"", path,
                                  audio->playback_file ? "file" : "replay-file", path);
    }
    if (audio->playback == CONFIG_SOUND_WAV && !audio->playback_file) {
        audio->playback_file = g_strdup(PLAYBACK_FILE);
    }
    if (audio->replay_file && strcmp(audio->replay_file, audio->playback_file) == 0) {
        return config_wrong_value(error, "%s.replay-file is \"%s\", as %s.file: choose another",
                                  path, audio->replay_file, path);
    }
    return true;
}

static bool audio_capture(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigAudio *audio = target;
    if (!config_take_object(path, node, capture_rows, audio, error)) {
        return false;
    }
    if ((audio->capture == CONFIG_SOUND_WAV) != (audio->capture_file != NULL)) {
        return config_wrong_value(error,
                                  "%s: the back end \"wav\", and no other, needs a file to read "
                                  "(%s.file)",
                                  path, path);
    }
    return true;
}

static const ConfigRow audio_rows[] = {
    { "device", true, audio_device },
    { "playback", false, audio_playback },
    { "capture", false, audio_capture },
    { NULL, false, NULL },
};

bool config_take_audio(const char *path, JsonNode *node, void *target, GError **error)
{
    ConfigAudio *audio = &((MachineConfig *)target)->audio;
    if (!config_take_object(path, node, audio_rows, audio, error)) {
        return false;
    }
    if (audio->device == CONFIG_AUDIO_NONE &&
        (audio->playback != CONFIG_SOUND_NULL || audio->capture != CONFIG_SOUND_NULL)) {
        return config_wrong_value(error,
                                  "%s.device is \"none\": what it plays or captures needs "
                                  "\"es1370\"",
                                  path);
    }
    return true;
}

/* What its ends are connected to no guest sees: a replay needs neither. */
void config_add_audio(JsonBuilder *b, const MachineConfig *config)
{
    if (config->audio.device == CONFIG_AUDIO_NONE) {
        return;
    }
    json_builder_begin_object(json_builder_set_member_name(b, "audio"));
    config_add_member(b, "device", devices[config->audio.device]);
    json_builder_end_object(b);
}
