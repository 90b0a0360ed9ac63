/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image that another process reads for us: the client's side of the NBD protocol (fixed newstyle
 * handshake, simple replies), over a connected socket, for reading only.
 */
#ifndef MACHINE_BLOCK_NBD_H
#define MACHINE_BLOCK_NBD_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Nbd Nbd;

/* Agrees with the server at SOCKET (borrowed) on its default export; NULL with ERROR. Waits at most
 * HANDSHAKE seconds for each of its answers. */
#define NBD_HANDSHAKE_S 20
Nbd *nbd_new(int socket, GError **error);
void nbd_free(Nbd *nbd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Nbd, nbd_free)

/* From any thread: what is read now, and from now on, fails at once. */
void nbd_interrupt(Nbd *nbd);

uint64_t nbd_size(const Nbd *nbd); /* bytes */

/* At most NBD_READ_MAX bytes inside the export; 0 or an errno value. After a server has broken the
 * protocol or gone, EIO for ever. */
#define NBD_READ_MAX (1u << 20)
int nbd_read(Nbd *nbd, uint64_t offset, uint8_t *data, uint32_t length);

#endif
