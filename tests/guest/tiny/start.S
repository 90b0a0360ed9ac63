/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry of the tiny guest: real mode, 64-bit, in either byte order, at the first byte of the image.
 * r3: the device tree, or anything if r5 is not 0 (entered by Open Firmware).
 *
 * Interrupts are taken only while the guest waits in H_CEDE. A handler notes its vector in SPRG2 and returns with
 * interrupts off, so that one interrupt wakes one wait.
 */
    .machine power9
    .section .text.start, "ax"
    .globl start
start:
    /* Entered little endian, the first word is a trap that never traps. Entered big endian, it reads as a branch over
       the next word, to words of big-endian code that turn the byte order round. */
    tdi 0, 0, 0x48
    b little
    .long 0xa600607d /* mfmsr r11 */
    .long 0x01006b69 /* xori r11, r11, 1 */
    .long 0xa6037b7d /* mtsrr1 r11 */
    .long 0x05009f42 /* bcl 20, 31, .+4 */
    .long 0xa602487d /* mflr r10 */
    .long 0x10004a39 /* addi r10, r10, 16: little */
    .long 0xa6035a7d /* mtsrr0 r10 */
    .long 0x2400004c /* rfid */
little:
    bcl 20, 31, here
here:
    mflr 30
    addis 2, 30, .TOC. - here@ha
    addi 2, 2, .TOC. - here@l
    addis 1, 30, stack_top - here@ha
    addi 1, 1, stack_top - here@l
    li 0, 0
    stdu 0, -128(1)
    bl guest_main
0:  b 0b

/* uint64_t hypercall(uint64_t op, const uint64_t in[8], uint64_t out[8]): r3 = op; r4 up from in; out from r4 up. */
    .globl hypercall
hypercall:
    mflr 0
    std 0, 16(1)
    std 31, -8(1)
    stdu 1, -64(1)
    mr 31, 5
    ld 11, 56(4)
    ld 10, 48(4)
    ld 9, 40(4)
    ld 8, 32(4)
    ld 7, 24(4)
    ld 6, 16(4)
    ld 5, 8(4)
    ld 4, 0(4)
    .long 0x44000022 /* sc 1 */
    std 4, 0(31)
    std 5, 8(31)
    std 6, 16(31)
    std 7, 24(31)
    std 8, 32(31)
    addi 1, 1, 64
    ld 31, -8(1)
    ld 0, 16(1)
    mtlr 0
    blr

/* void copy_handlers(void): puts the handlers at their vectors. */
    .globl copy_handlers
copy_handlers:
    mflr 0
    bcl 20, 31, 1f
1:  mflr 4
    mtlr 0
    addi 4, 4, handlers - 1b - 4
    li 5, 0x500 - 4
    bl 2f
    li 5, 0x900 - 4
    bl 2f
    mtlr 0
    sync
    li 5, 0x500
    icbi 0, 5
    li 5, 0x900
    icbi 0, 5
    sync
    isync
    blr
2:  li 6, HANDLER_WORDS
    mtctr 6
3:  lwzu 6, 4(4)
    stwu 6, 4(5)
    bdnz 3b
    blr

    .set HANDLER_WORDS, 9
    .macro handler vector
    mtsprg0 3
    mfsrr1 3
    rldicl 3, 3, 48, 1
    rotldi 3, 3, 16 /* EE is off */
    mtsrr1 3
    li 3, \vector
    mtsprg2 3
    mfsprg0 3
    rfid
    .endm
handlers:
    handler 0x500
    handler 0x900
