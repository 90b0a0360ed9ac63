/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the generator of cases knows about an instruction, made from the tables of the instruction
 * set (machine/cpu/isa.h).
 */
#ifndef TESTS_CPU_DIFF_ROW_H
#define TESTS_CPU_DIFF_ROW_H

#include <stdint.h>

/* Fields that need care; all others may have any value. */
typedef enum {
    FIELD_NONE,
    FIELD_BASE,   /* r0 reads as zero */
    FIELD_UPDATE, /* base of an update form */
    FIELD_INDEX,  /* the second address register, or the length of lxvl and its like */
    FIELD_D,      /* displacements: 16 bits, or 14 or 12 of them */
    FIELD_DS,
    FIELD_DQ,
    FIELD_LI, /* branch displacements */
    FIELD_BD,
    FIELD_SPR,
    FIELD_FC, /* function code of atomics */
    FIELD_NB,
    FIELD_TARGET, /* the general register that is loaded */
} FieldKind;

enum {
    ROW_LOAD = 1,
    ROW_STORE = 2,
    ROW_FLOAT = 4, /* needs FP, VEC or VSX: the vector-scalar registers matter */
    ROW_EVEN = 8,  /* the target register is even */
    ROW_BRANCH = 16,
    ROW_LENGTH = 32,       /* FIELD_INDEX is a length */
    ROW_RESERVE = 64,      /* load and reserve */
    ROW_CONDITIONAL = 128, /* store conditional */
    ROW_REFUSED = 256,     /* our guests do not have it: an illegal instruction */
    ROW_WORDS = 512,   /* the address must be that of a word, or an alignment interrupt follows */
    ROW_NARROW = 1024, /* of a 32-bit model */
};

typedef struct {
    const char *name;
    uint32_t value;   /* fixed bits */
    uint32_t mask;    /* which bits are fixed */
    uint32_t ignored; /* reserved bits: tried as zero */
    uint16_t flags;
    uint8_t size;      /* bytes of storage, 0 when they vary */
    uint8_t fields[8]; /* FieldKind */
} Row;

/*
 * The rows of the problem state of FAMILIES, privileged and hypervisor ones left out, in the order
 * of the description. The array and its names live as long as the program; *COUNT is set.
 */
const Row *rows_of_problem_state(unsigned families, unsigned *count);

#endif
