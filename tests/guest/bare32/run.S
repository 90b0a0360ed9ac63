/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry, the running of a snippet, and the catching of every interrupt. The entries at the vectors
 * keep r3 and r4 in SPRG0 and SPRG1, and branch to caught with the vector in r4.
 */
    .machine "7400"
    .section .text.entry, "ax"
    .globl entry
entry:
    li 3, 0
    mtmsr 3
    isync
#ifdef QEMU
    li 3, 1
#endif
    lis 1, 0x100000@h
    addi 1, 1, -64
    b bare_main

    .globl vector_entry
vector_entry:
    mtsprg 0, 3
    mtsprg 1, 4
    li 4, 0
    b .

    .globl caught
caught:
    lis 3, record@h
    ori 3, 3, record@l
    stw 4, 0(3)
    mfsrr0 4
    stw 4, 4(3)
    mfsrr1 4
    stw 4, 8(3)
    mfmsr 4
    stw 4, 12(3)
    mfdar 4
    stw 4, 16(3)
    mfdsisr 4
    stw 4, 20(3)
    mflr 4
    stw 4, 24(3)
    mfctr 4
    stw 4, 28(3)
    mfcr 4
    stw 4, 32(3)
    mfxer 4
    stw 4, 36(3)
    mfdec 4
    stw 4, 40(3)
    stmw 5, 68(3)
    stw 0, 48(3)
    stw 1, 52(3)
    stw 2, 56(3)
    mfsprg 4, 0
    stw 4, 60(3)
    mfsprg 4, 1
    stw 4, 64(3)
    lis 3, keep@h
    ori 3, 3, keep@l
    lwz 1, 4(3)
    lwz 2, 8(3)
    lwz 4, 0(3)
    mtlr 4
    lwz 4, 12(3)
    mtcr 4
    lmw 13, 16(3)
    blr

/* run_snippet(address, msr, values of r3 to r10, DEC) */
    .globl run_snippet
run_snippet:
    lis 7, keep@h
    ori 7, 7, keep@l
    mflr 8
    stw 8, 0(7)
    stw 1, 4(7)
    stw 2, 8(7)
    mfcr 8
    stw 8, 12(7)
    stmw 13, 16(7)
    mtsrr0 3
    mtsrr1 4
    mtdec 6
    li 0, 0
    mtcr 0
    mtxer 0
    lwz 3, 0(5)
    lwz 4, 4(5)
    lwz 6, 12(5)
    lwz 7, 16(5)
    lwz 8, 20(5)
    lwz 9, 24(5)
    lwz 10, 28(5)
    lwz 5, 8(5)
    rfi

    .bss
    .balign 16
    .globl record
record: .skip 192
keep: .skip 128
