/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events and positions: what a log is made of. The types here are made from events.def.
 */
#pragma once

#include <glib.h>

/*
 * A point in the life of a machine. Positions of one run are ordered by their three members.
 *
 * sequence tells apart the boundaries at which icount stands still: it is 0 when the machine first
 * arrives at icount, and one more each time the virtual clock is moved (warped) at this icount.
 * The machine keeps it; it is part of its state.
 */
typedef struct Position {
    guint64 icount;     /* instructions attempted so far */
    guint64 virtual_ns; /* virtual clock */
    guint32 sequence;
} Position;

/* Negative, 0 or positive, as A is before, at or after B. */
int position_compare(const Position *a, const Position *b);

typedef enum EventClass {
    EVENT_CLASS_POSITION,
    EVENT_CLASS_INPUT,
    EVENT_CLASS_VALUE,
    EVENT_CLASS_SYNC,
    EVENT_CLASS_HASH,
    EVENT_CLASS_NOTE,
    EVENT_CLASS_END,
} EventClass;

#define NAME(constant, value, text) constant = value,
#define NAMES(type, noun, prefix, names)                                                           \
    typedef enum type { names prefix##_COUNT } type;                                               \
    /* NULL when VALUE has no name. */                                                             \
    const char *noun##_name(guint value);
#include "replay/events.def"
#undef NAMES
#undef NAME

typedef enum EventKind {
#define EVENT(NAME, id, member, title, class, arguments, doc) EVENT_##NAME = id,
#include "replay/events.def"
#undef EVENT
    EVENT_COUNT
} EventKind;

/* Bytes of an event are borrowed: from the caller when written, from the log when read. */
typedef struct Event {
    EventKind kind;
    union {
#define U8(name)          guint8 name;
#define U16(name)         guint16 name;
#define U32(name)         guint32 name;
#define U64(name)         guint64 name;
#define I32(name)         gint32 name;
#define I64(name)         gint64 name;
#define ENUM(name, names) guint8 name;
#define BYTES(name)                                                                                \
    const guint8 *name;                                                                            \
    guint32 name##_length;
#define EVENT(NAME, id, member, title, class, arguments, doc)                                      \
    struct {                                                                                       \
        arguments                                                                                  \
    } member;
#include "replay/events.def"
#undef EVENT
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef I64
#undef ENUM
#undef BYTES
    };
} Event;

/* No array in an event is longer; the reader refuses more before it allocates anything. */
#define EVENT_BYTES_MAX (1u << 20)

/* "ASYNC/CHAR_READ" */
const char *event_kind_title(EventKind kind);
EventClass event_kind_class(EventKind kind);
/* As above, but a read of the virtual real-time clock is a note. */
EventClass event_class(const Event *event);
/* Whether the machine has to be at a boundary for it: an input, a hash or the end. */
gboolean event_is_stop(const Event *event);

/* Appends the event as stored in a log. */
void event_encode(const Event *event, GByteArray *out);
/*
 * Decodes the event at the start of DATA and returns its length in bytes; its bytes are borrowed
 * from DATA. Returns 0 and sets ERROR for an unknown id, a value without a name, an array over
 * EVENT_BYTES_MAX, or data that ends inside the event.
 */
gsize event_decode(Event *event, const guint8 *data, gsize length, GError **error);
gboolean event_equal(const Event *a, const Event *b);
/* "ASYNC/CHAR_READ device=0 data=0d0a"; long arrays are cut and say so; the caller frees it. */
char *event_to_text(const Event *event);
/* Appends a JSON object {"event": "char-read", "device": 0, "data": "0d0a"} to OUT. */
void event_to_json(const Event *event, GString *out);
/* Appends the same without braces, to be put into a larger object. */
void event_to_json_members(const Event *event, GString *out);
