/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "replay/hash.h"

/* Of HASH_RAM_PAGE bytes; equal pages with different numbers have different digests. */
void digest_page(Digest *digest, const guint8 *page, guint64 number);
