/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State tables: what a table forgets, gets wrong or cannot read is said by name. */
#include "tests/replay/support.h"

#include <string.h>

typedef union Vector {
    guint64 words[2]; /* [1] is the most significant on a little-endian host */
    guint8 bytes[16];
} Vector;

typedef enum Mode {
    MODE_OFF,
    MODE_ON,
} Mode;

typedef struct Inner {
    guint32 level;
    guint16 lines[2];
} Inner;

/* clang-format off */
static const StateTable inner_state = {
    "inner", 3, sizeof(Inner), (const StateField[]) {
        STATE_FIELD_MAX(Inner, level, 15, "present level"),
        STATE_ARRAY(Inner, lines, "both lines"),
        STATE_DONE
    }
};
/* clang-format on */

typedef struct Sample {
    guint8 a;
    bool flag;
    guint16 b;
    Mode mode;
    guint64 c[3];
    gint64 d;
    gint32 e;
    gint8 f[4];
    guint32 grid[2][3];
    Vector vectors[2];
    unsigned __int128 wide;
    Inner one;
    Inner many[3];
    char name[8];
    gpointer wire;
    guint64 cache;
    guint32 last;
} Sample;

#define SAMPLE_ROWS                                                                                \
    STATE_FIELD(Sample, a, "first"), STATE_FIELD(Sample, flag, "a bool"),                          \
        STATE_FIELD(Sample, b, "u16"), STATE_FIELD(Sample, mode, "an enum"),                       \
        STATE_ARRAY(Sample, c, "three"), STATE_FIELD(Sample, d, "signed"),                         \
        STATE_FIELD(Sample, e, "signed"), STATE_ARRAY(Sample, f, "signed"),                        \
        STATE_ARRAY2(Sample, grid, "two by three"),                                                \
        STATE_VECTOR_ARRAY(Sample, vectors, "registers"), STATE_GAP(Sample, vectors, wide),        \
        STATE_VECTOR(Sample, wide, "one register"),                                                \
        STATE_STRUCT(Sample, one, &inner_state, "one"),                                            \
        STATE_STRUCT_ARRAY(Sample, many, &inner_state, "some"), STATE_BYTES(Sample, name, "text"), \
        STATE_WIRING(Sample, wire, "set by the board"), STATE_TRANSIENT(Sample, cache, "rebuilt"), \
        STATE_FIELD(Sample, last, "last"), STATE_TAIL(Sample, last)
/* The number of stored rows above. */
#define SAMPLE_STORED 15

/* clang-format off */
static const StateTable sample_state = {
    "sample", 7, sizeof(Sample), (const StateField[]) { SAMPLE_ROWS, STATE_DONE }
};
/* clang-format on */

static void fill(Sample *sample, guint64 seed)
{
    Dice dice = { seed };

    memset(sample, 0, sizeof(*sample));
    for (gsize i = 0; i < sizeof(*sample); i++) {
        ((guint8 *)sample)[i] = dice_roll(&dice);
    }
    sample->flag = seed & 1;
    sample->mode = MODE_ON;
    sample->one.level = 15;
    for (guint i = 0; i < 3; i++) {
        sample->many[i].level = i;
    }
    sample->wire = sample;
}

static GBytes *save(const StateTable *table, const void *state)
{
    g_autoptr(StateWriter) writer = state_writer_new_memory();
    g_autoptr(GError) error = NULL;
    GBytes *bytes;

    state_save(writer, table, state);
    bytes = state_writer_close_bytes(writer, &error);
    support_ok(bytes != NULL, error);
    return bytes;
}

static gboolean load(GBytes *bytes, const StateTable *table, void *state, GError **error)
{
    g_autoptr(StateReader) reader =
        state_reader_new_memory(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

    return state_load(reader, table, state, error) && state_reader_finish(reader, error);
}

/* --- coverage ------------------------------------------------------------- */

static void assert_refused(const StateTable *table, const char *why)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!state_table_check(table, &error));
    ck_assert_msg(strstr(error->message, why), "\"%s\" should say \"%s\"", error->message, why);
}

START_TEST(test_complete_table_passes)
{
    const StateTable *const tables[] = { &sample_state,      &inner_state,    &digest_state,
                                         &output_hash_state, &ram_hash_state, &replay_state };

    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_autoptr(GError) error = NULL;

        support_ok(state_table_check(tables[i], &error), error);
    }
}
END_TEST

typedef struct Holes {
    guint8 a;
    guint32 b;
    guint8 c;
} Holes;

START_TEST(test_each_forgotten_byte_is_named)
{
    const StateTable padding = {
        "holes", 1, sizeof(Holes),
        (const StateField[]){ STATE_FIELD(Holes, a, ""), STATE_FIELD(Holes, b, ""),
                              STATE_FIELD(Holes, c, ""), STATE_TAIL(Holes, c), STATE_DONE }
    };
    const StateTable tail = {
        "holes", 1, sizeof(Holes),
        (const StateField[]){ STATE_FIELD(Holes, a, ""), STATE_GAP(Holes, a, b),
                              STATE_FIELD(Holes, b, ""), STATE_FIELD(Holes, c, ""), STATE_DONE }
    };
    const StateTable row = { "holes", 1, sizeof(Holes),
                             (const StateField[]){
                                 STATE_FIELD(Holes, a, ""), STATE_GAP(Holes, a, b),
                                 STATE_FIELD(Holes, c, ""), STATE_TAIL(Holes, c), STATE_DONE } };
    const StateTable start = { "holes", 1, sizeof(Holes),
                               (const StateField[]){
                                   STATE_GAP(Holes, a, b), STATE_FIELD(Holes, b, ""),
                                   STATE_FIELD(Holes, c, ""), STATE_TAIL(Holes, c), STATE_DONE } };

    assert_refused(&padding, "holes: no row for bytes 1..3 (after a)");
    assert_refused(&tail, "no row for bytes 9..11 (after c)");
    assert_refused(&row, "no row for bytes 4..7 (after gap-after-a)");
    assert_refused(&start, "no row for bytes 0..0 (after the start)");
}
END_TEST

START_TEST(test_wrong_tables_are_named)
{
    const StateTable twice = { "twice", 1, sizeof(Inner),
                               (const StateField[]){ STATE_FIELD(Inner, level, ""),
                                                     STATE_FIELD(Inner, level, ""), STATE_DONE } };
    const StateTable nested = { "nested", 1, sizeof(Sample),
                                (const StateField[]){ STATE_STRUCT(Sample, one, &sample_state, ""),
                                                      STATE_DONE } };
    const StateTable beyond = { "beyond", 1, 4,
                                (const StateField[]){ STATE_FIELD(Inner, level, ""),
                                                      STATE_ARRAY(Inner, lines, ""), STATE_DONE } };
    const StateTable both = { "both", 1, sizeof(Inner),
                              (const StateField[]){
                                  STATE_FIELD(Inner, level, ""),
                                  STATE_ARRAY(Inner, lines, ""),
                                  { "other", "", STATE_KIND_U32, 2, 4, 1, 0, NULL },
                                  STATE_DONE } };

    assert_refused(&twice, "two rows are called level");
    assert_refused(&nested, "row one has elements of 8 bytes, its table sample describes");
    assert_refused(&beyond, "row lines reaches beyond the struct");
    assert_refused(&both, "rows level and other both claim byte 2");
}
END_TEST

/* --- save and load -------------------------------------------------------- */

START_TEST(test_all_comes_back)
{
    Sample before, after;
    g_autoptr(GError) error = NULL;

    fill(&before, 10 + _i);
    fill(&after, 20 + _i);
    after.cache = before.cache;

    g_autoptr(GBytes) bytes = save(&sample_state, &before);

    state_poison(&sample_state, &after);
    ck_assert_uint_eq(after.cache, G_GUINT64_CONSTANT(0xa5a5a5a5a5a5a5a5));
    support_ok(load(bytes, &sample_state, &after, &error), error);

    g_autofree char *difference = state_compare_first(&sample_state, &before, &after);
    g_autoptr(GBytes) again = save(&sample_state, &after);

    ck_assert_msg(!difference, "%s", difference);
    ck_assert(g_bytes_equal(bytes, again));
    ck_assert_ptr_eq(after.wire, &after);
    /* Byte for byte, but for what is not stored. */
    after.cache = before.cache;
    after.wire = before.wire;
    memcpy((char *)&after + offsetof(Sample, last) + 4,
           (char *)&before + offsetof(Sample, last) + 4,
           sizeof(Sample) - offsetof(Sample, last) - 4);
    memcpy((char *)after.vectors + sizeof(after.vectors),
           (char *)before.vectors + sizeof(before.vectors),
           offsetof(Sample, wide) - offsetof(Sample, vectors) - sizeof(before.vectors));
    ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

static void gather(gpointer user, const guint8 *data, gsize length)
{
    g_byte_array_append(user, data, length);
}

START_TEST(test_stored_values_are_big_endian)
{
    static const guint8 expected[] = { 0x00, 0x00, 0x00, 0x0e, 0x12, 0x34, 0xab, 0xcd };
    Inner inner = { 14, { 0x1234, 0xabcd } };
    g_autoptr(GByteArray) stored = g_byte_array_new();
    Sample sample;

    state_feed(&inner_state, &inner, gather, stored);
    ck_assert_uint_eq(stored->len, sizeof(expected));
    ck_assert_uint_eq(state_table_stored_size(&inner_state), sizeof(expected));
    ck_assert_mem_eq(stored->data, expected, sizeof(expected));

    /* A vector's value is most significant byte first, whatever the host. */
    const StateTable vectors = {
        "v", 1, sizeof(sample), (const StateField[]){ STATE_VECTOR(Sample, wide, ""), STATE_DONE }
    };

    memset(&sample, 0, sizeof(sample));
    sample.wide =
        (unsigned __int128)0x0011223344556677 << 64 | G_GUINT64_CONSTANT(0x8899aabbccddeeff);
    g_byte_array_set_size(stored, 0);
    state_feed(&vectors, &sample, gather, stored);
    for (guint i = 0; i < 16; i++) {
        ck_assert_uint_eq(stored->data[i], i * 0x11);
    }
}
END_TEST

/* A load without row N must not bring N back; this is what a mutation run relies on. */
START_TEST(test_each_row_matters)
{
    guint row = 0;

    for (;; row++) {
        g_autoptr(StateTable) less = state_table_without(&sample_state, row);
        g_autoptr(GError) error = NULL;
        Sample before, after;
        Digest full, partial;

        if (!less) {
            break;
        }
        support_ok(state_table_check(less, &error), error);
        fill(&before, 1);
        fill(&after, 2);

        g_autoptr(GBytes) bytes = save(less, &before);

        state_poison(less, &after);
        support_ok(load(bytes, less, &after, &error), error);
        ck_assert_uint_gt(state_compare(&sample_state, &before, &after, NULL, NULL), 0);
        digest_struct(&full, &sample_state, &before);
        digest_struct(&partial, less, &before);
        ck_assert(!digest_equal(&full, &partial));
    }
    ck_assert_uint_eq(row, SAMPLE_STORED);
}
END_TEST

static void assert_drift(const StateTable *from, const StateTable *to, const char *why)
{
    Sample before, after, copy;
    g_autoptr(GError) error = NULL;

    fill(&before, 1);
    fill(&after, 2);
    copy = after;

    g_autoptr(GBytes) bytes = save(from, &before);

    ck_assert(!load(bytes, to, &after, &error));
    ck_assert_msg(strstr(error->message, why), "\"%s\" should say \"%s\"", error->message, why);
    ck_assert_mem_eq(&after, &copy, sizeof(after));
}

START_TEST(test_drift_is_refused_and_named)
{
    const StateTable other_name = { "simple", 7, sizeof(Sample), sample_state.fields };
    const StateTable other_version = { "sample", 8, sizeof(Sample), sample_state.fields };
    const StateTable renamed = { "inner", 3, sizeof(Inner),
                                 (const StateField[]){
                                     { "height", "", STATE_KIND_U32, 0, 4, 1, 15, NULL },
                                     STATE_ARRAY(Inner, lines, ""),
                                     STATE_DONE } };
    const StateTable narrower = { "inner", 3, sizeof(Inner),
                                  (const StateField[]){
                                      STATE_FIELD_MAX(Inner, level, 15, ""),
                                      { "lines", "", STATE_KIND_U16, 4, 2, 1, 0, NULL },
                                      STATE_DONE } };
    const StateTable other_kind = { "inner", 3, sizeof(Inner),
                                    (const StateField[]){
                                        { "level", "", STATE_KIND_I32, 0, 4, 1, 0, NULL },
                                        STATE_ARRAY(Inner, lines, ""),
                                        STATE_DONE } };
    g_autoptr(StateTable) less = state_table_without(&sample_state, 6);
    g_autoptr(StateTable) last = state_table_without(&sample_state, SAMPLE_STORED - 1);

    assert_drift(&sample_state, &other_name, "has \"sample\" where this build expects \"simple\"");
    assert_drift(&sample_state, &other_version,
                 "sample: saved by version 7 of this component, this build has 8");
    assert_drift(&inner_state, &renamed, "inner.height: the saved state has \"level\"");
    assert_drift(&inner_state, &narrower,
                 "inner.lines: saved as u16[2], this build expects u16[1]");
    assert_drift(&inner_state, &other_kind, "inner.level: saved as u32[1], this build expects i32");
    assert_drift(less, &sample_state, "sample.e: the saved state has \"f\"");
    assert_drift(&sample_state, less, "sample.f: the saved state has \"e\"");
    assert_drift(last, &sample_state, "sample.last: not in the saved state");
    assert_drift(&sample_state, last, "sample: the saved state has 1 more fields");
}
END_TEST

START_TEST(test_limits)
{
    Inner bad = { 16, { 0, 0 } }, after = { 3, { 4, 5 } };
    Sample sample;
    g_autoptr(GBytes) bytes = save(&inner_state, &bad);
    g_autoptr(GError) error = NULL;

    ck_assert(!load(bytes, &inner_state, &after, &error));
    ck_assert_str_eq(error->message, "inner.level[0]: the saved value 16 is over the limit 15");
    ck_assert_uint_eq(after.level, 3);
    g_clear_error(&error);

    fill(&sample, 1);
    sample.many[2].level = 99;

    g_autoptr(GBytes) nested = save(&sample_state, &sample);

    ck_assert(!load(nested, &sample_state, &sample, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "inner.level[0]: the saved value 99"));
    g_clear_error(&error);

    /* A limit of 0 is one, too: what fills a struct is always 0. */
    const StateTable filled = { "filled", 1, sizeof(Inner),
                                (const StateField[]){ STATE_FIELD_MAX(Inner, level, 0, ""),
                                                      STATE_DONE } };
    g_autoptr(GBytes) filling = save(&filled, &bad);

    ck_assert(!load(filling, &filled, &after, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "the saved value 16 is over the limit 0"));
    g_clear_error(&error);

    /* A bool is 0 or 1. */
    fill(&sample, 1);
    memset(&sample.flag, 2, 1);

    g_autoptr(GBytes) flag = save(&sample_state, &sample);

    ck_assert(!load(flag, &sample_state, &sample, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "sample.flag"));
}
END_TEST

START_TEST(test_cut_and_mutated_states)
{
    Sample before, after;
    Dice dice = { 4 };

    fill(&before, 1);

    g_autoptr(GBytes) bytes = save(&sample_state, &before);
    gsize size = g_bytes_get_size(bytes);

    for (gsize length = 0; length < size; length++) {
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(bytes, 0, length);
        g_autoptr(GError) error = NULL;

        fill(&after, 2);
        ck_assert(!load(cut, &sample_state, &after, &error));
        ck_assert_ptr_nonnull(error);
    }
    /* Without a checksum around it, values may change, but never crash and never break a limit. */
    for (guint round = 0; round < 20000; round++) {
        g_autofree guint8 *copy = g_memdup2(g_bytes_get_data(bytes, NULL), size);
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i <= dice_below(&dice, 3); i++) {
            copy[dice_below(&dice, size)] = dice_roll(&dice);
        }

        g_autoptr(GBytes) mutated = g_bytes_new(copy, size);

        fill(&after, 2);
        if (load(mutated, &sample_state, &after, &error)) {
            ck_assert_uint_le(after.one.level, 15);
        } else {
            ck_assert_ptr_nonnull(error);
        }
    }
}
END_TEST

/* --- hash, compare, dump -------------------------------------------------- */

START_TEST(test_digest_is_of_fields_only)
{
    Sample a, b;
    Digest digest_a, digest_b;

    fill(&a, 1);
    memset(&b, 0x5a, sizeof(b));

    g_autoptr(GBytes) bytes = save(&sample_state, &a);
    g_autoptr(GError) error = NULL;

    support_ok(load(bytes, &sample_state, &b, &error), error);
    b.cache = 1;
    b.wire = NULL;
    digest_struct(&digest_a, &sample_state, &a);
    digest_struct(&digest_b, &sample_state, &b);
    ck_assert(digest_equal(&digest_a, &digest_b));
    b.many[1].lines[1] ^= 1;
    digest_struct(&digest_b, &sample_state, &b);
    ck_assert(!digest_equal(&digest_a, &digest_b));
}
END_TEST

START_TEST(test_compare_names_the_field)
{
    Sample a, b;

    fill(&a, 1);
    b = a;
    ck_assert_uint_eq(state_compare(&sample_state, &a, &b, NULL, NULL), 0);
    b.many[2].lines[1] = a.many[2].lines[1] ^ 0x100;
    b.cache++;

    g_autofree char *first = state_compare_first(&sample_state, &a, &b);

    ck_assert_msg(g_str_has_prefix(first, "many[2].lines[1]: 0x"), "%s", first);
    ck_assert_uint_eq(state_compare(&sample_state, &a, &b, NULL, NULL), 1);
    a.d = -5;
    b.d = 7;

    g_autofree char *signed_first = state_compare_first(&sample_state, &a, &b);

    ck_assert_str_eq(signed_first, "d: -5, 7");
}
END_TEST

START_TEST(test_dump_and_description)
{
    Inner inner = { 9, { 1, 65535 } };
    GString *out = g_string_new(NULL);

    state_dump(&inner_state, &inner, out);
    ck_assert_str_eq(out->str, "{\"level\": 9, \"lines\": [1, 65535]}");
    g_string_truncate(out, 0);
    state_describe(&sample_state, out);
    ck_assert_ptr_nonnull(strstr(out->str, "| `many[].level` | u32 | 1 | present level |\n"));
    ck_assert_ptr_nonnull(strstr(out->str, "| `cache` | transient | 1 | rebuilt |\n"));
    ck_assert_ptr_null(strstr(out->str, "gap"));
    g_string_free(out, TRUE);
}
END_TEST

/* --- output and RAM ------------------------------------------------------- */

START_TEST(test_output_hash_ignores_pieces)
{
    OutputHash whole, pieces;
    guint8 data[5000];
    Dice dice = { 3 };
    gsize done = 0;

    for (gsize i = 0; i < sizeof(data); i++) {
        data[i] = dice_roll(&dice);
    }
    output_hash_init(&whole);
    output_hash_init(&pieces);
    output_hash_add(&whole, data, sizeof(data));
    while (done < sizeof(data)) {
        gsize part = MIN(dice_below(&dice, 600), sizeof(data) - done);

        output_hash_add(&pieces, data + done, part);
        done += part;
    }
    ck_assert_uint_eq(state_compare(&output_hash_state, &whole, &pieces, NULL, NULL), 0);
    data[4000] ^= 1;
    output_hash_init(&pieces);
    output_hash_add(&pieces, data, sizeof(data));
    ck_assert_uint_gt(state_compare(&output_hash_state, &whole, &pieces, NULL, NULL), 0);
}
END_TEST

#define PAGES 3000

static guint64 next_dirty(gpointer user, guint64 from)
{
    const guint8 *dirty = user;

    while (from < PAGES && !dirty[from]) {
        from++;
    }
    return from;
}

static Digest named(const HashList *list, const char *name)
{
    for (guint i = 0; i < hash_list_length(list); i++) {
        if (strcmp(hash_list_get(list, i)->name, name) == 0) {
            return hash_list_get(list, i)->digest;
        }
    }
    ck_abort_msg("no component %s", name);
}

START_TEST(test_ram_hash_covers_all_within_a_sweep)
{
    g_autofree guint8 *ram = g_malloc0(PAGES * HASH_RAM_PAGE);
    guint8 dirty[PAGES] = { 0 };
    RamView view = { ram, PAGES, next_dirty, dirty };
    g_autoptr(HashList) before = hash_list_new();
    g_autoptr(HashList) after = hash_list_new();
    RamHash hash = { 0 };
    guint64 page = (_i * 997 + 2999) % PAGES;
    guint found = 0;

    /* A flip that no dirty mark tells of: exactly one of the slices sees it. */
    for (guint slice = 0; slice < ram_hash_slices(PAGES); slice++) {
        Digest a, b;

        hash_list_reset(before);
        hash_list_reset(after);
        ram_hash_point(&hash, &view, slice * HASH_POINT_INTERVAL, "", before);
        ram[page * HASH_RAM_PAGE + 77] ^= 0x10;
        ram_hash_point(&hash, &view, slice * HASH_POINT_INTERVAL, "", after);
        ram[page * HASH_RAM_PAGE + 77] ^= 0x10;
        a = named(before, "ram-slice");
        b = named(after, "ram-slice");
        found += !digest_equal(&a, &b);
        a = named(before, "ram-dirty");
        b = named(after, "ram-dirty");
        ck_assert(digest_equal(&a, &b));
    }
    ck_assert_uint_eq(found, 1);
}
END_TEST

static guint64 none_dirty(gpointer user, guint64 from)
{
    const guint64 *pages = user;
    return *pages;
}

START_TEST(test_slices_of_large_memories_are_small)
{
    guint64 pages = HASH_RAM_SLICES * HASH_SLICE_MAX + 1 + (guint64)_i * 7777;
    g_autofree guint8 *ram = g_malloc0(pages * HASH_RAM_PAGE);
    RamView view = { ram, pages, none_dirty, &pages };
    RamHash hash = { 0 };
    g_autoptr(HashList) list = hash_list_new();
    guint64 slices = ram_hash_slices(pages), before = 0;

    ck_assert_uint_gt(slices, HASH_RAM_SLICES);
    for (guint64 slice = 0; slice < slices; slice++) {
        hash_list_reset(list);
        ram_hash_point(&hash, &view, slice * HASH_POINT_INTERVAL, "", list);
        ck_assert_uint_le(hash_list_point_bytes(list) - before, HASH_SLICE_MAX * HASH_RAM_PAGE);
        before = hash_list_point_bytes(list);
    }
    ck_assert_uint_eq(before, pages * HASH_RAM_PAGE);
}
END_TEST

START_TEST(test_dirty_pages_in_turn)
{
    g_autofree guint8 *ram = g_malloc0(PAGES * HASH_RAM_PAGE);
    guint8 dirty[PAGES];
    RamView view = { ram, PAGES, next_dirty, dirty };
    RamHash hash = { 0 };
    guint64 expected = 0;
    gboolean seen[PAGES] = { FALSE };

    memset(dirty, 1, sizeof(dirty));
    for (guint point = 0; point * HASH_RAM_PAGES_MAX < PAGES; point++) {
        g_autoptr(HashList) list = hash_list_new();

        for (guint i = 0; i < HASH_RAM_PAGES_MAX; i++) {
            seen[(expected + i) % PAGES] = TRUE;
        }
        ram_hash_point(&hash, &view, 0, "x-", list);
        expected = (expected + HASH_RAM_PAGES_MAX) % PAGES;
        ck_assert_uint_eq(hash.cursor % PAGES, expected);
        named(list, "x-ram-dirty");
    }
    for (guint i = 0; i < PAGES; i++) {
        ck_assert(seen[i]);
    }
    /* Few dirty pages: all of them, wherever the cursor is. */
    memset(dirty, 0, sizeof(dirty));
    dirty[5] = dirty[2900] = 1;

    g_autoptr(HashList) one = hash_list_new();
    g_autoptr(HashList) two = hash_list_new();
    RamHash same = { hash.cursor };
    Digest a, b;

    ram_hash_point(&hash, &view, 0, "", one);
    ram[5 * HASH_RAM_PAGE] = 1;
    ram_hash_point(&same, &view, 0, "", two);
    a = named(one, "ram-dirty");
    b = named(two, "ram-dirty");
    ck_assert(!digest_equal(&a, &b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tables = tcase_create("tables");
    TCase *hashes = tcase_create("hashes");

    tcase_set_timeout(tables, 60);
    tcase_add_test(tables, test_complete_table_passes);
    tcase_add_test(tables, test_each_forgotten_byte_is_named);
    tcase_add_test(tables, test_wrong_tables_are_named);
    tcase_add_loop_test(tables, test_all_comes_back, 0, 10);
    tcase_add_test(tables, test_stored_values_are_big_endian);
    tcase_add_test(tables, test_each_row_matters);
    tcase_add_test(tables, test_drift_is_refused_and_named);
    tcase_add_test(tables, test_limits);
    tcase_add_test(tables, test_cut_and_mutated_states);
    suite_add_tcase(suite, tables);
    tcase_set_timeout(hashes, 120);
    tcase_add_test(hashes, test_digest_is_of_fields_only);
    tcase_add_test(hashes, test_compare_names_the_field);
    tcase_add_test(hashes, test_dump_and_description);
    tcase_add_test(hashes, test_output_hash_ignores_pieces);
    tcase_add_loop_test(hashes, test_ram_hash_covers_all_within_a_sweep, 0, 4);
    tcase_add_loop_test(hashes, test_slices_of_large_memories_are_small, 0, 3);
    tcase_add_test(hashes, test_dirty_pages_in_turn);
    suite_add_tcase(suite, hashes);
    return check_run(suite);
}
