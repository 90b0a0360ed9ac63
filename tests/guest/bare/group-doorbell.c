/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directed privileged doorbells, to oneself (Power ISA 3.0B, Book III 11 and 6.5.13). */
#include "bare.h"

CODE(nothing, "nop");
CODE(ring, "msgsndp 3; nop; nop");
CODE(ring_and_clear, "msgsndp 3; msgclrp 3; mtmsrd 4,1; nop");
CODE(ring_then_ee, "msgsndp 3; nop; mtmsrd 4,1; nop");

static void test_doorbell(void)
{
    u64 message = 5ull << 27;
    run_r(ring_then_ee, REAL, message, MSR_EE, 0);
    expect("doorbell-waits-for-ee", ring_then_ee, REAL | MSR_EE, 0xa00, 12, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("doorbell-once", nothing, REAL | MSR_EE, 0, 0, 0);
    run_r(ring_and_clear, REAL, message, MSR_EE, 0);
    expect("doorbell-cleared", ring_and_clear, REAL | MSR_EE, 0, 0, 0);
    run_r(ring, REAL, 3ull << 27, 0, 0);
    run_r(nothing, REAL | MSR_EE, 0, 0, 0);
    expect("doorbell-of-another-type", nothing, REAL | MSR_EE, 0, 0, 0);
}

void tests(void)
{
    test_doorbell();
}
