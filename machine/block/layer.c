/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layer is two files. NAME.clusters is an array of 64 KiB places; a place is written for one
 * version of the disk and never again after that version was frozen. NAME.map is a log: a header,
 * and records of 24 bytes, big-endian, each with its own checksum:
 *
 *     kind 1  cluster C is at place P from now on; a place fffffffe holds zeroes, and is not there
 *     kind 2  version V is frozen
 *     kind 3  the map is again what it was when version V was frozen
 *     kind 4  what follows with kind 5 is of a version beside the present one, whose parent is V
 *     kind 5  there, cluster C is at place P
 *     kind 6  that version is V, and frozen
 *
 * The map in memory is what the log says: versions form a tree, each being its parent and the
 * places that a stretch of the log names. Reading stops at the first record that is damaged or cut
 * off (a crash in the middle of an append), and the log goes on from there.
 *
 * 1. A record of kind 1 is appended only after the bytes of its place were written, and is made
 *    durable (layer_flush) only after these bytes are.
 * 2. Places are never reused: what a frozen version refers to stays.
 */
#include "machine/block/layer.h"

#include "machine/be.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       "PPLAYER1"
#define HEADER_SIZE 32
#define RECORD_SIZE 24

typedef enum {
    RECORD_PLACE = 1,
    RECORD_FREEZE = 2,
    RECORD_RESTORE = 3,
    RECORD_SIDE_BEGIN = 4,
    RECORD_SIDE_PLACE = 5,
    RECORD_SIDE_END = 6,
} RecordKind;

typedef struct {
    uint32_t kind;
    uint32_t cluster;
    uint64_t value; /* place or version */
} Record;

/* A frozen version is its parent and the places that a stretch of the log names. */
typedef struct {
    uint64_t version, parent, start, end;
    RecordKind kind; /* of the records in the stretch that count */
} Frozen;

struct Layer {
    int clusters_fd, map_fd;
    uint32_t clusters;
    uint64_t first_version;
    uint64_t version;
    uint64_t parent;        /* the frozen version on which the present one builds */
    uint64_t stretch_start; /* where the records of the present version start in the log */
    uint64_t side_parent;   /* of the version beside that is being written */
    uint64_t side_start;    /* where its records start; 0: there is none */
    uint64_t log_size;      /* bytes of the map file that are good */
    GArray *frozen;         /* of Frozen, by rising version */
    uint32_t next_place;
    uint32_t current_place; /* places from here on are of the present version */
    uint32_t used;
    bool is_unsynced;    /* a version was frozen in passing, and may not be on the disk yet */
    unsigned superseded; /* atomic */
    uint32_t *place;     /* by cluster */
};

GQuark layer_error_quark(void)
{
    return g_quark_from_static_string("layer-error");
}

/* --- bytes ---------------------------------------------------------------------------------------
 */

static int read_all(int fd, void *data, size_t length, uint64_t offset)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(fd, (char *)data + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            return EIO;
        done += (size_t)got;
    }
    return 0;
}

static int write_all(int fd, const void *data, size_t length, uint64_t offset)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = pwrite(fd, (const char *)data + done, length - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        done += (size_t)put;
    }
    return 0;
}

/* FNV-1a: finds torn and foreign records; it is no defence against anybody. */
static uint64_t checksum(const uint8_t *data, size_t length)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ data[i]) * 0x100000001b3u;
    return sum;
}

static int append(Layer *layer, const Record *record)
{
    uint8_t raw[RECORD_SIZE];
    be_put(raw, 4, record->kind);
    be_put(raw + 4, 4, record->cluster);
    be_put(raw + 8, 8, record->value);
    be_put(raw + 16, 8, checksum(raw, 16) ^ layer->log_size);
    int code = write_all(layer->map_fd, raw, sizeof raw, layer->log_size);
    if (code == 0)
        layer->log_size += RECORD_SIZE;
    return code;
}

static bool read_record(const Layer *layer, uint64_t at, Record *record)
{
    uint8_t raw[RECORD_SIZE];
    if (read_all(layer->map_fd, raw, sizeof raw, at) != 0 ||
        be_get(raw + 16, 8) != (checksum(raw, 16) ^ at))
        return false;
    *record =
        (Record){ (uint32_t)be_get(raw, 4), (uint32_t)be_get(raw + 4, 4), be_get(raw + 8, 8) };
    return true;
}

/* --- the map -------------------------------------------------------------------------------------
 */

static void set_place(Layer *layer, uint32_t cluster, uint32_t place)
{
    layer->used += layer->place[cluster] == LAYER_ABSENT;
    layer->place[cluster] = place;
}

static int compare_versions(const void *key, const void *element)
{
    uint64_t wanted = *(const uint64_t *)key, found = ((const Frozen *)element)->version;
    return wanted < found ? -1 : wanted > found;
}

static const Frozen *find_frozen(const Layer *layer, uint64_t version)
{
    return layer->frozen->len ? bsearch(&version, layer->frozen->data, layer->frozen->len,
                                        sizeof(Frozen), compare_versions)
                              : NULL;
}

static bool has_version(const Layer *layer, uint64_t version)
{
    return version == layer->first_version || find_frozen(layer, version);
}

/* Applies the places that records of KIND name in the log between START and END. */
static bool apply_places(Layer *layer, uint64_t start, uint64_t end, RecordKind kind)
{
    Record record;
    for (uint64_t at = start; at < end; at += RECORD_SIZE) {
        if (!read_record(layer, at, &record))
            return false;
        if (record.kind == kind)
            set_place(layer, record.cluster, (uint32_t)record.value);
    }
    return true;
}

/* Makes the map that of VERSION: each frozen version is its parent and a stretch of the log. */
static bool rebuild(Layer *layer, uint64_t version)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    const Frozen *frozen;
    memset(layer->place, 0xff, (size_t)layer->clusters * sizeof *layer->place);
    layer->used = 0;
    while ((frozen = find_frozen(layer, version))) {
        g_ptr_array_add(chain, (gpointer)frozen);
        version = frozen->parent;
    }
    for (guint i = chain->len; i-- > 0;) {
        frozen = chain->pdata[i];
        if (!apply_places(layer, frozen->start, frozen->end, frozen->kind))
            return false;
    }
    return true;
}

/* The record at AT ends the present stretch of the log; what follows builds upon PARENT. */
static void begin_stretch(Layer *layer, uint64_t at, uint64_t parent)
{
    layer->stretch_start = at + RECORD_SIZE;
    layer->parent = parent;
    layer->current_place = layer->next_place;
}

static void note_freeze(Layer *layer, uint64_t at, uint64_t version)
{
    Frozen frozen = { version, layer->parent, layer->stretch_start, at, RECORD_PLACE };
    g_array_append_val(layer->frozen, frozen);
    layer->version = version + 1;
    begin_stretch(layer, at, version);
}

/* The present version goes on under the next number. */
static void note_side(Layer *layer, uint64_t at, uint64_t version)
{
    Frozen frozen = { version, layer->side_parent, layer->side_start, at, RECORD_SIDE_PLACE };
    g_array_append_val(layer->frozen, frozen);
    layer->version = version + 1;
    layer->side_start = 0;
}

static bool is_new_version(const Layer *layer, uint64_t version)
{
    return version >= layer->version && version != UINT64_MAX;
}

/* Checks a record while the log is read, and notes it; the map is built afterwards. */
static bool note_record(Layer *layer, const Record *record, uint64_t at)
{
    switch (record->kind) {
    case RECORD_SIDE_PLACE:
        if (!layer->side_start)
            return false;
        /* fall through */
    case RECORD_PLACE:
        if (record->cluster >= layer->clusters || record->value >= LAYER_ABSENT)
            return false;
        if (record->value != LAYER_ZERO)
            layer->next_place = MAX(layer->next_place, (uint32_t)record->value + 1);
        return true;
    case RECORD_FREEZE:
        if (!is_new_version(layer, record->value))
            return false;
        note_freeze(layer, at, record->value);
        return true;
    case RECORD_SIDE_BEGIN:
        if (!has_version(layer, record->value))
            return false;
        layer->side_parent = record->value;
        layer->side_start = at + RECORD_SIZE;
        return true;
    case RECORD_SIDE_END:
        if (!layer->side_start || !is_new_version(layer, record->value))
            return false;
        note_side(layer, at, record->value);
        return true;
    case RECORD_RESTORE:
        if (!has_version(layer, record->value))
            return false;
        begin_stretch(layer, at, record->value);
        return true;
    default: return false;
    }
}

/* --- opening -------------------------------------------------------------------------------------
 */

static bool io_error(GError **error, const char *what, int code)
{
    g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot %s: %s", what, g_strerror(code));
    return false;
}

static int open_file(int directory_fd, const char *name, const char *suffix, bool is_frozen)
{
    g_autofree char *file = g_strconcat(name ? name : "anonymous", suffix, NULL);
    if (directory_fd < 0)
        return memfd_create(file, MFD_CLOEXEC);
    if (!name)
        return openat(directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return openat(directory_fd, file,
                  (is_frozen ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void make_header(const Layer *layer, uint8_t *header)
{
    memcpy(header, MAGIC, 8);
    be_put(header + 8, 4, LAYER_CLUSTER);
    be_put(header + 12, 4, layer->clusters);
    be_put(header + 16, 8, layer->first_version);
    be_put(header + 24, 8, checksum(header, 24));
}

static bool check_header(const Layer *layer, GError **error)
{
    uint8_t found[HEADER_SIZE], expected[HEADER_SIZE];
    int code = read_all(layer->map_fd, found, sizeof found, 0);
    if (code != 0)
        return io_error(error, "read the header of the layer's map", code);
    make_header(layer, expected);
    if (memcmp(found, expected, sizeof found) == 0)
        return true;
    if (memcmp(found, MAGIC, 8) != 0 || be_get(found + 24, 8) != checksum(found, 24))
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_FORMAT, "the layer's map has no valid header");
    else
        g_set_error(
            error, LAYER_ERROR, LAYER_ERROR_FORMAT,
            "the layer belongs to another disk: it has %u clusters after version %" G_GUINT64_FORMAT
            ", the disk has %u after %" G_GUINT64_FORMAT,
            (unsigned)be_get(found + 12, 4), be_get(found + 16, 8), layer->clusters,
            layer->first_version);
    return false;
}

static bool read_log(Layer *layer, uint64_t size)
{
    Record record;
    layer->log_size = HEADER_SIZE;
    while (layer->log_size + RECORD_SIZE <= size && read_record(layer, layer->log_size, &record)) {
        if (!note_record(layer, &record, layer->log_size))
            return false;
        layer->log_size += RECORD_SIZE;
    }
    return rebuild(layer, layer->parent) &&
           apply_places(layer, layer->stretch_start, layer->log_size, RECORD_PLACE);
}

/* Places that no record names (a crash before the append) may hold bytes: do not count on them. */
static bool load_layer(Layer *layer, GError **error)
{
    struct stat info, clusters;
    if (fstat(layer->map_fd, &info) < 0 || fstat(layer->clusters_fd, &clusters) < 0)
        return io_error(error, "examine the layer's files", errno);
    if (info.st_size == 0) {
        uint8_t header[HEADER_SIZE];
        make_header(layer, header);
        int code = write_all(layer->map_fd, header, sizeof header, 0);
        layer->log_size = HEADER_SIZE;
        return code == 0 || io_error(error, "write the layer's map", code);
    }
    if (!check_header(layer, error))
        return false;
    if (!read_log(layer, (uint64_t)info.st_size)) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_FORMAT,
                    "the layer's map contradicts itself at offset %" G_GUINT64_FORMAT,
                    layer->log_size);
        return false;
    }
    layer->next_place =
        MAX(layer->next_place, (uint32_t)((clusters.st_size + LAYER_CLUSTER - 1) / LAYER_CLUSTER));
    layer->is_unsynced = true; /* who knows */
    return true;
}

/* Takes the descriptors. */
static Layer *new_layer(int clusters_fd, int map_fd, uint32_t clusters, uint64_t first_version,
                        GError **error)
{
    g_autoptr(Layer) layer = g_new0(Layer, 1);
    layer->clusters_fd = clusters_fd;
    layer->map_fd = map_fd;
    layer->clusters = clusters;
    layer->first_version = layer->parent = first_version;
    layer->version = first_version + 1;
    layer->stretch_start = HEADER_SIZE;
    layer->frozen = g_array_new(FALSE, FALSE, sizeof(Frozen));
    layer->place = g_try_new(uint32_t, MAX(clusters, 1));
    if (!layer->place) {
        io_error(error, "hold the layer's map", ENOMEM);
        return NULL;
    }
    memset(layer->place, 0xff, (size_t)clusters * sizeof *layer->place);
    return load_layer(layer, error) ? g_steal_pointer(&layer) : NULL;
}

static Layer *open_layer(int directory_fd, const char *name, uint32_t clusters,
                         uint64_t first_version, bool is_frozen, GError **error)
{
    int clusters_fd = open_file(directory_fd, name, ".clusters", is_frozen);
    int map_fd = clusters_fd < 0 ? -1 : open_file(directory_fd, name, ".map", is_frozen);
    if (map_fd < 0) {
        int code = errno;
        if (clusters_fd >= 0)
            close(clusters_fd);
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_IO, "cannot open the layer \"%s\": %s",
                    name ? name : "anonymous", g_strerror(code));
        return NULL;
    }
    Layer *layer = new_layer(clusters_fd, map_fd, clusters, first_version, error);
    if (!layer)
        g_prefix_error(error, "layer \"%s\": ", name ? name : "anonymous");
    return layer;
}

/* Makes LAYER, which nobody writes on, what it was when VERSION was frozen. */
static bool look_at(Layer *layer, uint64_t version, GError **error)
{
    if (!has_version(layer, version)) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_VERSION,
                    "the layer has no version %" G_GUINT64_FORMAT, version);
        return false;
    }
    layer->version = version + 1;
    return rebuild(layer, version) || io_error(error, "read the layer's map", EIO);
}

Layer *layer_open(int directory_fd, const char *name, uint32_t clusters, uint64_t first_version,
                  GError **error)
{
    return open_layer(directory_fd, name, clusters, first_version, false, error);
}

Layer *layer_open_frozen(int directory_fd, const char *name, uint32_t clusters,
                         uint64_t first_version, uint64_t version, GError **error)
{
    g_autoptr(Layer) layer = open_layer(directory_fd, name, clusters, first_version, true, error);
    if (!layer || !look_at(layer, version, error))
        return NULL;
    return g_steal_pointer(&layer);
}

Layer *layer_view(const Layer *layer, uint64_t version, GError **error)
{
    int clusters_fd = fcntl(layer->clusters_fd, F_DUPFD_CLOEXEC, 0);
    int map_fd = fcntl(layer->map_fd, F_DUPFD_CLOEXEC, 0);
    g_autoptr(Layer) view =
        new_layer(clusters_fd, map_fd, layer->clusters, layer->first_version, error);
    if (!view || !look_at(view, version, error))
        return NULL;
    return g_steal_pointer(&view);
}

void layer_free(Layer *layer)
{
    if (!layer)
        return;
    if (layer->clusters_fd >= 0)
        close(layer->clusters_fd);
    if (layer->map_fd >= 0)
        close(layer->map_fd);
    g_array_free(layer->frozen, TRUE);
    g_free(layer->place);
    g_free(layer);
}

/* --- use -----------------------------------------------------------------------------------------
 */

uint64_t layer_version(const Layer *layer)
{
    return layer->version;
}

uint64_t layer_first_version(const Layer *layer)
{
    return layer->first_version;
}

uint32_t layer_cluster_count(const Layer *layer)
{
    return layer->used;
}

uint32_t layer_find(const Layer *layer, uint32_t cluster)
{
    g_assert(cluster < layer->clusters);
    return layer->place[cluster];
}

static uint64_t byte_of(uint32_t place, uint32_t offset)
{
    return (uint64_t)place * LAYER_CLUSTER + offset;
}

int layer_read(const Layer *layer, uint32_t place, uint32_t offset, void *data, uint32_t length)
{
    if (place != LAYER_ZERO)
        return read_all(layer->clusters_fd, data, length, byte_of(place, offset));
    memset(data, 0, length);
    return 0;
}

int layer_write(Layer *layer, uint32_t place, uint32_t offset, const void *data, uint32_t length)
{
    return write_all(layer->clusters_fd, data, length, byte_of(place, offset));
}

bool layer_is_current(const Layer *layer, uint32_t place)
{
    return place >= layer->current_place && place != LAYER_ZERO;
}

bool layer_is_unchanged(const Layer *layer)
{
    return layer->log_size == layer->stretch_start;
}

uint32_t layer_new_place(Layer *layer)
{
    return layer->next_place >= LAYER_ZERO ? LAYER_ABSENT : layer->next_place++;
}

int layer_set_place(Layer *layer, uint32_t cluster, uint32_t place)
{
    uint32_t before = layer->place[cluster];
    int code = append(layer, &(Record){ RECORD_PLACE, cluster, place });
    if (code != 0)
        return code;
    set_place(layer, cluster, place);
    if (before != LAYER_ABSENT && before != LAYER_ZERO && !layer_is_current(layer, before))
        g_atomic_int_inc(&layer->superseded);
    return 0;
}

unsigned layer_superseded(const Layer *layer)
{
    return g_atomic_int_get(&layer->superseded);
}

int layer_set_zero(Layer *layer, uint32_t cluster)
{
    uint32_t place = layer_find(layer, cluster);
    if (place == LAYER_ZERO)
        return 0;
    int code = layer_set_place(layer, cluster, LAYER_ZERO);
    /* A host that cannot do this keeps the bytes: nobody refers to them. */
    if (code == 0 && place != LAYER_ABSENT && layer_is_current(layer, place))
        fallocate(layer->clusters_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)byte_of(place, 0), LAYER_CLUSTER);
    return code;
}

int layer_flush(Layer *layer)
{
    if (fdatasync(layer->clusters_fd) < 0 || fdatasync(layer->map_fd) < 0)
        return errno;
    layer->is_unsynced = false;
    return 0;
}

static int freeze(Layer *layer, bool is_durable, uint64_t *version)
{
    uint64_t at = layer->log_size;
    Record record = { RECORD_FREEZE, 0, layer->version };
    if (at == layer->stretch_start) { /* nothing was written since: a write takes a new place */
        *version = layer->parent;
        return is_durable && layer->is_unsynced ? layer_flush(layer) : 0;
    }
    if (is_durable && fdatasync(layer->clusters_fd) < 0)
        return errno;
    int code = append(layer, &record);
    if (code != 0)
        return code;
    if (is_durable && fdatasync(layer->map_fd) < 0)
        return errno;
    note_freeze(layer, at, record.value);
    layer->is_unsynced = !is_durable;
    *version = record.value;
    return 0;
}

int layer_freeze(Layer *layer, uint64_t *version)
{
    return freeze(layer, true, version);
}

int layer_freeze_passing(Layer *layer, uint64_t *version)
{
    return freeze(layer, false, version);
}

int layer_side_begin(Layer *layer, uint64_t parent)
{
    g_assert(has_version(layer, parent));
    int code = append(layer, &(Record){ RECORD_SIDE_BEGIN, 0, parent });
    layer->side_parent = parent;
    layer->side_start = layer->log_size;
    return code;
}

int layer_side_write(Layer *layer, uint32_t cluster, const void *data)
{
    uint32_t place = layer_new_place(layer);
    if (place == LAYER_ABSENT)
        return EFBIG;
    int code = layer_write(layer, place, 0, data, LAYER_CLUSTER);
    return code ? code : append(layer, &(Record){ RECORD_SIDE_PLACE, cluster, place });
}

int layer_side_zero(Layer *layer, uint32_t cluster)
{
    return append(layer, &(Record){ RECORD_SIDE_PLACE, cluster, LAYER_ZERO });
}

int layer_side_end(Layer *layer, uint64_t *version)
{
    uint64_t at = layer->log_size;
    Record record = { RECORD_SIDE_END, 0, layer->version };
    g_assert(layer->side_start);
    if (fdatasync(layer->clusters_fd) < 0)
        return errno;
    int code = append(layer, &record);
    if (code != 0)
        return code;
    if (fdatasync(layer->map_fd) < 0)
        return errno;
    note_side(layer, at, record.value);
    *version = record.value;
    return 0;
}

bool layer_restore(Layer *layer, uint64_t version, GError **error)
{
    uint64_t at = layer->log_size;
    if (!has_version(layer, version)) {
        g_set_error(error, LAYER_ERROR, LAYER_ERROR_VERSION,
                    "the disk has no version %" G_GUINT64_FORMAT " (it is at %" G_GUINT64_FORMAT
                    ")",
                    version, layer->version);
        return false;
    }
    int code = append(layer, &(Record){ RECORD_RESTORE, 0, version });
    if (code != 0)
        return io_error(error, "write the layer's map", code);
    begin_stretch(layer, at, version);
    return rebuild(layer, version) || io_error(error, "read the layer's map", EIO);
}
