/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manifest.json and seal as C structures. Positions and sizes are JSON strings of decimal digits,
 * since a JSON number is exact to 2^53 only.
 */
#pragma once

#include "replay/recording.h"

/* A part or a reference. */
typedef struct ManifestFile {
    char *name;
    char *sha256;
    guint64 size;
} ManifestFile;

typedef struct Manifest {
    char *definition;
    char *program;
    char *parent;
    SyncLevel level;
    Position start;
    Position branch;
    guint32 log_version;
    GArray *versions;   /* RecordingVersion, whose names are owned */
    GArray *parts;      /* ManifestFile */
    GArray *references; /* ManifestFile */
} Manifest;

typedef struct Seal {
    char *manifest; /* SHA-256 */
    char *log;      /* SHA-256, NULL while the recording is open */
    guint64 log_size;
} Seal;

Manifest *manifest_new(void);
void manifest_free(Manifest *manifest);
void manifest_add_file(GArray *files, const char *name, const char *sha256, guint64 size);
const ManifestFile *manifest_find(const GArray *files, const char *name);
/* NULL and ERROR if the definition is no JSON object. */
char *manifest_to_text(const Manifest *manifest, GError **error);
/* Checks form, names and ranges; refuses formats and log versions of other builds. */
Manifest *manifest_parse(const char *text, GError **error);

char *seal_to_text(const Seal *seal);
Seal *seal_parse(const char *text, GError **error);
void seal_free(Seal *seal);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manifest, manifest_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Seal, seal_free)
