/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk's changes become part of its image.
 */
#ifndef MACHINE_BLOCK_COMMIT_H
#define MACHINE_BLOCK_COMMIT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Writes what the layer NAME in DIRECTORY_FD holds at present into the raw image IMAGE_FD, durably,
 * and then removes the layer with all its versions. Nobody may use either meanwhile. CLUSTERS: how
 * many were written; 0 also when there is no such layer. After a failure or a crash the layer is
 * still whole, and the disk's content is the same with it.
 */
bool commit_layer(int directory_fd, const char *name, int image_fd, uint32_t *clusters,
                  GError **error);

#endif
