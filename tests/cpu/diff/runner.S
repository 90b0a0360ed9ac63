/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest side of the differential test: enters an instruction with a complete register image and
 * takes the complete image afterwards.
 *
 * Everything lies in the first 32 KiB of the address space, which displacements from no base
 * register reach, so no register is needed to load or save all of them. Layout: layout.h.
 */
#include "layout.h"

#define SPR_TAR 815
#define SPR_DSCR 3
#define SPR_VRSAVE 256
#define SPR_PPR 896

    .machine power9
    .abiversion 2
    .text

    .globl _start
_start:
    lis 2, .TOC.@ha
    addi 2, 2, .TOC.@l
    li 0, 0
    stdu 0, -128(1)
    bl runner_main

    .globl system_call
system_call: /* (number, arguments...) */
    mr 0, 3
    mr 3, 4
    mr 4, 5
    mr 5, 6
    mr 6, 7
    mr 7, 8
    mr 8, 9
    sc
    bnslr
    neg 3, 3
    blr

    /* void run_case(void): the image at STATE, the entry of its slot in STATE_SLOT. */
    .globl run_case
run_case:
    .irp n, 1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    std \n, DRIVER + 8 * \n(0)
    .endr
    mflr 0
    std 0, DRIVER(0)
    mfcr 0
    std 0, DRIVER + 8 * 3(0)

    li 0, 0
    std 0, STATE + STATE_LANDING(0)
    std 0, STATE + STATE_SIGNAL(0)

    /*
     * The emulator carries unreported flags, and enabled exceptions, from one instruction to another.
     * This one takes them, so that no case sees those of the case before.
     */
    xxlxor 0, 0, 0
take_leftovers:
    fadd 0, 0, 0
leftovers_taken:
    lfd 0, STATE + STATE_FPSCR(0)
    mtfsf 255, 0, 1, 0
    li 3, STATE + STATE_VSCR
    lxvd2x 32, 0, 3
    mtvscr 0
    .altmacro
    .macro load_vsr n
    li 3, STATE + STATE_VSR + 16 * \n
    lxvd2x \n, 0, 3
    .endm
    .set n, 0
    .rept 64
    load_vsr %n
    .set n, n + 1
    .endr
    ld 3, STATE + STATE_CR(0)
    mtcr 3
    ld 3, STATE + STATE_XER(0)
    mtxer 3
    ld 3, STATE + STATE_LR(0)
    mtlr 3
    ld 3, STATE + STATE_TAR(0)
    mtspr SPR_TAR, 3
    ld 3, STATE + STATE_VRSAVE(0)
    mtspr SPR_VRSAVE, 3
    ld 3, STATE + STATE_SLOT(0)
    mtctr 3
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld \n, STATE + 8 * \n(0)
    .endr
    ld 0, STATE + STATE_CTR(0)
    bctr /* to the slot, which moves r0 to CTR and loads r0 */

    /* From the end of a slot. */
    .globl leave_slot
leave_slot:
    std 0, STATE(0)
    /* From a landing pad, which has stored r0 and where it was. */
    .globl leave_pad
leave_pad:
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    std \n, STATE + 8 * \n(0)
    .endr
    mfcr 0
    std 0, STATE + STATE_CR(0)
    mfxer 0
    std 0, STATE + STATE_XER(0)
    mflr 0
    std 0, STATE + STATE_LR(0)
    mfctr 0
    std 0, STATE + STATE_CTR(0)
save_rest:
    mfspr 0, SPR_TAR
    std 0, STATE + STATE_TAR(0)
    mfspr 0, SPR_VRSAVE
    std 0, STATE + STATE_VRSAVE(0)
    .macro store_vsr n
    li 3, STATE + STATE_VSR + 16 * \n
    stxvd2x \n, 0, 3
    .endm
    .set n, 0
    .rept 64
    store_vsr %n
    .set n, n + 1
    .endr
    ld 3, STATE + STATE_SIGNAL(0)
    cmpdi 3, 0
    bne 1f /* the kernel has cleared the live one */
    mffs 0
    stfd 0, STATE + STATE_FPSCR(0)
1:  mfvscr 0
    li 3, STATE + STATE_VSCR
    stxvd2x 32, 0, 3

    ld 3, DRIVER + 8 * 3(0)
    mtcr 3
    ld 0, DRIVER(0)
    mtlr 0
    .irp n, 1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld \n, DRIVER + 8 * \n(0)
    .endr
    blr

    /*
     * A signal: r3 its number, r5 the context, whose saved registers are pointed to. Vector and
     * floating-point registers are still those of the case.
     */
    .globl on_signal
on_signal:
    ld 6, CONTEXT_REGS(5)
    ld 7, 8 * 32(6)
    lis 8, take_leftovers@h
    ori 8, 8, take_leftovers@l
    cmpd 7, 8
    beq leftovers_taken
    std 3, STATE + STATE_SIGNAL(0)
    .macro copy_gpr n
    ld 7, 8 * \n(6)
    std 7, STATE + 8 * \n(0)
    .endm
    .set n, 0
    .rept 32
    copy_gpr %n
    .set n, n + 1
    .endr
    ld 7, 8 * 32(6)
    std 7, STATE + STATE_NIP(0)
    ld 7, 8 * 35(6)
    std 7, STATE + STATE_CTR(0)
    ld 7, 8 * 36(6)
    std 7, STATE + STATE_LR(0)
    ld 7, 8 * 37(6)
    std 7, STATE + STATE_XER(0)
    ld 7, 8 * 38(6)
    std 7, STATE + STATE_CR(0)
    ld 7, 8 * (48 + 32)(6)
    std 7, STATE + STATE_FPSCR(0)
    b save_rest

    .section .note.GNU-stack, "", @progbits
