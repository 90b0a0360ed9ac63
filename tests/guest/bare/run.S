/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry of the payload, the running of a snippet, and the catching of every interrupt.
 *
 * run_snippet() enters a snippet by rfid. Whatever interrupt ends it arrives at one of the small
 * entries that vectors.c copies to the vectors: they keep r3 and r4 in SPRG0 and SPRG1, put the
 * vector's address into r4 and branch to a tail, which keeps SRR0 and SRR1 in SPRG2 and SPRG3 and
 * returns to real mode, in the payload's byte order, at caught. That saves all registers in the
 * record and returns from run_snippet().
 */
#ifdef __LITTLE_ENDIAN__
#define LITTLE 1
#else
#define LITTLE 0
#endif
#define CAUGHT_PLACE 0x6000

    .machine power9
    .section .text.entry, "ax"
    .globl entry
entry:
    lis 1, stack_top@h
    ori 1, 1, stack_top@l
    addi 1, 1, -256
    lis 2, .TOC.@h
    ori 2, 2, .TOC.@l
    lis 9, bss_start@h
    ori 9, 9, bss_start@l
    lis 10, bss_end@h
    ori 10, 10, bss_end@l
    li 11, 0
1:  cmpld 9, 10
    bge 2f
    std 11, 0(9)
    addi 9, 9, 8
    b 1b
2:  bl bare_main
    b .

/* One of the entries; vectors.c patches the vector's number and the branch to the tail. */
    .globl vector_entry
vector_entry:
    mtsprg 0, 3
    mtsprg 1, 4
    lis 4, 0
    ori 4, 4, 0
    b .
    .globl vector_tail, vector_tail_end
vector_tail:
    mfsrr0 3
    mtsprg 2, 3
    mfsrr1 3
    mtsprg 3, 3
    li 3, CAUGHT_PLACE
    mtsrr0 3
    li 3, 1
    sldi 3, 3, 63
    ori 3, 3, 0x1000 + LITTLE
    mtsrr1 3
    mfmsr 3
    rfid
vector_tail_end:

/* Copied to CAUGHT_PLACE. */
    .globl caught, caught_end
caught:
    mtsrr0 3
    lis 3, record@h
    ori 3, 3, record@l
    std 4, 0(3)
    lis 4, caught_rest@h
    ori 4, 4, caught_rest@l
    mtsrr1 4
    .set n, 5
    .rept 27
    std n, 80 + 8 * n(3)
    .set n, n + 1
    .endr
    std 0, 80(3)
    std 1, 88(3)
    std 2, 96(3)
    mfctr 5
    std 5, 48(3)
    mtctr 4
    bctr
caught_end:

/* r3: the record. SRR0: the MSR at entry. */
caught_rest:
    mfsprg 4, 2
    std 4, 8(3)
    mfsprg 4, 3
    std 4, 16(3)
    mfsrr0 4
    std 4, 24(3)
    mfdar 4
    std 4, 32(3)
    mfdsisr 4
    std 4, 336(3)
    mflr 4
    std 4, 40(3)
    mfcr 4
    std 4, 56(3)
    mfxer 4
    std 4, 64(3)
    mfspr 4, 22
    std 4, 72(3)
    mfsprg 4, 0
    std 4, 80 + 8 * 3(3)
    mfsprg 4, 1
    std 4, 80 + 8 * 4(3)
    lis 3, keep@h
    ori 3, 3, keep@l
    ld 1, 8(3)
    ld 2, 16(3)
    .set n, 13
    .rept 19
    ld n, 24 + 8 * (n - 13)(3)
    .set n, n + 1
    .endr
    ld 4, 176(3)
    mtcr 4
    ld 4, 0(3)
    mtlr 4
    blr

/* run_snippet(address, msr, inputs for r3 to r12, initial LR, CTR, XER, CR) */
    .globl run_snippet
run_snippet:
    lis 6, keep@h
    ori 6, 6, keep@l
    mflr 7
    std 7, 0(6)
    std 1, 8(6)
    std 2, 16(6)
    .set n, 13
    .rept 19
    std n, 24 + 8 * (n - 13)(6)
    .set n, n + 1
    .endr
    mfcr 7
    std 7, 176(6)
    mtsrr0 3
    mtsrr1 4
    ld 7, 80(5)
    mtlr 7
    ld 7, 88(5)
    mtctr 7
    ld 7, 96(5)
    mtxer 7
    ld 7, 104(5)
    mtcr 7
    ld 3, 0(5)
    ld 4, 8(5)
    ld 6, 24(5)
    ld 7, 32(5)
    ld 8, 40(5)
    ld 9, 48(5)
    ld 10, 56(5)
    ld 11, 64(5)
    ld 12, 72(5)
    ld 5, 16(5)
    rfid

/* hypercall(number, arguments r4-r9, results r4-r7 or NULL): r3 */
    .globl hypercall
hypercall:
    mr 12, 4
    mr 11, 5
    ld 4, 0(12)
    ld 5, 8(12)
    ld 6, 16(12)
    ld 7, 24(12)
    ld 8, 32(12)
    ld 9, 40(12)
    std 11, -64(1)
    sc 1
    ld 11, -64(1)
    cmpdi 11, 0
    beqlr
    std 4, 0(11)
    std 5, 8(11)
    std 6, 16(11)
    std 7, 24(11)
    blr

    .bss
    .balign 16
    .globl record
record: .skip 352
keep: .skip 192
