/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX logical operations, and shifts and rotates of elements and of the whole register.
 *
 * vsl and vsr shift by the low three bits of VRB. The book wants those bits equal in every byte and
 * leaves the result undefined otherwise; here the last byte always decides.
 */
#include "machine/cpu/vector-lanes.h"

QUAD_2(vand, a &b)
QUAD_2(vandc, a & ~b)
QUAD_2(vor, a | b)
QUAD_2(vorc, a | ~b)
QUAD_2(vxor, a ^ b)
QUAD_2(vnor, ~(a | b))
QUAD_2(vnand, ~(a &b))
QUAD_2(veqv, ~(a ^ b))
QUAD_3(vsel, (a & ~c) | (b & c))

/* Elements. The count is taken modulo the element's size. */
LANES(vslb, uint8_t, b, a << (b & 7))
LANES(vslh, uint16_t, h, a << (b & 15))
LANES(vslw, uint32_t, w, a << (b & 31))
LANES(vsld, uint64_t, d, a << (b & 63))
LANES(vsrb, uint8_t, b, a >> (b & 7))
LANES(vsrh, uint16_t, h, a >> (b & 15))
LANES(vsrw, uint32_t, w, a >> (b & 31))
LANES(vsrd, uint64_t, d, a >> (b & 63))
LANES(vsrab, int8_t, b, a >> (b & 7))
LANES(vsrah, int16_t, h, a >> (b & 15))
LANES(vsraw, int32_t, w, a >> (b & 31))
LANES(vsrad, int64_t, d, a >> (b & 63))

static inline uint32_t rotate32(uint32_t value, unsigned count)
{
    return value << (count & 31) | value >> (-count & 31);
}

static inline uint64_t rotate64(uint64_t value, unsigned count)
{
    return value << (count & 63) | value >> (-count & 63);
}

LANES(vrlb, uint8_t, b, a << (b & 7) | a >> (-b & 7))
LANES(vrlh, uint16_t, h, a << (b & 15) | a >> (-b & 15))
LANES(vrlw, uint32_t, w, rotate32(a, b))
LANES(vrld, uint64_t, d, rotate64(a, (unsigned)b))

/*
 * Rotate and mask: a byte each of VRB's element holds the mask's first bit, its last bit and the
 * count, from the left. The mask wraps when it begins after its end.
 */
static inline uint64_t mask64(unsigned begin, unsigned end)
{
    uint64_t from = ~0ull >> (begin & 63), until = ~0ull << (~end & 63);
    return (begin & 63) <= (end & 63) ? from & until : from | until;
}

static inline uint32_t mask32(unsigned begin, unsigned end)
{
    uint32_t from = ~0u >> (begin & 31), until = ~0u << (~end & 31);
    return (begin & 31) <= (end & 31) ? from & until : from | until;
}

#define MASK_W mask32(b >> 16, b >> 8)
#define MASK_D mask64((unsigned)(b >> 16), (unsigned)(b >> 8))

LANES(vrlwnm, uint32_t, w, rotate32(a, b) & MASK_W)
LANES(vrldnm, uint64_t, d, rotate64(a, (unsigned)b) & MASK_D)
LANES(vrlwmi, uint32_t, w, (rotate32(a, b) & MASK_W) | (t & ~MASK_W))
LANES(vrldmi, uint64_t, d, (rotate64(a, (unsigned)b) & MASK_D) | (t & ~MASK_D))

/* The whole register. */
QUAD_2(vsl, a << (unsigned)(b & 7))
QUAD_2(vsr, a >> (unsigned)(b & 7))
QUAD_2(vslo, a << (unsigned)(b & 0x78))
QUAD_2(vsro, a >> (unsigned)(b & 0x78))

/* Each byte with the byte after it (before it), shifted by its own count; zero beyond the ends. */
ELEMENTS(vslv, VSR_B, 16,
         (VSR_B(va, i) << 8 | (i < 15 ? VSR_B(va, i + 1) : 0)) >> (8 - (VSR_B(vb, i) & 7)))
ELEMENTS(vsrv, VSR_B, 16, ((i ? VSR_B(va, i - 1) : 0) << 8 | VSR_B(va, i)) >> (VSR_B(vb, i) & 7))

/* Sixteen of the 32 bytes VRA || VRB, from byte SHB on. */
ExecStatus op_vsldoi(Cpu *cpu, const Insn *insn)
{
    const Quad a = cpu->s.vsr[insn->a].q, b = cpu->s.vsr[insn->b].q;
    const unsigned shift = INSN_BITS(insn, 22, 25) * 8;
    cpu->s.vsr[insn->t].q = shift ? a << shift | b >> (128 - shift) : a;
    return EXEC_NEXT;
}
