/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two engines are compared by while they run: a running digest of all stores (place, size,
 * value, instruction count), and the registers wherever the translator left a block.
 *
 * The translator's side runs first and lists where it left blocks; then the reference follows it to
 * each of these places.
 */
#ifndef TESTS_TRANSLATOR_STORE_DIGEST_H
#define TESTS_TRANSLATOR_STORE_DIGEST_H

#include "machine/cpu/observer.h"

/* The pieces that one instruction stores; neighbours in ascending order are one piece. */
typedef struct {
    uint64_t icount, at;
    unsigned size;
    uint8_t data[256];
} Stored;

#define STORED_PIECES 8u

typedef struct {
    CpuObserver observer;
    Cpu *cpu;
    uint64_t digest, count; /* of the stores of instructions before the present one */
    Stored present[STORED_PIECES];
    unsigned present_count;
    Stored last[STORED_PIECES]; /* what was digested last, a ring by COUNT */
    uint64_t budget_start;
    uint64_t exits_followed;
    GArray *exits; /* where blocks were left, of ExitDigest */
} StoreDigest;

/* To be zeroed before its first use. Starts from nothing; OBSERVED false: does nothing from now on.
 * Before CPU's translator is made and its banks are filled. */
void store_digest_begin(StoreDigest *digest, Cpu *cpu, bool observed);
void store_digest_clear(StoreDigest *digest);

typedef void (*RunTo)(void *opaque, uint64_t icount);

/*
 * Brings REFERENCE by RUN_TO to every place where TRANSLATED left a block since the last call, and
 * compares there. The first difference as text, or NULL; the caller frees it.
 */
char *store_digest_follow(StoreDigest *reference, StoreDigest *translated, RunTo run_to,
                          void *opaque);

/* Compares the digests, both processors being at the same instruction count. As above. */
char *store_digest_compare(StoreDigest *reference, StoreDigest *translated);

#endif
