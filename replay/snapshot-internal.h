/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of snapshots share. */
#pragma once

#include "replay/page-pack.h"
#include "replay/part.h"
#include "replay/snapshot.h"

void snapshot_info_put(StateWriter *writer, const SnapshotInfo *info);
/* Fills INFO, of which only the name is known. */
gboolean snapshot_info_get(StateReader *reader, SnapshotInfo *info, GError **error);

/* Opens NAME's file and reads what it says in front; FD and both readers are the caller's. */
typedef struct SnapshotFile {
    int fd;
    PartReader *part;
    StateReader *reader;
} SnapshotFile;
gboolean snapshot_file_open(SnapshotFile *file, int directory, SnapshotInfo *info, GError **error);
void snapshot_file_close(SnapshotFile *file);
/* The caller frees it. */
char *snapshot_file_name(const char *name);

#define SNAPSHOT_MAGIC     "powerplay-snapshot"
#define SNAPSHOT_FORMAT    1u
#define SNAPSHOT_TEMPORARY ".new"
