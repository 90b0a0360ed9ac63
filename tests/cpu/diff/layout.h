/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and the case image of the differential test, for guest assembly, guest C and the host.
 */
#ifndef TESTS_CPU_DIFF_LAYOUT_H
#define TESTS_CPU_DIFF_LAYOUT_H

/* The image of one case, in the guest's byte order. Offsets in bytes. */
#define STATE_GPR     0x000
#define STATE_VSR     0x100 /* 64 x {doubleword 0, doubleword 1} */
#define STATE_FPSCR   0x500
#define STATE_CR      0x508
#define STATE_XER     0x510
#define STATE_LR      0x518
#define STATE_CTR     0x520
#define STATE_TAR     0x528
#define STATE_VSCR    0x530 /* a vector: the last word counts */
#define STATE_VRSAVE  0x540
#define STATE_SLOT    0x548 /* the entry of the case's slot */
#define STATE_LANDING 0x550 /* the pad that a branch went to, or 0 */
#define STATE_SIGNAL  0x558 /* the signal that ended it, or 0 */
#define STATE_NIP     0x560 /* with a signal: the address */
#define STATE_CODE    0x568 /* two instruction words */
#define STATE_WINDOW  0x600 /* 512 bytes of storage */
#define STATE_SIZE    0x800
#define WINDOW_SIZE   0x200

/* Guest addresses. */
#define LOW_START  0x1000
#define LOW_END    0x30000
#define STATE      0x2000 /* the present case */
#define DRIVER     0x3000 /* registers of the driver meanwhile */
#define PADS_LOW   0x7000
#define SLOTS      0xa000
#define PADS_HIGH  0xd000
#define PAD_SIZE   16
#define PADS_EACH  256
#define SLOT_SIZE  32
#define SLOT_INSN  8 /* where in a slot the tested instruction stands */
#define SLOT_COUNT 256
#define WINDOW     0x20f00   /* crosses a page in the middle */
#define SHARED     0x1000000 /* SLOT_COUNT images in, then as many out */

/* In the signal frame: where the pointer to the saved registers is; of 64-bit and 32-bit programs.
 */
#define CONTEXT_REGS   224
#define CONTEXT_REGS32 48

#endif
