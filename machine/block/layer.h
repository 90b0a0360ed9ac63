/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One layer of changes to a disk: clusters, and a log of where each one is.
 */
#ifndef MACHINE_BLOCK_LAYER_H
#define MACHINE_BLOCK_LAYER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LAYER_CLUSTER 65536u
#define LAYER_ABSENT  UINT32_MAX
#define LAYER_ZERO    (LAYER_ABSENT - 1) /* the place of all clusters that hold zeroes */

#define LAYER_ERROR (layer_error_quark())
GQuark layer_error_quark(void);
typedef enum LayerError {
    LAYER_ERROR_FORMAT,  /* not a layer, damaged, or of another disk */
    LAYER_ERROR_VERSION, /* a version that it does not have */
    LAYER_ERROR_IO,
} LayerError;

typedef struct Layer Layer;

/*
 * Opens or makes the layer NAME in DIRECTORY_FD for a disk of CLUSTERS clusters, whose
 * versions start after FIRST_VERSION; an existing layer must agree with both. NAME NULL: anonymous
 * files in the directory; DIRECTORY_FD -1: in memory.
 */
Layer *layer_open(int directory_fd, const char *name, uint32_t clusters, uint64_t first_version,
                  GError **error);
/* Opens an existing layer to be read as it was when VERSION was frozen; its files stay as they are.
 */
Layer *layer_open_frozen(int directory_fd, const char *name, uint32_t clusters,
                         uint64_t first_version, uint64_t version, GError **error);
/* The same of the open LAYER, whatever becomes of it. */
Layer *layer_view(const Layer *layer, uint64_t version, GError **error);
void layer_free(Layer *layer);

/* The version being written (one more than the last frozen one). */
uint64_t layer_version(const Layer *layer);
uint64_t layer_first_version(const Layer *layer);
uint32_t layer_cluster_count(const Layer *layer);

/* Where CLUSTER is, LAYER_ZERO if it takes no place, or LAYER_ABSENT. */
uint32_t layer_find(const Layer *layer, uint32_t cluster);
/* All of these return 0 or an errno value. A place comes from layer_find() or layer_new_place(). */
int layer_read(const Layer *layer, uint32_t place, uint32_t offset, void *data, uint32_t length);
int layer_write(Layer *layer, uint32_t place, uint32_t offset, const void *data, uint32_t length);
/* Whether the cluster at PLACE may be written in place, being of the present version. */
bool layer_is_current(const Layer *layer, uint32_t place);
/* How many clusters have taken another place because a version keeps what they held. Any thread. */
unsigned layer_superseded(const Layer *layer);
/* Whether nothing was written since the last freeze, restore or opening of an empty layer. */
bool layer_is_unchanged(const Layer *layer);
/* An unused place, or LAYER_ABSENT when there is none; it holds CLUSTER once layer_set_place() says
 * so, after its bytes are written. */
uint32_t layer_new_place(Layer *layer);
int layer_set_place(Layer *layer, uint32_t cluster, uint32_t place);
/* Makes CLUSTER one of zeroes; bytes that no version refers to any more are given back. */
int layer_set_zero(Layer *layer, uint32_t cluster);

/* Bytes, then map, onto the host's disk. */
int layer_flush(Layer *layer);
/* Ends the present version, durably; one in which nothing was written is the one it grew from. */
int layer_freeze(Layer *layer, uint64_t *version);
/* The same without waiting for the disk: the version lasts once layer_flush() or another freeze has
 * returned. */
int layer_freeze_passing(Layer *layer, uint64_t *version);
/*
 * A version beside the present one: PARENT with other clusters, written by the calls between;
 * durable once layer_side_end() has returned. The present version stays what it is; a crash in the
 * middle leaves places that nobody refers to.
 */
int layer_side_begin(Layer *layer, uint64_t parent);
int layer_side_write(Layer *layer, uint32_t cluster, const void *data); /* a whole cluster */
int layer_side_zero(Layer *layer, uint32_t cluster);
int layer_side_end(Layer *layer, uint64_t *version);
/* Goes back to the moment VERSION (FIRST_VERSION: empty) was frozen; logged, so that it lasts. */
bool layer_restore(Layer *layer, uint64_t version, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)

#endif
