/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/boards/boards.h"

static const Board *const boards[] = { &pseries_board, &bare32_board, NULL };

const Board *const *board_list(void)
{
    return boards;
}

const Board *board_find(const char *name)
{
    for (const Board *const *board = boards; *board; board++)
        if (g_strcmp0((*board)->name, name) == 0)
            return *board;
    return NULL;
}
