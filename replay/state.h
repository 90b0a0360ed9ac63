/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State tables: each component declares once what its state is.
 *
 * One table drives saving, loading, hashing, comparing, showing and checking, so a field is either
 * in all of them or in none. A table looks like this:
 *
 *     static const StateTable pic_state = {
 *         "heathrow-pic", 1, sizeof(PicState), (const StateField[]) {
 *             STATE_FIELD(PicState, mask, "lines that may raise the CPU"),
 *             STATE_ARRAY(PicState, level, "input level of each line"),
 *             STATE_FIELD_MAX(PicState, current, 63, "line being served"),
 *             STATE_STRUCT(PicState, timer, &timer_state, "retry timer"),
 *             STATE_WIRING(PicState, cpu_line, "output, connected by the board"),
 *             STATE_TRANSIENT(PicState, summary, "cache of level & mask, rebuilt after a load"),
 *             STATE_DONE
 *         }
 *     };
 *
 * Invariants
 * 1. The rows of a table tile every byte of its struct; state_table_check() says which do not.
 *    Compiler padding is avoided by field order, or declared with STATE_GAP and STATE_TAIL.
 * 2. Only integers, bools, bytes and 128-bit vectors are state. A row for a pointer, a float or an
 *    array given as a scalar does not compile.
 * 3. Stored and hashed values are big-endian and do not depend on the host, on padding or on
 *    anything outside the table.
 * 4. A load checks everything first: when it fails, the struct is as it was.
 * 5. Hashing and feeding allocate nothing.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_ERROR (state_error_quark())
GQuark state_error_quark(void);

typedef enum StateError {
    STATE_ERROR_LAYOUT, /* the stored layout is not the one of this build's table */
    STATE_ERROR_VALUE,  /* a stored value breaks a limit */
    STATE_ERROR_SHORT,  /* the stored data ends too early, or goes on too long */
    STATE_ERROR_TABLE,  /* the table itself is wrong */
    STATE_ERROR_IO,
} StateError;

/* The numbers are stored in snapshots: never change one. */
typedef enum StateKind {
    STATE_KIND_DONE = 0,
    STATE_KIND_U8 = 1,
    STATE_KIND_U16 = 2,
    STATE_KIND_U32 = 3,
    STATE_KIND_U64 = 4,
    STATE_KIND_I8 = 5,
    STATE_KIND_I16 = 6,
    STATE_KIND_I32 = 7,
    STATE_KIND_I64 = 8,
    STATE_KIND_BOOL = 9,
    STATE_KIND_BYTES = 10,
    STATE_KIND_VECTOR = 11,
    STATE_KIND_STRUCT = 12,
    /* Not stored: */
    STATE_KIND_TRANSIENT = 100,
    STATE_KIND_WIRING = 101,
    STATE_KIND_PADDING = 102,
} StateKind;

typedef struct StateTable StateTable;

#define STATE_ANY G_MAXUINT64 /* no limit: any value of the type */

typedef struct StateField {
    const char *name;
    const char *doc;
    StateKind kind;
    guint32 offset;          /* of the first element, in the struct */
    guint32 size;            /* of one element, in bytes */
    guint32 count;           /* elements; 1 for a scalar */
    guint64 max;             /* largest value a load accepts, or STATE_ANY */
    const StateTable *table; /* of one element, for STATE_KIND_STRUCT */
} StateField;

struct StateTable {
    const char *name;         /* lower-case-with-dashes, at most 255 bytes */
    guint32 version;          /* raised when a row's meaning changes */
    gsize size;               /* sizeof the struct */
    const StateField *fields; /* ends with STATE_DONE */
};

/* --- rows ----------------------------------------------------------------- */

#define STATE_MEMBER_(T, m) (((T *)0)->m)
#define STATE_REQUIRE_(condition, why)                                                             \
    (0 * sizeof(struct {                                                                           \
         _Static_assert(condition, why);                                                           \
         char c;                                                                                   \
     }))
#define STATE_IS_ARRAY_(array)                                                                     \
    (!__builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0])))
/* No default: a pointer, a float or an array as a scalar is a compile error here. */
#define STATE_UNSIGNED_KIND_(pointer)                                                              \
    _Generic((pointer), uint8_t *                                                                  \
             : STATE_KIND_U8, uint16_t *                                                           \
             : STATE_KIND_U16, uint32_t *                                                          \
             : STATE_KIND_U32, uint64_t *                                                          \
             : STATE_KIND_U64)
#define STATE_KIND_OF_(pointer)                                                                    \
    _Generic((pointer), uint8_t *: STATE_KIND_U8, uint16_t *: STATE_KIND_U16,                      \
        uint32_t *: STATE_KIND_U32, uint64_t *: STATE_KIND_U64, int8_t *: STATE_KIND_I8,           \
        int16_t *: STATE_KIND_I16, int32_t *: STATE_KIND_I32, int64_t *: STATE_KIND_I64,           \
        bool *: STATE_KIND_BOOL)
/* Values of __builtin_classify_type for struct and union, and for an integer (as __int128). */
#define STATE_IS_RECORD_(value)                                                                    \
    (__builtin_classify_type(value) == 12 || __builtin_classify_type(value) == 13)
#define STATE_IS_VECTOR_(value)                                                                    \
    (sizeof(value) == 16 && (STATE_IS_RECORD_(value) || __builtin_classify_type(value) == 1))

#define STATE_ROW_(T, m, kind_, size_, count_, max_, table_, doc_)                                 \
    {                                                                                              \
        .name = #m, .doc = (doc_), .kind = (kind_), .offset = offsetof(T, m), .size = (size_),     \
        .count = (count_), .max = (max_), .table = (table_)                                        \
    }
#define STATE_SCALAR_(T, m, kind_, max_, doc)                                                      \
    STATE_ROW_(T, m, kind_, sizeof(STATE_MEMBER_(T, m)), 1, max_, NULL, doc)
#define STATE_ELEMENTS_(T, m, kind_, element, max_, table_, doc)                                   \
    STATE_ROW_(T, m, kind_, sizeof(element),                                                       \
               sizeof(STATE_MEMBER_(T, m)) / sizeof(element) +                                     \
                   STATE_REQUIRE_(STATE_IS_ARRAY_(STATE_MEMBER_(T, m)), "is no array: " #m),       \
               max_, table_, doc)

/* A scalar: unsigned or signed 8, 16, 32 or 64 bits, bool, or an enum. */
#define STATE_FIELD(T, m, doc)                                                                     \
    STATE_SCALAR_(T, m, STATE_KIND_OF_(&STATE_MEMBER_(T, m)), STATE_ANY, doc)
/* An unsigned scalar that indexes or counts something: a load refuses more than MAX. */
#define STATE_FIELD_MAX(T, m, max, doc)                                                            \
    STATE_SCALAR_(T, m, STATE_UNSIGNED_KIND_(&STATE_MEMBER_(T, m)), max, doc)
/* An array, or an array of arrays, of scalars. */
#define STATE_ARRAY(T, m, doc)                                                                     \
    STATE_ELEMENTS_(T, m, STATE_KIND_OF_(&STATE_MEMBER_(T, m)[0]), STATE_MEMBER_(T, m)[0],         \
                    STATE_ANY, NULL, doc)
#define STATE_ARRAY_MAX(T, m, max, doc)                                                            \
    STATE_ELEMENTS_(T, m, STATE_UNSIGNED_KIND_(&STATE_MEMBER_(T, m)[0]), STATE_MEMBER_(T, m)[0],   \
                    max, NULL, doc)
#define STATE_ARRAY2(T, m, doc)                                                                    \
    STATE_ELEMENTS_(T, m, STATE_KIND_OF_(&STATE_MEMBER_(T, m)[0][0]), STATE_MEMBER_(T, m)[0][0],   \
                    STATE_ANY, NULL, doc)
/* An array of uint8_t or char without numeric meaning. */
#define STATE_BYTES(T, m, doc)                                                                     \
    STATE_ELEMENTS_(T, m,                                                                          \
                    _Generic(&STATE_MEMBER_(T, m)[0], uint8_t *: STATE_KIND_BYTES,                 \
                        char *: STATE_KIND_BYTES),                                                 \
                    STATE_MEMBER_(T, m)[0], STATE_ANY, NULL, doc)
/*
 * A 128-bit register: a union, struct or unsigned __int128 of 16 bytes which, read as one 128-bit
 * integer of the host, is the register's value. It is stored most significant byte first.
 */
#define STATE_VECTOR(T, m, doc)                                                                    \
    STATE_SCALAR_(T, m,                                                                            \
                  STATE_KIND_VECTOR + STATE_REQUIRE_(STATE_IS_VECTOR_(STATE_MEMBER_(T, m)),        \
                                                     "is no 16-byte vector: " #m),                 \
                  STATE_ANY, doc)
#define STATE_VECTOR_ARRAY(T, m, doc)                                                              \
    STATE_ELEMENTS_(T, m,                                                                          \
                    STATE_KIND_VECTOR + STATE_REQUIRE_(STATE_IS_VECTOR_(STATE_MEMBER_(T, m)[0]),   \
                                                       "is no 16-byte vector: " #m),               \
                    STATE_MEMBER_(T, m)[0], STATE_ANY, NULL, doc)
/* A struct inside the struct, or an array of them, with their own table. */
#define STATE_STRUCT(T, m, element_table, doc)                                                     \
    STATE_ROW_(T, m, STATE_KIND_STRUCT, sizeof(STATE_MEMBER_(T, m)),                               \
               1 + STATE_REQUIRE_(STATE_IS_RECORD_(STATE_MEMBER_(T, m)), "is no struct: " #m), 0,  \
               element_table, doc)
#define STATE_STRUCT_ARRAY(T, m, element_table, doc)                                               \
    STATE_ELEMENTS_(T, m,                                                                          \
                    STATE_KIND_STRUCT + STATE_REQUIRE_(STATE_IS_RECORD_(STATE_MEMBER_(T, m)[0]),   \
                                                       "is no struct: " #m),                       \
                    STATE_MEMBER_(T, m)[0], 0, element_table, doc)
/* Any type: follows from the state, is poisoned before a load and rebuilt after it. */
#define STATE_TRANSIENT(T, m, doc) STATE_SCALAR_(T, m, STATE_KIND_TRANSIENT, 0, doc)
/* Any type: set when the machine is built (pointers, configuration), never touched by a load. */
#define STATE_WIRING(T, m, doc) STATE_SCALAR_(T, m, STATE_KIND_WIRING, 0, doc)
/* The bytes that the compiler leaves between member A and member B, or after the last member. */
#define STATE_GAP(T, a, b)                                                                         \
    {                                                                                              \
        .name = "gap-after-" #a, .doc = "padding", .kind = STATE_KIND_PADDING,                     \
        .offset = offsetof(T, a) + sizeof(STATE_MEMBER_(T, a)),                                    \
        .size = offsetof(T, b) - offsetof(T, a) - sizeof(STATE_MEMBER_(T, a)), .count = 1          \
    }
#define STATE_TAIL(T, last)                                                                        \
    {                                                                                              \
        .name = "gap-after-" #last, .doc = "padding", .kind = STATE_KIND_PADDING,                  \
        .offset = offsetof(T, last) + sizeof(STATE_MEMBER_(T, last)),                              \
        .size = sizeof(T) - offsetof(T, last) - sizeof(STATE_MEMBER_(T, last)), .count = 1         \
    }
#define STATE_DONE                                                                                 \
    {                                                                                              \
        .name = NULL, .kind = STATE_KIND_DONE                                                      \
    }

/* --- the stream that states are saved to and loaded from ------------------ */

typedef struct StateWriter StateWriter;
typedef struct StateReader StateReader;

/* Takes LENGTH bytes; FALSE and ERROR when it cannot. */
typedef gboolean (*StateSink)(gpointer user, const guint8 *data, gsize length, GError **error);
/* Fills BUFFER with 1..LENGTH bytes and returns how many; 0 at the end; -1 and ERROR. */
typedef gssize (*StateSource)(gpointer user, guint8 *buffer, gsize length, GError **error);

/*
 * A writer keeps its first error and ignores what follows; state_writer_close() reports it.
 * Without a sink the bytes gather in memory and state_writer_close_bytes() hands them out.
 */
StateWriter *state_writer_new(StateSink sink, gpointer user);
StateWriter *state_writer_new_memory(void);
void state_writer_free(StateWriter *writer);
void state_writer_u8(StateWriter *writer, guint8 value);
void state_writer_u16(StateWriter *writer, guint16 value);
void state_writer_u32(StateWriter *writer, guint32 value);
void state_writer_u64(StateWriter *writer, guint64 value);
void state_writer_bytes(StateWriter *writer, const void *data, gsize length);
/* At most 255 bytes. */
void state_writer_name(StateWriter *writer, const char *name);
gboolean state_writer_close(StateWriter *writer, GError **error);
/* NULL and ERROR if anything failed; the caller owns the bytes. */
GBytes *state_writer_close_bytes(StateWriter *writer, GError **error);

/*
 * A reader keeps its first error; from then on all values are 0 and state_reader_failed() is TRUE.
 * Lengths that come from the stream must be checked by the caller before memory is sized by them.
 */
StateReader *state_reader_new(StateSource source, gpointer user);
/* DATA must outlive the reader. */
StateReader *state_reader_new_memory(const void *data, gsize length);
void state_reader_free(StateReader *reader);
guint8 state_reader_u8(StateReader *reader);
guint16 state_reader_u16(StateReader *reader);
guint32 state_reader_u32(StateReader *reader);
guint64 state_reader_u64(StateReader *reader);
void state_reader_bytes(StateReader *reader, void *data, gsize length);
/* Reads a name and fails, naming both, unless it is EXPECTED. */
void state_reader_expect_name(StateReader *reader, const char *expected);
/* Makes the reader fail with this text, unless it has failed before. */
void state_reader_fail(StateReader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);
gboolean state_reader_failed(const StateReader *reader);
/* FALSE and ERROR if anything failed. */
gboolean state_reader_check(const StateReader *reader, GError **error);
/* As above, and fails unless the stream has been read to its end. */
gboolean state_reader_finish(StateReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(StateWriter, state_writer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StateReader, state_reader_free)

/* --- what a table can do -------------------------------------------------- */

/* Whether the rows tile the struct, without overlaps, double names or wrong nested tables. */
gboolean state_table_check(const StateTable *table, GError **error);

/* Number of bytes that the values of one struct take when stored. */
gsize state_table_stored_size(const StateTable *table);

/* Writes layout (names, kinds, counts, versions) and values of STATE. */
void state_save(StateWriter *writer, const StateTable *table, const void *state);

/*
 * Reads what state_save() wrote. Layout and limits are checked before the first byte of STATE
 * changes; a difference fails the reader with an error that names table and field. Rows that are
 * not stored keep their bytes (see state_poison()).
 */
gboolean state_load(StateReader *reader, const StateTable *table, void *state, GError **error);

/*
 * Fills with 0xA5 all that a load does not restore: transient rows, padding, bytes without a row.
 * Stored rows and wiring stay. Called before a load, so that whatever was forgotten shows.
 */
void state_poison(const StateTable *table, void *state);

/* Receives the values of a struct in pieces, in stored form. */
typedef void (*StateFeed)(gpointer user, const guint8 *data, gsize length);
void state_feed(const StateTable *table, const void *state, StateFeed feed, gpointer user);

/* Receives each field that differs: PATH as "timer.expiry" or "line[3].level", values as text. */
typedef void (*StateDifference)(gpointer user, const char *path, const char *a, const char *b);
/* Number of elements that differ between A and B; DIFFERENCE may be NULL. */
guint64 state_compare(const StateTable *table, const void *a, const void *b,
                      StateDifference difference, gpointer user);
/* The first difference as "path: a, b", or NULL if equal; the caller frees it. */
char *state_compare_first(const StateTable *table, const void *a, const void *b);

/*
 * Appends STATE as a JSON object to OUT: numbers up to 32 bits as numbers, wider ones as "0x..."
 * strings, bytes and vectors as strings of hex digits, nested structs as objects.
 */
void state_dump(const StateTable *table, const void *state, GString *out);

/* Appends the table as rows of a Markdown table to OUT, nested ones included. */
void state_describe(const StateTable *table, GString *out);

/*
 * For tests: a copy of TABLE in which row number ROW (of those that are stored, from 0) has become
 * transient; NULL when there is no such row. Free with state_table_free().
 */
StateTable *state_table_without(const StateTable *table, guint row);
void state_table_free(StateTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(StateTable, state_table_free)
