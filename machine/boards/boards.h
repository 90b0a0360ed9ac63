/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every board: board_find() and board_list() of machine.h look here.
 */
#ifndef MACHINE_BOARDS_BOARDS_H
#define MACHINE_BOARDS_BOARDS_H

#include "machine/machine.h"

extern const Board pseries_board;
extern const Board bare32_board;

#endif
