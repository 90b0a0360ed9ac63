/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMX integer addition, subtraction and what is made of them, element by element.
 *
 * Sums are formed in a wider type, so every row states its result exactly and the conversion back
 * to the element's type is the modulo. Saturating rows set VSCR.SAT when any element passed its
 * bound and never clear it.
 */
#include "machine/cpu/vector-lanes.h"

/* Modulo. */
LANES(vaddubm, uint8_t, b, a + b)
LANES(vadduhm, uint16_t, h, a + b)
LANES(vadduwm, uint32_t, w, a + b)
LANES(vaddudm, uint64_t, d, a + b)
LANES(vsububm, uint8_t, b, a - b)
LANES(vsubuhm, uint16_t, h, a - b)
LANES(vsubuwm, uint32_t, w, a - b)
LANES(vsubudm, uint64_t, d, a - b)
LANES(vnegw, uint32_t, w, 0 - b)
LANES(vnegd, uint64_t, d, 0 - b)

/* Saturating. */
LANES(vaddubs, uint8_t, b, SATURATE(a + b, 0, UINT8_MAX))
LANES(vadduhs, uint16_t, h, SATURATE(a + b, 0, UINT16_MAX))
LANES(vadduws, uint32_t, w, SATURATE((int64_t)a + b, 0, UINT32_MAX))
LANES(vaddsbs, int8_t, b, SATURATE(a + b, INT8_MIN, INT8_MAX))
LANES(vaddshs, int16_t, h, SATURATE(a + b, INT16_MIN, INT16_MAX))
LANES(vaddsws, int32_t, w, SATURATE((int64_t)a + b, INT32_MIN, INT32_MAX))
LANES(vsububs, uint8_t, b, SATURATE(a - b, 0, UINT8_MAX))
LANES(vsubuhs, uint16_t, h, SATURATE(a - b, 0, UINT16_MAX))
LANES(vsubuws, uint32_t, w, SATURATE((int64_t)a - b, 0, UINT32_MAX))
LANES(vsubsbs, int8_t, b, SATURATE(a - b, INT8_MIN, INT8_MAX))
LANES(vsubshs, int16_t, h, SATURATE(a - b, INT16_MIN, INT16_MAX))
LANES(vsubsws, int32_t, w, SATURATE((int64_t)a - b, INT32_MIN, INT32_MAX))

/* Carries, and 128 bits. A subtraction's carry is 1 when nothing was borrowed. */
LANES(vaddcuw, uint32_t, w, ((uint64_t)a + b) >> 32)
LANES(vsubcuw, uint32_t, w, a >= b)
QUAD_2(vadduqm, a + b)
QUAD_2(vaddcuq, quad_carry(a, b, 0))
QUAD_3(vaddeuqm, a + b + (c & 1))
QUAD_3(vaddecuq, quad_carry(a, b, c & 1))
QUAD_2(vsubuqm, a - b)
QUAD_2(vsubcuq, a >= b)
QUAD_3(vsubeuqm, a + ~b + (c & 1))
QUAD_3(vsubecuq, quad_carry(a, ~b, c & 1))

/* Averages round up; absolute differences. */
LANES(vavgub, uint8_t, b, (a + b + 1) >> 1)
LANES(vavguh, uint16_t, h, (a + b + 1) >> 1)
LANES(vavguw, uint32_t, w, ((uint64_t)a + b + 1) >> 1)
LANES(vavgsb, int8_t, b, (a + b + 1) >> 1)
LANES(vavgsh, int16_t, h, (a + b + 1) >> 1)
LANES(vavgsw, int32_t, w, ((int64_t)a + b + 1) >> 1)
LANES(vabsdub, uint8_t, b, a > b ? a - b : b - a)
LANES(vabsduh, uint16_t, h, a > b ? a - b : b - a)
LANES(vabsduw, uint32_t, w, a > b ? a - b : b - a)

/* Extremes. */
LANES(vmaxub, uint8_t, b, a > b ? a : b)
LANES(vmaxuh, uint16_t, h, a > b ? a : b)
LANES(vmaxuw, uint32_t, w, a > b ? a : b)
LANES(vmaxud, uint64_t, d, a > b ? a : b)
LANES(vmaxsb, int8_t, b, a > b ? a : b)
LANES(vmaxsh, int16_t, h, a > b ? a : b)
LANES(vmaxsw, int32_t, w, a > b ? a : b)
LANES(vmaxsd, int64_t, d, a > b ? a : b)
LANES(vminub, uint8_t, b, a < b ? a : b)
LANES(vminuh, uint16_t, h, a < b ? a : b)
LANES(vminuw, uint32_t, w, a < b ? a : b)
LANES(vminud, uint64_t, d, a < b ? a : b)
LANES(vminsb, int8_t, b, a < b ? a : b)
LANES(vminsh, int16_t, h, a < b ? a : b)
LANES(vminsw, int32_t, w, a < b ? a : b)
LANES(vminsd, int64_t, d, a < b ? a : b)

/* Sign extension of each element's low part. */
LANES(vextsb2w, int32_t, w, (int8_t)b)
LANES(vextsh2w, int32_t, w, (int16_t)b)
LANES(vextsb2d, int64_t, d, (int8_t)b)
LANES(vextsh2d, int64_t, d, (int16_t)b)
LANES(vextsw2d, int64_t, d, (int32_t)b)
