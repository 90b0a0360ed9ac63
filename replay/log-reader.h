/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the log reader share. */
#pragma once

#include "replay/log-file.h"
#include "replay/log.h"

typedef struct LogCacheEntry {
    GBytes *data;
    LogSegment segment;
} LogCacheEntry;

struct LogReader {
    int fd;
    guint64 size;
    Position start;
    Position end;
    Digest chain; /* of the header: what the first segment follows */
    gboolean closed;
    gboolean have_slot;
    LogSlot slot; /* the newer one */
    guint64 segments_end;
    GArray *offsets; /* guint64, of the segments */
    GPtrArray *notes;
    LogCacheEntry cache[4];
    guint next_cache;
};

/* The events of a segment, checked and unpacked; NULL and ERROR if it is damaged. */
GBytes *log_reader_load(LogReader *reader, guint number, LogSegment *segment, GError **error);
