/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest side for 32-bit processors; as runner.S, with the low words of the image's doublewords
 * (the program is big-endian), floating-point registers and vector registers.
 */
#include "layout.h"

#define SPR_VRSAVE 256
#define LOW        4

    .machine "7400"
    .machine "altivec"
    .text

    .globl _start
_start:
    li 0, 0
    stwu 0, -64(1)
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

    .altmacro
    .macro load_fpr n
    lfd \n, STATE + STATE_VSR + 16 * \n(0)
    .endm
    .macro store_fpr n
    stfd \n, STATE + STATE_VSR + 16 * \n(0)
    .endm
    .macro load_vr n
    li 3, STATE + STATE_VSR + 16 * 32 + 16 * \n
    lvx \n, 0, 3
    .endm
    .macro store_vr n
    li 3, STATE + STATE_VSR + 16 * 32 + 16 * \n
    stvx \n, 0, 3
    .endm
    .macro each what
    .set n, 0
    .rept 32
    \what %n
    .set n, n + 1
    .endr
    .endm

    /* void run_case(void): the image at STATE, the entry of its slot in STATE_SLOT. */
    .globl run_case
run_case:
    .irp n, 1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    stw \n, DRIVER + 8 * \n(0)
    .endr
    mflr 0
    stw 0, DRIVER(0)
    mfcr 0
    stw 0, DRIVER + 8 * 3(0)

    li 0, 0
    stw 0, STATE + STATE_LANDING(0)
    stw 0, STATE + STATE_LANDING + LOW(0)
    stw 0, STATE + STATE_SIGNAL + LOW(0)

    /* As in runner.S: takes what the emulator carries over from the case before. */
    lfd 0, STATE + STATE_LANDING(0)
take_leftovers:
    fadd 0, 0, 0
leftovers_taken:
    lfd 0, STATE + STATE_FPSCR(0)
    mtfsf 255, 0
    li 3, STATE + STATE_VSCR
    lvx 0, 0, 3
    mtvscr 0
    each load_fpr
    each load_vr
    lwz 3, STATE + STATE_CR + LOW(0)
    mtcr 3
    lwz 3, STATE + STATE_XER + LOW(0)
    mtxer 3
    lwz 3, STATE + STATE_LR + LOW(0)
    mtlr 3
    lwz 3, STATE + STATE_VRSAVE + LOW(0)
    mtspr SPR_VRSAVE, 3
    lwz 3, STATE + STATE_SLOT + LOW(0)
    mtctr 3
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    lwz \n, STATE + 8 * \n + LOW(0)
    .endr
    lwz 0, STATE + STATE_CTR + LOW(0)
    bctr /* to the slot, which moves r0 to CTR and loads r0 */

    /* From the end of a slot. */
    .globl leave_slot
leave_slot:
    stw 0, STATE + LOW(0)
    /* From a landing pad, which has stored r0 and where it was. */
    .globl leave_pad
leave_pad:
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    stw \n, STATE + 8 * \n + LOW(0)
    .endr
    mfcr 0
    stw 0, STATE + STATE_CR + LOW(0)
    mfxer 0
    stw 0, STATE + STATE_XER + LOW(0)
    mflr 0
    stw 0, STATE + STATE_LR + LOW(0)
    mfctr 0
    stw 0, STATE + STATE_CTR + LOW(0)
save_rest:
    mfspr 0, SPR_VRSAVE
    stw 0, STATE + STATE_VRSAVE + LOW(0)
    each store_fpr
    each store_vr
    lwz 3, STATE + STATE_SIGNAL + LOW(0)
    cmpwi 3, 0
    bne 1f /* the kernel has cleared the live one */
    mffs 0
    stfd 0, STATE + STATE_FPSCR(0)
1:  li 0, 0
    stw 0, STATE + STATE_FPSCR(0)
    mfvscr 0
    li 3, STATE + STATE_VSCR
    stvx 0, 0, 3

    lwz 3, DRIVER + 8 * 3(0)
    mtcr 3
    lwz 0, DRIVER(0)
    mtlr 0
    .irp n, 1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    lwz \n, DRIVER + 8 * \n(0)
    .endr
    blr

    /*
     * A signal: r3 its number, r5 the context, whose saved registers are pointed to. Vector and
     * floating-point registers are still those of the case.
     */
    .globl on_signal
on_signal:
    lwz 6, CONTEXT_REGS32(5)
    lwz 7, 4 * 32(6)
    lis 8, take_leftovers@ha
    addi 8, 8, take_leftovers@l
    cmpw 7, 8
    beq leftovers_taken
    stw 3, STATE + STATE_SIGNAL + LOW(0)
    .macro copy_gpr n
    lwz 7, 4 * \n(6)
    stw 7, STATE + 8 * \n + LOW(0)
    .endm
    each copy_gpr
    lwz 7, 4 * 32(6)
    stw 7, STATE + STATE_NIP + LOW(0)
    lwz 7, 4 * 35(6)
    stw 7, STATE + STATE_CTR + LOW(0)
    lwz 7, 4 * 36(6)
    stw 7, STATE + STATE_LR + LOW(0)
    lwz 7, 4 * 37(6)
    stw 7, STATE + STATE_XER + LOW(0)
    lwz 7, 4 * 38(6)
    stw 7, STATE + STATE_CR + LOW(0)
    lwz 7, 4 * 48 + 8 * 32 + LOW(6)
    stw 7, STATE + STATE_FPSCR + LOW(0)
    b save_rest

    .section .note.GNU-stack, "", @progbits
