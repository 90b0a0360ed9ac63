/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of loads and stores (Power ISA 3.0B, Book I 3.3.2-3.3.3).
 */
#include "machine/cpu/model.h"
#include "machine/translator/build-rows.h"

typedef enum { FORM_D, FORM_DS, FORM_X } Form;

/* The effective address; FORM with update has a base register even if it is r0. */
static Ref address(Builder *build, Form form, bool update)
{
    const Insn *insn = build->insn;
    Ref base = update ? build_get(build, insn->a) : build_base(build, insn->a);
    Ref offset =
        form == FORM_X
            ? build_get(build, insn->b)
            : build_const(build, (uint64_t)(form == FORM_D ? insn_si(insn) : insn_ds(insn)));
    /* (RA|0) + RB: a constant goes second. */
    uint64_t unused;
    bool swap = build_is_const(build, base, &unused);
    return build_ea(build, swap ? build_op(build, IR_ADD, offset, base)
                                : build_op(build, IR_ADD, base, offset));
}

static bool load(Builder *build, Form form, bool update, unsigned size, bool is_signed,
                 bool reverse)
{
    /* An invalid form that 32-bit models execute: the function of the interpreter says how. */
    if (update && build->insn->a == build->insn->t)
        return false;
    Ref ea = address(build, form, update);
    build_set(build, build->insn->t, build_load(build, ea, size, is_signed, reverse));
    if (update)
        build_set(build, build->insn->a, ea);
    return true;
}

static bool store(Builder *build, Form form, bool update, unsigned size, bool reverse)
{
    Ref ea = address(build, form, update);
    build_store(build, ea, build_get(build, build->insn->t), size, reverse);
    if (update)
        build_set(build, build->insn->a, ea);
    return true;
}

#define LOAD(name, form, update, size, is_signed)                                                  \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return load(build, FORM_##form, update, size, is_signed, false);                           \
    }
#define LOAD_FAMILY(name, size, is_signed)                                                         \
    LOAD(name, D, false, size, is_signed)                                                          \
    LOAD(name##u, D, true, size, is_signed)                                                        \
    LOAD(name##x, X, false, size, is_signed)                                                       \
    LOAD(name##ux, X, true, size, is_signed)
LOAD_FAMILY(lbz, 1, false)
LOAD_FAMILY(lhz, 2, false)
LOAD_FAMILY(lha, 2, true)
LOAD_FAMILY(lwz, 4, false)
LOAD(lwa, DS, false, 4, true)
LOAD(lwax, X, false, 4, true)
LOAD(lwaux, X, true, 4, true)
LOAD(ld, DS, false, 8, false)
LOAD(ldu, DS, true, 8, false)
LOAD(ldx, X, false, 8, false)
LOAD(ldux, X, true, 8, false)
#undef LOAD_FAMILY
#undef LOAD

#define STORE(name, form, update, size)                                                            \
    bool build_##name(Builder *build)                                                              \
    {                                                                                              \
        return store(build, FORM_##form, update, size, false);                                     \
    }
#define STORE_FAMILY(name, size)                                                                   \
    STORE(name, D, false, size)                                                                    \
    STORE(name##u, D, true, size)                                                                  \
    STORE(name##x, X, false, size)                                                                 \
    STORE(name##ux, X, true, size)
STORE_FAMILY(stb, 1)
STORE_FAMILY(sth, 2)
STORE_FAMILY(stw, 4)
STORE(std, DS, false, 8)
STORE(stdu, DS, true, 8)
STORE(stdx, X, false, 8)
STORE(stdux, X, true, 8)
#undef STORE_FAMILY
#undef STORE

#define REVERSE(bits, suffix)                                                                      \
    bool build_l##suffix##brx(Builder *build)                                                      \
    {                                                                                              \
        return load(build, FORM_X, false, bits / 8, false, true);                                  \
    }                                                                                              \
    bool build_st##suffix##brx(Builder *build)                                                     \
    {                                                                                              \
        return store(build, FORM_X, false, bits / 8, true);                                        \
    }
REVERSE(16, h)
REVERSE(32, w)
REVERSE(64, d)
#undef REVERSE

/* dcbst and its like: no caches, but the access must be allowed. */
bool build_probe(Builder *build)
{
    Ref ea = address(build, FORM_X, false);
    build_node(build, IR_PROBE)->a = ea;
    return true;
}

bool build_dcbz(Builder *build)
{
    unsigned size = build->cpu->model->dcbz_size;
    Ref ea = address(build, FORM_X, false);
    Ref block = build_op(build, IR_AND, ea, build_const(build, ~(uint64_t)(size - 1)));
    IrNode *node = build_node(build, IR_ZERO);
    node->a = block;
    node->size = (uint8_t)size;
    return true;
}
