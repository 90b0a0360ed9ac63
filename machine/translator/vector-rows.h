/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the builders and the lowering of vector.def agree on.
 */
#ifndef MACHINE_TRANSLATOR_VECTOR_ROWS_H
#define MACHINE_TRANSLATOR_VECTOR_ROWS_H

/* How the address is formed. X16, X4, X2: its low four, two, one bits are ignored. */
typedef enum {
    FORM_NONE,
    FORM_D,
    FORM_DS,
    FORM_DQ,
    FORM_X,
    FORM_X16,
    FORM_X4,
    FORM_X2,
    FORM_D_UPDATE,
    FORM_X_UPDATE,
} VectorForm;

/* What memory holds, and what becomes of it in a register. */
typedef enum {
    ACCESS_NONE,
    ACCESS_QUAD,
    ACCESS_DOUBLEWORDS,
    ACCESS_WORDS,
    ACCESS_BYTES,
    ACCESS_HALFWORDS,
    ACCESS_SPLAT_DOUBLE,
    ACCESS_SPLAT_WORD,
    ACCESS_DOUBLE,
    ACCESS_SINGLE,
    ACCESS_WORD,
    ACCESS_WORD_SIGNED,
    ACCESS_HALFWORD, /* into the low bits of doubleword 0, as a word */
    ACCESS_BYTE,
    ACCESS_ELEMENT_W, /* the element that the address names; the others stay */
    ACCESS_ELEMENT_H,
    ACCESS_ELEMENT_B,
} VectorAccess;

#endif
