/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/known.h"

#include <signal.h>
#include <string.h>

typedef struct {
    const char *row;   /* name; a * at the end stands for any rest */
    const char *order; /* "le", "be", "g4" or "" for all */
    const char *reason;
} Unusable;

static const Unusable unusable[] = {
    { "lmw", "le", "the emulator ends on the alignment interrupt" },
    { "stmw", "le", "the emulator ends on the alignment interrupt" },
    { "lsw*", "le", "the emulator ends on the alignment interrupt" },
    { "stsw*", "le", "the emulator ends on the alignment interrupt" },
    { "eciwx", "g4", "the emulator does not look at EAR" },
    { "ecowx", "g4", "the emulator does not look at EAR" },
    { "wait", "", "the emulator ends" },
    { "copy", "", "the emulator takes it for illegal" },
    { "paste.", "", "the emulator takes it for illegal" },
    { "sc", "", "would be a system call of the runner" },
    { "scv", "", "would be a system call of the runner" },
    { "mftb", "", "the emulator's time base runs on the host's clock" },
    { "darn", "", "the emulator's value is random" },
    { "icbt", "", "the emulator takes it for illegal" },
    { "reserved-nop", "", "the emulator takes it for illegal" },
    { "rfebb", "", "the emulator takes it for illegal in problem state" },
    { "clrbhrb", "", "the emulator takes it for illegal" },
    { "mfbhrbe", "", "the emulator takes it for illegal" },
};

/* --- when an explanation applies ---------------------------------------------------------------
 */

/* One case and both results. */
typedef struct {
    const Row *row;
    const Image *input, *ours, *theirs;
    uint32_t word; /* the tested instruction, the second of a pair */
    const uint64_t *target_ours, *target_theirs, *target_input; /* the vsr that is written */
} Case;

#define FPSCR_EXCEPTIONS 0x1ff80700u
#define FPSCR_INVALID    0x01f80700u
#define FPSCR_VE         0x80u
#define FPSCR_C          0x10000u
#define NOP              0x60000000u

static unsigned field_a(const Case *c)
{
    return c->word >> 16 & 31;
}

static unsigned field_b(const Case *c)
{
    return c->word >> 11 & 31;
}

static bool always(const Case *c)
{
    return true;
}

static bool is_trapped(const Case *c)
{
    return c->ours->signal == SIGFPE;
}

static bool no_new_exception(const Case *c)
{
    return !(c->ours->fpscr & ~c->input->fpscr & FPSCR_EXCEPTIONS) && !(c->ours->fpscr >> 31 & 1);
}

static bool new_exception(const Case *c)
{
    return c->ours->fpscr & ~c->input->fpscr & FPSCR_EXCEPTIONS;
}

/* The emulator did not write the result of an instruction that trapped on what it rounded to. */
static bool trapped_unwritten(const Case *c)
{
    return is_trapped(c) && c->theirs->signal == SIGFPE &&
           !memcmp(c->target_theirs, c->target_input, 16);
}

static bool invalid_trapped(const Case *c)
{
    return c->ours->fpscr & FPSCR_VE && c->ours->fpscr & FPSCR_INVALID;
}

/* Ours is a denormalized number where theirs is a normal one: they look at the double. */
static bool denormal_single(const Case *c)
{
    uint64_t class = c->ours->fpscr & 0x1f000;
    return class == (FPSCR_C | 0x4000) || class == (FPSCR_C | 0x8000);
}

/* A single-precision number as an integer in which neighbours differ by one. */
static uint32_t single_of(uint64_t value)
{
    double wide;
    memcpy(&wide, &value, sizeof wide);
    float narrow = (float)wide;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

static bool are_neighbours(const Case *c)
{
    const uint64_t *a = c->target_ours, *b = c->target_theirs;
    const char *name = c->row->name;

    if (strstr(name, "qp")) {
        unsigned __int128 wide_a = (unsigned __int128)a[0] << 64 | a[1];
        unsigned __int128 wide_b = (unsigned __int128)b[0] << 64 | b[1];
        return wide_a - wide_b + 1 <= 2;
    }
    if (name[1] == 'v' && g_str_has_suffix(name, "sp")) {
        for (unsigned i = 0; i < 4; i++) {
            unsigned shift = i & 1 ? 0 : 32;
            if ((uint32_t)(a[i / 2] >> shift) - (uint32_t)(b[i / 2] >> shift) + 1 > 2)
                return false;
        }
        return true;
    }
    if (name[1] != 'v' &&
        (g_str_has_suffix(name, "sp") || strstr(name, "adds") || strstr(name, "subs")))
        return single_of(a[0]) - single_of(b[0]) + 1 <= 2;
    return a[0] - b[0] + 1 <= 2 && a[1] - b[1] + 1 <= 2;
}

/* Directed rounding, and results that are neighbours. */
static bool rounded_before_negation(const Case *c)
{
    return (c->input->fpscr & 3) >= 2 && are_neighbours(c);
}

/* A result whose exponent was wrapped because the overflow or underflow exception is enabled. */
static bool exponent_wrapped(const Case *c)
{
    return is_trapped(c) && ((c->ours->fpscr & 0x10000040) == 0x10000040 ||
                             (c->ours->fpscr & 0x08000020) == 0x08000020);
}

/* FPSCR.RN other than 0 where the instruction says to take it from there. */
static bool rounding_from_fpscr(const Case *c)
{
    return !(c->word >> 16 & 1) && (c->word >> 9 & 3) == 3 && (c->input->fpscr & 3);
}

static bool converts_nan(const Case *c)
{
    return c->ours->fpscr & 0x01000100;
}

static bool bcd_result_is_zero(const Case *c)
{
    return (c->ours->cr >> 4 & 15) == 2;
}

static bool it_says_equal(const Case *c)
{
    return (c->theirs->cr >> 4 & 2) && !(c->ours->cr >> 4 & 2);
}

static bool target_is_b(const Case *c)
{
    return (c->word >> 21 & 31) == field_b(c);
}

static bool is_single(uint64_t value)
{
    uint64_t exponent = value >> 52 & 0x7ff;
    if (exponent == 0)
        return !(value << 1);
    if (exponent < 874)
        return false;
    if (exponent < 897)
        return !(value & ((1ull << (29 + 897 - exponent)) - 1));
    return (exponent < 1151 || exponent == 0x7ff) && !(value & 0x1fffffff);
}

/* An operand of a single-precision instruction is not a single. */
static bool operand_not_single(const Case *c)
{
    unsigned a = field_a(c), b = field_b(c), third = c->word >> 6 & 31;
    if (c->row->name[0] == 'x') {
        a |= (c->word >> 2 & 1) << 5;
        b |= (c->word >> 1 & 1) << 5;
        third = (c->word >> 21 & 31) | (c->word & 1) << 5;
        if (!strstr(c->row->name, "madd") && !strstr(c->row->name, "msub"))
            third = b;
    }
    return !is_single(c->input->vsr[a][0]) || !is_single(c->input->vsr[b][0]) ||
           !is_single(c->input->vsr[third][0]);
}

static bool underflow_enabled(const Case *c)
{
    return c->input->fpscr & 0x20;
}

static bool code_24(const Case *c)
{
    return field_b(c) == 24;
}

static bool failed_code_24(const Case *c)
{
    return code_24(c) && c->ours->gpr[c->word >> 21 & 31] == 1ull << 63;
}

static bool infinity_times_zero(const Case *c)
{
    return c->ours->fpscr & 0x00100000;
}

static bool is_nan(uint64_t value)
{
    return value << 1 > 0xffe0000000000000ull;
}

static const uint64_t *vsx_a(const Case *c)
{
    return c->input->vsr[field_a(c) | (c->word >> 2 & 1) << 5];
}

static const uint64_t *vsx_b(const Case *c)
{
    return c->input->vsr[field_b(c) | (c->word >> 1 & 1) << 5];
}

static bool zeros(const Case *c)
{
    return !(vsx_a(c)[0] << 1) && !(vsx_b(c)[0] << 1);
}

static bool nans(const Case *c)
{
    return is_nan(vsx_a(c)[0]) && is_nan(vsx_b(c)[0]);
}

static bool length_looks_negative(const Case *c)
{
    return c->input->vsr[32 + field_a(c)][0] & 0x8000;
}

/* The operand is a single's denormal, or smaller. */
static bool below_normal_single(const Case *c)
{
    uint64_t value = vsx_b(c)[0];
    return (value >> 52 & 0x7ff) < 897 && value << 1;
}

/* Only one side overflows, since it rounds the other way. */
static bool overflow_depends(const Case *c)
{
    return (c->input->fpscr & 3) >= 2 && ((c->ours->fpscr ^ c->theirs->fpscr) & 0x10000000);
}

static bool odd_rounding_matters(const Case *c)
{
    return are_neighbours(c) || !(c->target_ours[0] << 1 | c->target_ours[1]);
}

static bool vsx_operand_is_zero(const Case *c)
{
    return !(vsx_b(c)[0] << 1);
}

static bool quotient_overflows(const Case *c)
{
    __int128 dividend = (__int128)((unsigned __int128)c->input->gpr[field_a(c)] << 64);
    int64_t divisor = (int64_t)c->input->gpr[field_b(c)];
    if (divisor == 0)
        return false;
    return divisor == -1 || dividend / divisor != (int64_t)(dividend / divisor);
}

static bool reservation_of_other_size(const Case *c)
{
    static const uint16_t opcode[] = { [1] = 52, [2] = 116, [4] = 20, [8] = 84, [16] = 276 };
    return c->input->code[0] != NOP && (c->input->code[0] >> 1 & 0x3ff) != opcode[c->row->size];
}

static bool code_25(const Case *c)
{
    return field_b(c) == 25;
}

static bool code_28(const Case *c)
{
    return field_b(c) == 28;
}

static bool base_is_r0(const Case *c)
{
    return field_a(c) == 0;
}

static bool operand_is_zero(const Case *c)
{
    return !(c->input->vsr[field_b(c)][0] << 1);
}

/* An element that starts so late that it would leave the register. */
/* NaN operands of a compare. */
static bool is_unordered(const Case *c)
{
    return c->ours->fpscr & 0x1000;
}

static bool element_leaves(const Case *c)
{
    const char *name = c->row->name;
    unsigned size = strstr(name, "d") ? 8 : strstr(name, "uw") ? 4 : strstr(name, "uh") ? 2 : 4;
    unsigned start = field_a(c) & 15;
    if (g_str_has_prefix(name, "vextu"))
        start = (unsigned)c->input->gpr[field_a(c)] & 15;
    return start + size > 16;
}

/* A word divided by zero, or the most negative one by -1. */
static bool quotient_undefined(const Case *c)
{
    uint32_t dividend = (uint32_t)c->input->gpr[field_a(c)];
    uint32_t divisor = (uint32_t)c->input->gpr[field_b(c)];
    bool is_unsigned = g_str_has_prefix(c->row->name, "divwu");
    return !divisor || (!is_unsigned && dividend == 0x80000000 && divisor == UINT32_MAX);
}

static bool counts_down(const Case *c)
{
    return !(c->word >> 23 & 1);
}

static bool invalid_update(const Case *c)
{
    bool loads_gpr = c->row->name[0] == 'l' && c->row->name[1] != 'f';
    return field_a(c) == 0 || (loads_gpr && field_a(c) == (c->word >> 21 & 31));
}

static bool bcd_is_invalid(const Case *c)
{
    return (c->ours->cr >> 4 & 15) == 1;
}

static bool overflow_hides_underflow(const Case *c)
{
    return (c->ours->fpscr & 0x18000000) == 0x18000000;
}

/* R=0 with RMC 1 or 2. */
static bool reserved_rounding(const Case *c)
{
    unsigned rmc = c->word >> 9 & 3;
    return !(c->word >> 16 & 1) && (rmc == 1 || rmc == 2);
}

/*
 * Each entry has a vector of the same name in tests/vectors/differences.txt: the smallest case
 * found, with the result that the book gives. The test checks that ours is that result and the
 * emulator's is not.
 */
typedef struct {
    const char *name;
    const char *rows; /* patterns separated by spaces */
    bool (*when)(const Case *c);
    const char *results; /* names of image.h, separated by spaces; &MASK takes some bits */
    const char
        *why; /* section of the book (Power ISA 3.0B) and what it says; "it" is the emulator */
    enum { FOR_WIDE, FOR_NARROW, FOR_BOTH } models; /* 64-bit, 32-bit */
} Known;

static bool is_for(const Known *entry, bool narrow)
{
    return entry->models == FOR_BOTH || entry->models == (narrow ? FOR_NARROW : FOR_WIDE);
}

static const Known known[] = {
    { "fr", "f* xs*", always, "fpscr.FR",
      "I 4.2.2: FR tells whether rounding incremented; it never changes FR", FOR_BOTH },
    { "fx-sticky", "*", no_new_exception, "fpscr.FX cr&08000000",
      "I 4.2.2: FX is set when an exception bit goes from 0 to 1", FOR_BOTH },
    { "fx-mtfsb1", "mtfsb1*", new_exception, "fpscr.FX cr&08000000",
      "I 4.2.2: every instruction but mtfsf and mtfsfi sets FX", FOR_BOTH },
    { "ni", "mtfsb1*", always, "fpscr.NI", "I 4.2.2: NI is a bit of the register", FOR_BOTH },
    { "fcmp-fi", "fcmp*", always, "fpscr.FI",
      "I 4.6.8: fcmpu and fcmpo alter FPCC and invalid-operation bits only", FOR_BOTH },
    { "fcmpo-vxvc", "fcmpo", invalid_trapped, "fpscr.VXVC",
      "I 4.6.8: if an operand signals, VXVC is set only while VE is 0", FOR_BOTH },
    { "fcmpo-c", "fcmpo", is_unordered, "fpscr&10000", "I 4.6.8: C is not altered", FOR_BOTH },
    { "invalid-fi", "f* xs*", invalid_trapped, "fpscr.FI", "I 4.4.1.2: FR and FI are cleared",
      FOR_BOTH },
    { "cr1-trapped", "f*.", is_trapped, "cr.CR1",
      "I 2.3.1: CR1 is a copy of FPSCR 32-35 after the instruction", FOR_BOTH },
    { "class-single", "f*s f*s. frsp* xs*sp xscvqpdp* xscvdphp", denormal_single, "fpscr&10000",
      "I 7.6: the class is that of the result in its own format", FOR_BOTH },
    { "negate", "fnm* xsnm*p xvnm*", rounded_before_negation,
      "vsrT vsxT fpscr.FPRF fpscr.OX fpscr.FEX cr.CR1 signal nip", "I 4.6.6: rounds, then negates",
      FOR_BOTH },
    { "negate-overflow", "fnm* xsnm*p xvnm* xsnm*qp", overflow_depends,
      "vsrT vsxT vmxT fpscr cr.CR1 signal nip", "I 4.6.6: rounds, then negates", FOR_BOTH },
    { "negate-quad", "xsnm*qp", rounded_before_negation,
      "vmxT fpscr.FPRF fpscr.OX fpscr.FEX signal nip", "I 7.6: rounds, then negates" },
    { "odd-quad", "xsnmsubqpo", odd_rounding_matters,
      "vmxT fpscr.FPRF fpscr.OX fpscr.FEX signal nip", "I 7.6: RO=1 rounds to odd" },
    { "wrapped-convert", "frsp* xsrsp xscvdpsp xscvdphp xvcvsphp", exponent_wrapped,
      "vsrT vsxT.d0 fpscr.FPRF",
      "I 4.4.3, 7.4.3: the exponent changes by 192; what lies outside even so is undefined",
      FOR_BOTH },
    { "double-rounding", "f*s f*s. xs*sp", operand_not_single,
      "vsrT vsxT fpscr&fffff000 cr.CR1 signal nip",
      "I 4.3.5.1, 7.6: one rounding, or undefined, with operands that are no singles; it rounds "
      "twice",
      FOR_BOTH },
    { "max-underflow", "xsma??p xsmi??p xvma??p xvmi??p", underflow_enabled,
      "vsxT fpscr.FX fpscr.FEX fpscr.UX signal nip",
      "I 7.6: the operand as it is, and no underflow" },
    { "max-c-zero", "xsmaxcdp xsmincdp", zeros, "vsxT",
      "I 7.6: the second operand unless the first is greater (less); it takes the first of two "
      "zeros" },
    { "max-j-nan", "xsmaxjdp xsminjdp", nans,
      "fpscr.FX fpscr.FEX fpscr.VX fpscr.VXSNAN vsxT signal nip",
      "I 7.6: VXSNAN is set if either operand signals" },
    { "product-snan", "*madd* *msub*", infinity_times_zero, "fpscr.VXSNAN",
      "I 7.6: infinity times zero and a signalling addend set both VXIMZ and VXSNAN" },
    { "estimate-zero", "xsresp xsredp xsrsqrte?p", vsx_operand_is_zero, "vsxT fpscr.FPRF",
      "I 7.6: an enabled zero divide exception leaves the target" },
    { "estimate-zx", "xsredp xsresp xsrsqrtedp xsrsqrtesp xvre* xvrsqrte*", always,
      "fpscr.FX fpscr.ZX fpscr.FEX signal nip",
      "I 7.6: a zero operand is a zero divide exception" },
    { "class-test", "xststdcsp", below_normal_single, "cr fpscr.FPRF",
      "I 7.6: what is smaller than a normal single is denormal, not zero" },
    { "trapped-unwritten", "f* xs*", trapped_unwritten, "vsrT vsxT fpscr.FPRF",
      "I 4.4.5: an enabled inexact exception delivers the result" },
    { "convert-class", "fcfids* fcfidu*", always, "fpscr.FPRF", "I 4.6.7.1: FPRF is set" },
    { "fre-zero", "fre fre. fres fres.", operand_is_zero, "vsrT fpscr.FPRF",
      "I 4.6.6: the estimate of 1/0 is infinity; it gives a half", FOR_BOTH },
    { "compare-trapped", "xscmp??dp xvcmp*", invalid_trapped, "vsxT cr.CR6 signal nip",
      "I 7.6: an enabled exception is taken and leaves the target" },
    { "vector-trapped", "xv*", is_trapped, "vsxT fpscr cr.CR6",
      "I 7.6: an enabled exception leaves the target; all elements are looked at" },
    { "vector-underflow", "xv*", overflow_hides_underflow, "fpscr.UX fpscr.FEX signal nip vsxT",
      "I 7.4.4: every element's exceptions are recorded" },
    { "vector-fr-fi", "xv*", always, "fpscr.FR fpscr.FI",
      "I 7.6: vector instructions do not alter FR, FI and FPRF" },
    { "vector-nan", "xvcv?p?x?s", converts_nan, "vsxT",
      "I 7.6: each element by itself; it carries a NaN over to the next" },
    { "quad-rounding", "xsrqpi* xsrqpxp", rounding_from_fpscr,
      "vmxT fpscr.FPRF fpscr.FI fpscr.XX fpscr.OX fpscr.FX", "I 7.6: RMC 3 rounds as FPSCR says" },
    { "quad-reserved", "xsrqpi* xsrqpxp", reserved_rounding, "all",
      "I 7.6: values of R and RMC that are reserved" },
    { "vrldmi", "vrldmi", always, "vmxT", "I 6.9.2: bits outside the mask stay; it clears them" },
    { "vexptefp", "vexptefp", always, "vmxT", "I 6.10.5: within 1/16 of the power; it is not",
      FOR_BOTH },
    { "element-leaves", "vextractu* vextractd vextu?lx vextu?rx xxextractuw xxinsertw",
      element_leaves, "vmxT vsxT gprT",
      "I 6.8.5, 7.6: undefined if the element leaves the register" },
    { "bcd-zero", "bcdadd. bcdsub.", bcd_result_is_zero, "vmxT.d1&f cr&c0",
      "I 6.17: a zero is positive, and neither less nor greater" },
    { "bcd-invalid-cr", "bcdadd. bcdsub. bcdctz. bcdctn. bcdctsq. bcdsetsgn. bcdcpsgn.",
      bcd_is_invalid, "cr.CR6", "I 6.17: an invalid operand sets SO alone" },
    { "bcd-invalid", "bcd*", bcd_is_invalid, "vmxT", "I 6.17: undefined with an invalid operand" },
    { "bcd-source", "bcds. bcdsr. bcdtrunc. bcdutrunc. bcdus.", it_says_equal, "cr&e0",
      "I 6.17: CR6 tells of the source, not of what is left of it" },
    { "bcd-length", "bcdtrunc. bcdutrunc.", length_looks_negative, "vmxT cr.CR6",
      "I 6.17: the length is an unsigned halfword" },
    { "bcd-alias", "bcdctsq. bcdcpsgn.", target_is_b, "vmxT cr.CR6",
      "I 6.17: operands are read before the target is written" },
    { "bcdus-zero", "bcdus.", bcd_result_is_zero, "cr&10",
      "I 6.17: zeros shifted out are not lost" },
    { "bcdus-sign", "bcdus.", always, "cr&c0",
      "I 6.17: unsigned numbers are never less than zero" },
    { "load-scalar", "lxsdx lxsspx lxsiwax lxsiwzx lxsibzx lxsihzx mtvsrd mtvsrwa mtvsrwz", always,
      "vsxT.d1", "I 7.6: doubleword 1 is zero or undefined; it keeps the old one" },
    { "vscr", "mtvscr", always, "vscr&fffffffffffefffe",
      "I 6.4: all bits but NJ and SAT are reserved", FOR_BOTH },
    { "vrsave", "mtspr", always, "vrsave&ffffffff00000000", "I 3.2.3: VRSAVE has 32 bits" },
    { "xer", "mtspr", always, "xer&ffffffff1ff3ff80", "I 3.2.2: reserved bits" },
    { "divde", "divde*", quotient_overflows, "gprT xer.SO xer.OV xer.OV32 cr.CR0",
      "I 3.3.9: OV is set when the quotient does not fit; it overlooks some" },
    { "reserve-size", "stbcx. sthcx. stwcx. stdcx. stqcx.", reservation_of_other_size,
      "cr.CR0 window", "II 4.6.2: undefined whether the store is done" },
    { "stqcx", "stqcx.", always, "cr.CR0 window", "II 4.6.2: the store is done" },
    { "amo-upper", "lwat", code_24, "gprT&ffffffff00000000", "II 4.5: RT 0:31 are 0" },
    { "amo-sign", "ldat", failed_code_24, "gprT",
      "II 4.5: the result of a failed bounded increment is the sign bit alone" },
    { "amo-equal", "l?at", code_25, "all", "II 4.5: code 25 is fetch and increment equal" },
    { "amo-decrement", "l?at", code_28, "gprT window",
      "II 4.5: code 28 compares with what stands before; it takes what stands behind" },
    { "dst", "dst*", base_is_r0, "all",
      "II 4.3: data streams do nothing; it takes some for illegal", FOR_BOTH },
    { "xer-bits", "mtspr", always, "xer&1fffff80", "2.1.4 of the PEM: reserved bits", FOR_NARROW },
    { "divide", "divw*", quotient_undefined, "gprT cr.CR0",
      "PEM 8.2, divwx: the quotient is undefined", FOR_NARROW },
    { "count-branch", "bcctr*", counts_down, "all", "PEM 8.2, bcctrx: an invalid form",
      FOR_NARROW },
    { "update-form", "l*u l*ux st*u st*ux", invalid_update, "all",
      "PEM 8.2: an invalid form, which these processors execute; it refuses it", FOR_NARROW },
};

/* --- matching ----------------------------------------------------------------------------------
 */

static bool name_matches(const char *patterns, const char *name)
{
    g_auto(GStrv) list = g_strsplit(patterns, " ", -1);
    for (char **pattern = list; *pattern; pattern++)
        if (g_pattern_match_simple(*pattern, name))
            return true;
    return false;
}

/* Adds the bits of NAME, or NAME&BITS, to MASK. */
static void add_bits(const char *name, uint32_t word, Image *mask)
{
    g_auto(GStrv) parts = g_strsplit(name, "&", 2);
    uint64_t kept = parts[1] ? g_ascii_strtoull(parts[1], NULL, 16) : UINT64_MAX;
    Image whole = { 0 };

    if (!image_name_mask(parts[0], word, &whole))
        g_error("known.c: no field is called %s", parts[0]);
    for (size_t i = 0; i < STATE_SIZE / 8; i++)
        ((uint64_t *)mask)[i] |= ((uint64_t *)&whole)[i] & kept;
}

/* The register that bits 6-10 name, for what is compared with what it held before. */
static unsigned target_vsr(const Row *row, uint32_t word)
{
    unsigned t = word >> 21 & 31;
    bool quad = strstr(row->name, "qp") != NULL;
    if (row->name[0] == 'v' || quad || g_str_has_prefix(row->name, "bcd"))
        return t + 32;
    return row->name[0] == 'x' ? t + 32 * (word & 1) : t;
}

void known_differences(const Row *row, const Image *input, const Image *ours, const Image *theirs,
                       const char *without, Image *mask)
{
    uint32_t word = row->flags & ROW_CONDITIONAL ? input->code[1] : input->code[0];
    unsigned target = target_vsr(row, word);
    Case c = {
        row, input, ours, theirs, word, ours->vsr[target], theirs->vsr[target], input->vsr[target]
    };

    memset(mask, 0, sizeof *mask);
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        const Known *entry = &known[i];
        if (!is_for(entry, row->flags & ROW_NARROW) || !name_matches(entry->rows, row->name) ||
            !entry->when(&c) || !g_strcmp0(entry->name, without))
            continue;
        g_auto(GStrv) names = g_strsplit(entry->results, " ", -1);
        for (char **name = names; *name; name++)
            add_bits(*name, word, mask);
    }
}

const char *known_unusable(const Row *row, bool little_endian)
{
    const char *order = row->flags & ROW_NARROW ? "g4" : little_endian ? "le" : "be";
    for (size_t i = 0; i < G_N_ELEMENTS(unusable); i++)
        if (name_matches(unusable[i].row, row->name) &&
            (!*unusable[i].order || !strcmp(unusable[i].order, order)))
            return unusable[i].reason;
    return NULL;
}

bool known_is_for(unsigned number, bool narrow)
{
    return is_for(&known[number], narrow);
}

const char *known_name(unsigned number)
{
    return number < G_N_ELEMENTS(known) ? known[number].name : NULL;
}
