/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of moves from and to special registers that are storage, and of priority hints
 * (Power ISA 3.0B, Book II 3.1; Book III 4.4).
 */
#include "machine/cpu/model.h"
#include "machine/cpu/priority.h"
#include "machine/cpu/spr.h"
#include "machine/translator/build-rows.h"

#define T (build->insn->t)

#define STATE_OF_SPR(number) (offsetof(Cpu, s.spr) + 8 * (uint64_t)(number))

static Ref get_state(Builder *build, uint64_t offset)
{
    build_node(build, IR_GET_STATE)->imm = offset;
    return build_last(build);
}

static void set_state(Builder *build, uint64_t offset, Ref value)
{
    IrNode *node = build_node(build, IR_SET_STATE);
    node->imm = offset;
    node->a = value;
}

bool build_mfspr(Builder *build)
{
    unsigned number = insn_spr(build->insn);
    if (number == SPR_LR || number == SPR_CTR) {
        build_set(build, T, build_get(build, number == SPR_LR ? HOME_LR : HOME_CTR));
        return true;
    }
    int place = spr_storage(build->cpu, number, false);
    if (place < 0)
        return false;
    build_set(build, T, get_state(build, STATE_OF_SPR(place)));
    return true;
}

bool build_mtspr(Builder *build)
{
    unsigned number = insn_spr(build->insn);
    if (number == SPR_LR || number == SPR_CTR) {
        build_set(build, number == SPR_LR ? HOME_LR : HOME_CTR, build_get(build, T));
        return true;
    }
    int place = spr_storage(build->cpu, number, true);
    if (place < 0)
        return false;
    set_state(build, STATE_OF_SPR(place), build_get(build, T));
    return true;
}

bool build_mfmsr(Builder *build)
{
    build_set(build, T, get_state(build, offsetof(Cpu, s.msr)));
    return true;
}

void build_priority(Builder *build, unsigned hint)
{
    uint64_t priority = build->cpu->model->is_64bit ? priority_of_hint(build->cpu, hint) : 0;
    if (!priority)
        return;
    Ref rest = build_op(build, IR_AND, get_state(build, STATE_OF_SPR(SPR_PPR)),
                        build_const(build, ~PRIORITY_MASK));
    set_state(build, STATE_OF_SPR(SPR_PPR),
              build_op(build, IR_OR, rest, build_const(build, priority << PRIORITY_SHIFT)));
}
