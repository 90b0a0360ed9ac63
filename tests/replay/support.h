/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of replay/ share. */
#pragma once

#include <glib.h>

#include "replay/replay.h"
#include "tests/check-run.h"

/* An empty file without a name. */
int support_file(void);
/* Such a file with these bytes. */
int support_file_with(const guint8 *data, gsize length);
/* All bytes of a file. */
GByteArray *support_read(int fd);

/* A generator of test data: the same numbers for the same seed, on each host. */
typedef struct Dice {
    guint64 state;
} Dice;
guint64 dice_roll(Dice *dice);
/* 0 .. limit-1 */
guint64 dice_below(Dice *dice, guint64 limit);

/* Fails the test with the error's text. */
#define support_ok(condition, error)                                                               \
    do {                                                                                           \
        gboolean ok_ = (condition);                                                                \
        ck_assert_msg(ok_, "%s", (error) ? (error)->message : "failed without an error");          \
        ck_assert_msg(!(error), "%s", (error) ? (error)->message : "");                            \
    } while (0)
