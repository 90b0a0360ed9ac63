/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ES1370 at its registers: which samples leave at which time, when it interrupts, and what it
 * stores. Its other tests are those of every device (test-devices.c) and Debian's driver
 * (tests/e2e/test_sound.py).
 */
#include "machine/boards/boards.h"
#include "machine/devices/es1370.h"
#include "machine/devices/pci.h"
#include "machine/devices/xics.h"
#include "tests/machine/fake-machine.h"
#include "tests/check-run.h"

#define PORTS    0x1000u
#define RING     0x10000u /* bus address */
#define RING_AT  0x80000u /* in memory, by the translations */
#define DAC1_ON  0x40u
#define DAC2_ON  0x20u
#define ADC_ON   0x10u
#define RATE_44  (30u << 16 | 3u << 12) /* both clocks: 44,100 Hz */
#define DAC2_INT 0x200u
#define ADC_INT  0x400u
#define STEREO16 0x3fu /* all channels */

enum { CONTROL = 0, STATUS = 4, PAGE = 0x0c, SERIAL = 0x20, COUNT = 0x24, PAGED = 0x30 };

static Machine *machine;

static void out(unsigned at, uint32_t value)
{
    bus_write(machine_bus(machine), PCI_IO_BASE + PORTS + at, 4, value);
}

static uint32_t in(unsigned at)
{
    return (uint32_t)bus_read(machine_bus(machine), PCI_IO_BASE + PORTS + at, 4);
}

static void setup(void)
{
    static MachineConfig config;
    config = fake_machine_bare_config(4u << 20);
    config.audio.device = CONFIG_AUDIO_ES1370;
    machine = fake_machine_new(&config);
    ck_assert(pseries_board.build(machine, NULL));
    fake_machine_reset(machine);
    Device *pci = fake_machine_device(machine, "pci");
    pci_host_config_write(pci, 0x10, 4, PORTS);
    pci_host_config_write(pci, 0x04, 4, 5);
    for (unsigned page = 0; page < 4; page++)
        pci_host_set_tce(pci, RING + 4096 * page, 1, (RING_AT + 4096 * page) | 3);
}

static void teardown(void)
{
    fake_machine_free(machine);
}

/* A ring of WORDS words on CHANNEL (0, 1, 2), an interrupt every PERIOD samples. */
static void prepare(unsigned channel, unsigned words, unsigned period)
{
    unsigned offset = channel == 1 ? 8 : 0;
    out(PAGE, channel == 2 ? 0x0d : 0x0c);
    out(PAGED + offset, RING);
    out(PAGED + offset + 4, words - 1);
    out(COUNT + 4 * channel, period - 1);
}

static void fill_ring(unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        memory_write_le32(machine_memory(machine), RING_AT + 4 * i, (0x8000u + i) << 16 | (i + 1));
}

static const GString *played(void)
{
    return fake_machine_record(machine)->output;
}

static uint32_t played_word(unsigned frame)
{
    const uint8_t *at = (const uint8_t *)played()->str + 4 * frame;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The first nanosecond at which N samples at 44,100 Hz have been played since tick 0. */
static uint64_t after(uint64_t samples)
{
    return clock_ns_from_ticks(32 * samples, 1411200);
}

static bool interrupts(void)
{
    return in(STATUS) >> 31;
}

START_TEST(every_sample_leaves_once_and_the_ring_goes_round)
{
    fill_ring(100);
    prepare(1, 100, 50);
    out(SERIAL, STEREO16);
    out(CONTROL, RATE_44 | DAC2_ON);
    fake_machine_run_to(machine, after(250));
    in(STATUS);
    ck_assert_uint_eq(played()->len, 4 * 250);
    for (unsigned i = 0; i < 250; i++)
        ck_assert_uint_eq(played_word(i), (0x8000u + i % 100) << 16 | (i % 100 + 1));
    out(PAGE, 0x0c);
    ck_assert_uint_eq(in(PAGED + 12), 50u << 16 | 99);
    ck_assert_uint_eq(es1370_played(fake_machine_device(machine, "sound")), 250);
}
END_TEST

START_TEST(the_interrupt_comes_at_the_nanosecond)
{
    prepare(1, 100, 50);
    out(SERIAL, STEREO16 | DAC2_INT);
    out(CONTROL, RATE_44 | DAC2_ON);
    for (unsigned n = 1; n <= 4; n++) {
        fake_machine_run_to(machine, after(50 * n) - 1);
        ck_assert(!interrupts());
        fake_machine_run_to(machine, after(50 * n));
        ck_assert_uint_eq(in(STATUS), 0x80000002u);
        ck_assert_uint_eq(in(COUNT + 4), 49u << 16 | 49);
        out(SERIAL, STEREO16);
        ck_assert(!interrupts());
        out(SERIAL, STEREO16 | DAC2_INT);
    }
}
END_TEST

/* Whoever looks in between, and how often, changes neither samples nor interrupts. */
START_TEST(looking_changes_nothing)
{
    g_autofree char *quiet = NULL;
    gsize length = 0;
    for (unsigned looks = 0; looks < 2; looks++) {
        if (looks) {
            teardown();
            setup();
        }
        fill_ring(700);
        prepare(1, 700, 333);
        out(SERIAL, STEREO16 | DAC2_INT);
        out(CONTROL, (100u << 16) | DAC2_ON);
        for (uint64_t ns = 0; looks && ns < 30000000; ns += 12345) {
            fake_machine_run_to(machine, ns);
            in(PAGED + 12);
        }
        fake_machine_run_to(machine, 30000000);
        ck_assert(interrupts());
        if (!looks) {
            length = played()->len;
            quiet = g_memdup2(played()->str, length);
        }
    }
    ck_assert_uint_eq(played()->len, length);
    ck_assert_mem_eq(played()->str, quiet, length);
}
END_TEST

START_TEST(formats_become_frames)
{
    static const uint8_t ring[8] = { 0x80, 0xff, 0x00, 0x81, 0x34, 0x12, 0xcc, 0xed };
    static const struct {
        unsigned mode;
        uint32_t first, second;
    } rows[] = {
        { 0, 0x00000000, 0x7f007f00 }, /* 8 bits: 0x80 is silence */
        { 1, 0x7f000000, 0x01008000 },
        { 2, 0xff80ff80, 0x81008100 },
        { 3, 0x8100ff80, 0xedcc1234 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        teardown();
        setup();
        memory_write(machine_memory(machine), RING_AT, ring, sizeof ring);
        prepare(0, 2, 100);
        out(SERIAL, rows[i].mode);
        out(CONTROL, RATE_44 | DAC1_ON);
        fake_machine_run_to(machine, after(2));
        in(STATUS);
        ck_assert_uint_eq(played_word(0), rows[i].first);
        ck_assert_uint_eq(played_word(1), rows[i].second);
    }
}
END_TEST

START_TEST(two_channels_are_added_and_slow_samples_stand)
{
    memory_write_le32(machine_memory(machine), RING_AT, 0x7000f000);
    memory_write_le32(machine_memory(machine), RING_AT + 4, 0x10000001);
    prepare(0, 2, 100);
    prepare(1, 2, 100);
    out(SERIAL, STEREO16);
    out(CONTROL, 30u << 16 | 2u << 12 | DAC1_ON | DAC2_ON); /* DAC1: 22,050 Hz */
    fake_machine_run_to(machine, after(4));
    in(STATUS);
    static const uint32_t expected[] = { 0x7fffe000, 0x7ffff001, 0x7ffff001, 0x20000002 };
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(played_word(i), expected[i]);
}
END_TEST

START_TEST(a_pause_stops_the_row_of_frames)
{
    fill_ring(100);
    prepare(1, 100, 100);
    out(SERIAL, STEREO16);
    out(CONTROL, RATE_44 | DAC2_ON);
    fake_machine_run_to(machine, after(10));
    out(SERIAL, STEREO16 | 0x1000);
    fake_machine_run_to(machine, after(1000));
    out(SERIAL, STEREO16);
    fake_machine_run_to(machine, after(1020));
    out(CONTROL, RATE_44);
    fake_machine_run_to(machine, after(2000));
    in(STATUS);
    ck_assert_uint_eq(played()->len, 4 * 30);
    ck_assert_uint_eq(played_word(29), 0x801d001e);
    ck_assert_uint_eq(fake_machine_next_deadline(machine), UINT64_MAX);
}
END_TEST

START_TEST(stop_mode_ends_at_the_count)
{
    fill_ring(100);
    prepare(1, 100, 20);
    out(SERIAL, STEREO16 | DAC2_INT | 0x4000);
    out(CONTROL, RATE_44 | DAC2_ON);
    fake_machine_run_to(machine, after(40));
    ck_assert(interrupts());
    ck_assert_uint_eq(played_word(19), 0x80130014);
    ck_assert_uint_eq(played_word(20), 0);
    out(PAGE, 0x0c);
    ck_assert_uint_eq(in(PAGED + 12) >> 16, 20);
}
END_TEST

/* The fake machine's source is a ramp: frame N is N and -N. */
START_TEST(captured_frames_are_stored_in_order)
{
    uint32_t word;
    prepare(2, 64, 32);
    out(SERIAL, STEREO16 | ADC_INT);
    out(CONTROL, RATE_44 | ADC_ON);
    fake_machine_run_to(machine, after(32) - 1);
    ck_assert(!interrupts());
    fake_machine_run_to(machine, after(32));
    ck_assert_uint_eq(in(STATUS), 0x80000001u);
    for (unsigned i = 0; i < 32; i++) {
        memory_read_le32(machine_memory(machine), RING_AT + 4 * i, &word);
        ck_assert_uint_eq(word, (uint32_t)(uint16_t)-i << 16 | i);
    }
    ck_assert_uint_eq(fake_machine_record(machine)->captured, 32);
}
END_TEST

/* 8,018 Hz: 176 ticks a sample, 5.5 frames. */
START_TEST(slow_capture_leaves_frames_out)
{
    static const uint16_t expected[] = { 0, 5, 11, 16, 22, 27 };
    uint32_t word;
    prepare(2, 64, 6);
    out(SERIAL, STEREO16);
    out(CONTROL, 174u << 16 | ADC_ON);
    fake_machine_run_to(machine, clock_ns_from_ticks(6 * 176, 1411200));
    in(STATUS);
    for (unsigned i = 0; i < 6; i++) {
        memory_read_le32(machine_memory(machine), RING_AT + 4 * i, &word);
        ck_assert_uint_eq(word & 0xffff, expected[i]);
    }
    ck_assert_uint_eq(fake_machine_record(machine)->captured, expected[5] + 1u);
}
END_TEST

START_TEST(memory_that_is_not_granted_is_silence_and_stays_as_it_is)
{
    uint32_t word;
    Device *pci = fake_machine_device(machine, "pci");
    fill_ring(100);
    pci_host_set_tce(pci, RING, 1, RING_AT | 2); /* to be written only */
    prepare(1, 100, 50);
    out(SERIAL, STEREO16);
    out(CONTROL, RATE_44 | DAC2_ON);
    fake_machine_run_to(machine, after(10));
    in(STATUS);
    ck_assert_uint_eq(played()->len, 40);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(played_word(i), 0);
    out(CONTROL, 0);
    pci_host_set_tce(pci, RING, 1, RING_AT | 1); /* to be read only */
    prepare(2, 100, 50);
    out(CONTROL, RATE_44 | ADC_ON);
    fake_machine_run_to(machine, after(60));
    in(STATUS);
    memory_read_le32(machine_memory(machine), RING_AT + 4 * 3, &word);
    ck_assert_uint_eq(word, 0x80030004);
}
END_TEST

/* Slots 0 and 4 share an output of the bridge: one that lets go leaves the other's request. */
START_TEST(shared_interrupts_are_high_while_one_asserts)
{
    static char *const ids[] = { "a", "b", "c", "d" };
    static MachineConfig config;
    teardown();
    config = fake_machine_bare_config(4u << 20);
    config.audio.device = CONFIG_AUDIO_ES1370;
    for (; config.nic_count < 4; config.nic_count++)
        config.nics[config.nic_count].id = ids[config.nic_count];
    machine = fake_machine_new(&config);
    ck_assert(pseries_board.build(machine, NULL));
    fake_machine_reset(machine);
    Device *pci = fake_machine_device(machine, "pci");
    Device *xics = fake_machine_device(machine, "xics");
    uint32_t mfrr;
    xics_set_cppr(xics, 0xff);
    ck_assert(xics_set_source(xics, XICS_SOURCE_PCI, 5));
    pci_host_config_write(pci, 4 << 11 | 0x10, 4, PORTS);
    pci_host_config_write(pci, 4 << 11 | 0x04, 4, 5);
    prepare(1, 100, 1);
    out(SERIAL, STEREO16 | DAC2_INT);
    out(CONTROL, RATE_44 | DAC2_ON);
    fake_machine_run_to(machine, after(2));
    ck_assert_uint_eq(xics_poll(xics, &mfrr), 0xff000000u | XICS_SOURCE_PCI);
    Irq other = pci_host_interrupt(pci, 0);
    irq_set(&other, true);
    irq_set(&other, false);
    ck_assert_uint_eq(xics_poll(xics, &mfrr), 0xff000000u | XICS_SOURCE_PCI);
    out(SERIAL, STEREO16);
    ck_assert_uint_eq(xics_poll(xics, &mfrr), 0xff000000u);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("es1370");
    TCase *tests = tcase_create("es1370");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_sample_leaves_once_and_the_ring_goes_round);
    tcase_add_test(tests, the_interrupt_comes_at_the_nanosecond);
    tcase_add_test(tests, looking_changes_nothing);
    tcase_add_test(tests, formats_become_frames);
    tcase_add_test(tests, two_channels_are_added_and_slow_samples_stand);
    tcase_add_test(tests, a_pause_stops_the_row_of_frames);
    tcase_add_test(tests, stop_mode_ends_at_the_count);
    tcase_add_test(tests, captured_frames_are_stored_in_order);
    tcase_add_test(tests, slow_capture_leaves_frames_out);
    tcase_add_test(tests, memory_that_is_not_granted_is_silence_and_stays_as_it_is);
    tcase_add_test(tests, shared_interrupts_are_high_while_one_asserts);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
