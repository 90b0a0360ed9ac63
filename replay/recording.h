/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording: a folder that can be moved to another host.
 *
 *     manifest.json   what was recorded: machine definition, versions, where it starts, its parts
 *                     with their SHA-256, its parent
 *     start.state     state of the machine at the start (absent when it starts at power-on)
 *     log             the events (log.h)
 *     keyframes       places that replays begin seeks at (keyframe-file.h); may be removed
 *     seal            SHA-256 of the manifest and, once closed, of the log
 *
 * Invariants
 * 1. The folder is given as a file descriptor; no other path is opened, no symbolic link followed.
 * 2. manifest.json, seal and parts appear whole or not at all: written under another name, synced,
 *    renamed. At any moment a crash leaves no recording, or one that is shorter.
 * 3. A recording is played if and only if this build supports every version that it names.
 * 4. Nothing read from the folder is believed before it is checked.
 */
#pragma once

#include "replay/log.h"
#include "replay/replay.h"
#include "replay/state.h"

#define RECORDING_FORMAT      1
#define RECORDING_START_STATE "start.state"

/* A component and the version of its behaviour, as "device/virtio-blk", 3. */
typedef struct RecordingVersion {
    const char *name;
    guint32 version;
} RecordingVersion;

/* What the manifest says beside its parts. The strings and the list are borrowed. */
typedef struct RecordingInfo {
    const char *definition; /* the machine definition: a JSON object */
    const char *program;    /* who recorded, for people: "powerplay 0.1.0" */
    SyncLevel level;
    Position start;
    const RecordingVersion *versions;
    guint n_versions;
    const char *parent; /* name of the recording this one branched from, or NULL */
    Position branch;    /* where in the parent */
} RecordingInfo;

typedef struct Recording Recording;

/* --- making --------------------------------------------------------------- */

/* In the folder DIRECTORY, of which it takes a duplicate; there must be no recording in it yet. */
Recording *recording_new(int directory, GError **error);
void recording_free(Recording *recording);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recording, recording_free)

/*
 * Writes part NAME (lower-case letters, digits, '.', '-'). WRITE fills the writer; the part is
 * compressed and checksummed on the way, and listed in the manifest.
 */
typedef void (*RecordingWrite)(StateWriter *writer, gpointer user);
gboolean recording_add_part(Recording *recording, const char *name, RecordingWrite write,
                            gpointer user, GError **error);
/* Lists a file beside the recording (a disk image) by its SHA-256 (64 hex digits) and size. */
void recording_add_reference(Recording *recording, const char *name, const char *sha256,
                             guint64 size);
/* Writes manifest and seal, makes the log: from here on the folder is a recording. */
LogWriter *recording_start(Recording *recording, const RecordingInfo *info, GError **error);
/* Its folder; borrowed. */
int recording_directory(const Recording *recording);
/* After the log was closed (replay_finish): writes the final seal. */
gboolean recording_seal(Recording *recording, GError **error);

/* --- reading -------------------------------------------------------------- */

/* Reads and checks manifest, seal and the parts' SHA-256. */
Recording *recording_open(int directory, GError **error);
/* Only what it goes on from: *PARENT is NULL if it begins by itself; the caller frees it. Reads the
 * manifest alone. */
gboolean recording_read_branch(int directory, char **parent, Position *branch, GError **error);
/* What the manifest says; owned by the recording. */
const RecordingInfo *recording_info(const Recording *recording);
/* TRUE if the recording was closed and sealed. */
gboolean recording_sealed(const Recording *recording);
/* Whether this build, whose components are VERSIONS, can play it; else ERROR names the component
 * and both versions. */
gboolean recording_check_versions(const Recording *recording, const RecordingVersion *versions,
                                  guint n_versions, GError **error);
/* The same for any list of versions THEIRS; WHAT is what has them, for the error. */
gboolean recording_compare_versions(const char *what, const RecordingVersion *theirs,
                                    guint n_theirs, const RecordingVersion *versions,
                                    guint n_versions, GError **error);
gboolean recording_has_part(const Recording *recording, const char *name);
/* SHA-256 and size that the manifest gives for a reference; FALSE if it does not name it. */
gboolean recording_get_reference(const Recording *recording, const char *name, const char **sha256,
                                 guint64 *size);
/* Lets READ load part NAME; FALSE and ERROR if it fails or does not read all of it. */
typedef gboolean (*RecordingRead)(StateReader *reader, gpointer user, GError **error);
gboolean recording_load_part(Recording *recording, const char *name, RecordingRead read,
                             gpointer user, GError **error);
LogReader *recording_open_log(Recording *recording, GError **error);
/* Checks all: every event of the log, and the log against the seal. */
gboolean recording_verify(Recording *recording, GError **error);
