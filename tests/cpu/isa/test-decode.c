/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder: rows, operand bytes, and which interrupt stands in for an instruction. */

#include "machine/cpu/decode.h"
#include "machine/cpu/disassemble.h"
#include "machine/cpu/mode.h"
#include "machine/cpu/ops.h"
#include "tests/check-run.h"

#define ALL_FACILITIES (MSR_SF | MSR_FP | MSR_VEC | MSR_VSX)

static Insn decode(uint32_t word, uint64_t msr)
{
    Insn insn;
    insn_decode(&cpu_model_power9, mode_key_of(msr), word, &insn);
    return insn;
}

START_TEST(every_row_finds_itself)
{
    for (unsigned i = 0; i < ISA_ROW_COUNT; i++) {
        const IsaRow *row = &isa_rows[i];
        ck_assert_uint_eq(row->word & ~row->mask, 0);
        ck_assert_uint_eq(row->mask & row->reserved, 0);
        ck_assert_ptr_eq(isa_lookup(row->word, row->families), row);
        ck_assert_ptr_eq(isa_lookup(row->word | row->reserved, row->families), row);
        ck_assert_ptr_eq(isa_lookup(row->word | ~row->mask, row->families), row);
    }
}
END_TEST

START_TEST(every_power9_row_has_a_function)
{
    for (unsigned i = 0; i < ISA_ROW_COUNT; i++) {
        if (isa_rows[i].families & FAMILY_P9)
            ck_assert_msg(isa_rows[i].function != NULL, "%s has none", isa_rows[i].name);
    }
}
END_TEST

/* A table look-up and a search through all rows agree, which also shows that rows do not overlap.
 */
START_TEST(lookup_equals_search)
{
    uint64_t random = 1;
    for (unsigned round = 0; round < 200000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t word = (uint32_t)(random >> 32);
        if (round & 1) /* dense opcodes, few operands */
            word &= 0xfc0007ff | (uint32_t)random << 11;
        unsigned matches = 0;
        const IsaRow *found = NULL;
        for (unsigned i = 0; i < ISA_ROW_COUNT; i++) {
            if ((word & isa_rows[i].mask) == isa_rows[i].word && isa_rows[i].families & FAMILY_P9) {
                found = &isa_rows[i];
                matches++;
            }
        }
        if (matches > 1 || isa_lookup(word, FAMILY_P9) != found)
            ck_abort_msg("%08x: %u rows match", word, matches);
    }
}
END_TEST

START_TEST(operand_bytes)
{
    static const struct {
        uint32_t word;
        uint8_t t, a, b, c;
    } cases[] = {
        { 0x7c642a14, 3, 4, 5, 8 },     /* add r3,r4,r5 */
        { 0xfc4328fa, 2, 3, 5, 3 },     /* fmadd f2,f3,f3,f5 */
        { 0x1043292a, 34, 35, 37, 36 }, /* vsel v2,v3,v5,v4 */
        { 0x10432800, 34, 35, 37, 0 },  /* vaddubm v2,v3,v5 */
        { 0xf0432cd7, 34, 35, 37, 19 }, /* xxlxor vs34,vs35,vs37: AX BX TX */
        { 0xf04329bf, 34, 35, 37, 38 }, /* xxsel vs34,vs35,vs37,vs38 */
        { 0xf4430019, 34, 3, 0, 0 },    /* lxv vs34,16(r3): TX is bit 28 */
        { 0x7f041800, 6, 4, 3, 0 },     /* cmp cr6,0,r4,r3 */
        { 0x4f1c0000, 6, 7, 0, 0 },     /* mcrf cr6,cr7 */
        { 0xfe04a800, 4, 4, 21, 0 },    /* fcmpu cr4,f4,f21 */
        { 0x4c422202, 2, 2, 4, 8 },     /* crand: plain bit numbers */
        { 0x7c7c0100, 3, 7, 0, 4 },     /* setb r3,cr7 */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Insn insn = decode(cases[i].word, ALL_FACILITIES);
        ck_assert_ptr_ne((void *)insn.execute, (void *)op_illegal);
        ck_assert_uint_eq(insn.word, cases[i].word);
        ck_assert_msg(insn.t == cases[i].t && insn.a == cases[i].a && insn.b == cases[i].b &&
                          insn.c == cases[i].c,
                      "%08x: %u %u %u %u", cases[i].word, insn.t, insn.a, insn.b, insn.c);
    }
}
END_TEST

START_TEST(what_stands_in)
{
    const uint64_t user = ALL_FACILITIES | MSR_PR;
    const struct {
        uint32_t word;
        uint64_t msr;
        ExecFn expected;
    } cases[] = {
        { 0x00000000, user, op_illegal },
        { 0x00000200, 0, op_illegal }, /* attn */
        { 0xec22182a, ALL_FACILITIES, op_fadds },
        { 0xec22182a, user & ~MSR_FP, op_fp_unavailable }, /* fadds */
        { 0xec221804, 0, op_illegal },                     /* dadd, before FP unavailable */
        { 0x7c600124, user, op_privileged },               /* mtmsr */
        { 0x7c600124, MSR_SF, op_mtmsr },
        { 0x4c000224, MSR_SF, op_privileged },               /* hrfid: never for a guest */
        { 0x10432800, user & ~MSR_VEC, op_vec_unavailable }, /* vaddubm */
        { 0x10432800, user & ~MSR_VSX, op_vaddubm },
        { 0xf0432cd7, user & ~MSR_VSX, op_vsx_unavailable }, /* xxlxor of high registers */
        { 0xf4430011, user & ~MSR_VSX, op_vsx_unavailable }, /* lxv vs2 */
        { 0xf4430019, user & ~MSR_VSX, op_lxv },             /* lxv vs34 needs VEC */
        { 0xf4430019, user & ~MSR_VEC, op_vec_unavailable },
        { 0x7c430066, user & ~MSR_FP, op_fp_unavailable }, /* mfvsrd r3,vs2 */
        { 0x7c430067, user & ~MSR_FP, op_mfvsrd },         /* mfvsrd r3,vs34 */
        { 0x7c430067, user & ~MSR_VEC, op_vec_unavailable },
        { 0x7c00051d, user, op_tm_unavailable }, /* tbegin. */
        { 0x7c00075d, user, op_privileged },     /* treclaim. */
        { 0x7c00075d, MSR_SF, op_tm_unavailable },
        { 0x84610004, user, op_lwzu },
        { 0x84600004, user, op_illegal }, /* lwzu r3,4(0) */
        { 0x84630004, user, op_illegal }, /* lwzu r3,4(r3) */
        { 0x94630004, user, op_stwu },    /* stwu r3,4(r3) is fine */
        { 0xe0830000, user, op_lq },
        { 0xe0a30000, user, op_illegal },           /* lq r5 */
        { 0xe0840000, user, op_illegal },           /* lq r4,0(r4) */
        { 0xcc200008, user & ~MSR_FP, op_illegal }, /* lfdu f1,8(0): before FP */
        { 0x7c0004a4, user, op_hint },              /* a reserved no-operation */
        { 0x7c0007fc, user, op_illegal },
        { 0x7ffff7ec, user, op_dcbz }, /* reserved bits 6-10 set */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Insn insn = decode(cases[i].word, cases[i].msr);
        ck_assert_msg(insn.execute == cases[i].expected, "case %u, word %08x", i, cases[i].word);
    }
}
END_TEST

START_TEST(g4_executes_what_power9_refuses)
{
    CpuModel model = cpu_model_power9;
    Insn insn;
    model.families = FAMILY_G4;
    model.is_64bit = false;
    insn_decode(&model, 0, 0x84600004, &insn);
    ck_assert(insn.execute == op_lwzu);
    insn_decode(&model, 0, 0xe8610000, &insn); /* ld */
    ck_assert(insn.execute == op_illegal);
    ck_assert_str_eq(isa_lookup(0x7c0004a6, FAMILY_G4)->name, "mfsr");
    ck_assert_ptr_null(isa_lookup(0x7c0004a6, FAMILY_P9));
}
END_TEST

START_TEST(mode_key_is_what_decoding_needs)
{
    ck_assert_uint_eq(mode_key_of(0), 0);
    ck_assert_uint_ne(mode_key_of(MSR_SF), 0);
    ck_assert_uint_eq(mode_key_of(MSR_EE | MSR_IR | MSR_DR | MSR_RI | MSR_ME), 0);
    ck_assert_uint_eq(mode_key_of(UINT64_MAX),
                      MODE_SF | MODE_VEC | MODE_VSX | MODE_PR | MODE_FP | MODE_LE);
}
END_TEST

START_TEST(effects_say_what_is_used)
{
    const IsaEffects *adde = &isa_effects[ISA_ADDEO_RC];
    ck_assert_uint_eq(adde->reads, ISA_REG_CA | ISA_REG_SO);
    ck_assert_uint_eq(adde->writes, ISA_REG_CA | ISA_REG_OV | ISA_REG_SO | ISA_REG_CR0);
    ck_assert_uint_eq(adde->operand[0], ISA_OPERAND_GPR | ISA_WRITE);
    ck_assert_uint_eq(adde->operand[1], ISA_OPERAND_GPR | ISA_READ);
    const IsaEffects *stwu = &isa_effects[ISA_STWU];
    ck_assert_uint_eq(stwu->operand[0], ISA_OPERAND_GPR | ISA_READ);
    ck_assert_uint_eq(stwu->operand[1], ISA_OPERAND_GPR | ISA_READ | ISA_WRITE);
    ck_assert_uint_eq(stwu->store, 4);
    ck_assert_uint_eq(stwu->load, 0);
    const IsaEffects *xxsel = &isa_effects[ISA_XXSEL];
    ck_assert_uint_eq(xxsel->operand[3], ISA_OPERAND_VSR | ISA_READ);
    ck_assert_uint_eq(isa_effects[ISA_BCLRL].writes, ISA_REG_CTR | ISA_REG_LR);
    ck_assert_uint_eq(isa_effects[ISA_CRAND].operand[0], ISA_OPERAND_CRB | ISA_READ | ISA_WRITE);
    ck_assert_uint_eq(isa_effects[ISA_VCMPEQUB_RC].writes, ISA_REG_CR6);
    ck_assert_uint_eq(isa_effects[ISA_FADD_RC].writes, ISA_REG_FPSCR | ISA_REG_CR1);
    ck_assert(isa_rows[ISA_LWZ].flags & ISA_MAY_FAULT);
    ck_assert(!(isa_rows[ISA_ADD].flags & ISA_MAY_FAULT));
    ck_assert(isa_rows[ISA_BC].flags & ISA_END);
}
END_TEST

START_TEST(text)
{
    static const struct {
        uint32_t word;
        const char *expected;
    } cases[] = {
        { 0x7c642a14, "add r3,r4,r5" },       { 0x60000000, "ori r0,r0,0" },
        { 0x48000011, "bl 0x1010" },          { 0x4082fff0, "bc 4,eq,0xff0" },
        { 0xe8610010, "ld r3,16(r1)" },       { 0x8060fffc, "lwz r3,-4(0)" },
        { 0x786307c6, "rldicr r3,r3,32,31" }, { 0x4c60fffb, ".long 0x4c60fffb" },
        { 0x7c6802a6, "mfspr r3,8" },         { 0xf04329bf, "xxsel vs34,vs35,vs37,vs38" },
        { 0x00000000, ".long 0x0" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = disassemble(cases[i].word, 0x1000, FAMILY_P9);
        ck_assert_str_eq(text, cases[i].expected);
    }
}
END_TEST

START_TEST(models)
{
    ck_assert_ptr_eq(cpu_model_find("power9"), &cpu_model_power9);
    ck_assert_ptr_null(cpu_model_find("power99"));
    ck_assert_ptr_null(cpu_model_find(""));
    for (const char *const *name = cpu_model_names(); *name; name++)
        ck_assert_str_eq(cpu_model_find(*name)->name, *name);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("decode");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_row_finds_itself);
    tcase_add_test(tcase, every_power9_row_has_a_function);
    tcase_add_test(tcase, lookup_equals_search);
    tcase_add_test(tcase, operand_bytes);
    tcase_add_test(tcase, what_stands_in);
    tcase_add_test(tcase, g4_executes_what_power9_refuses);
    tcase_add_test(tcase, mode_key_is_what_decoding_needs);
    tcase_add_test(tcase, effects_say_what_is_used);
    tcase_add_test(tcase, text);
    tcase_add_test(tcase, models);
    Suite *suite = suite_create("cpu-decode");
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
