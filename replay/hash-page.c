/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The digest of a page, by the widest registers that this host has: XXH3 is the same function on
 * all of them.
 */
#include "replay/hash-page.h"

#include <string.h>

#ifdef POWERPLAY_XXHASH_DISPATCHES
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

G_STATIC_ASSERT(sizeof(XXH128_canonical_t) == DIGEST_SIZE);

void digest_page(Digest *digest, const guint8 *page, guint64 number)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(page, HASH_RAM_PAGE, number));
    memcpy(digest->bytes, canonical.digest, DIGEST_SIZE);
}
