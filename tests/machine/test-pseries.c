/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls, RTAS calls, interrupt controller and terminals, as a guest uses them.
 */
#include "machine/devices/pci.h"
#include "machine/devices/pseries.h"
#include "machine/devices/vty.h"
#include "machine/devices/xics.h"
#include "tests/machine/fake-machine.h"
#include "tests/check-run.h"

#define BLOCK        0x1000 /* where RTAS argument blocks go */
#define VTY_SOURCE   0x1100u
#define PCI_SOURCE   0x1200u
#define EVENT_SOURCE 0x1000u
#define U(x)         ((uint64_t)(x))

static Machine *machine;
static Pseries *board;
static Cpu *cpu;

static void setup(void)
{
    machine = fake_machine_new(NULL);
    cpu = machine_cpu(machine, 0);
    board = (Pseries *)device_new(machine, &pseries_class, "hypervisor");
    board->cpu = cpu;
    board->xics = device_new(machine, &xics_class, "xics");
    board->pci = device_new(machine, &pci_host_class, "pci");
    board->vty[0] = device_new(machine, &vty_class, "hvc0");
    board->vty_count = 1;
    board->events = xics_line(board->xics, EVENT_SOURCE);
    xics_connect(board->xics, cpu);
    vty_connect(board->vty[0], 0x71000000, xics_line(board->xics, VTY_SOURCE));
    cpu->board = &pseries_cpu_board;
    cpu->board_opaque = board;
    fake_machine_reset(machine);
}

static void teardown(void)
{
    fake_machine_free(machine);
}

static uint32_t rtas(uint32_t token, unsigned nargs, const uint32_t *args, unsigned nret,
                     uint32_t *rets)
{
    Memory *memory = machine_memory(machine);
    memory_write_be32(memory, BLOCK, token);
    memory_write_be32(memory, BLOCK + 4, nargs);
    memory_write_be32(memory, BLOCK + 8, nret);
    for (unsigned i = 0; i < nargs; i++)
        memory_write_be32(memory, BLOCK + 12 + 4 * i, args[i]);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xf000, 1, U(BLOCK)), H_SUCCESS);
    for (unsigned i = 0; i < nret; i++)
        memory_read_be32(memory, BLOCK + 12 + 4 * (nargs + i), &rets[i]);
    return rets[0];
}

#define RTAS(token, nret, rets, ...)                                                               \
    rtas(token, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ }, nret, rets)

static void open_source(uint32_t source, uint32_t priority)
{
    uint32_t status;
    ck_assert_uint_eq(RTAS(0x200a, 1, &status, source, 0, priority), 0);
}

START_TEST(tables_are_in_order_and_named)
{
    unsigned count;
    const Hypercall *calls = pseries_hypercalls(&count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert(i == 0 || calls[i].opcode > calls[i - 1].opcode);
        ck_assert(calls[i].name && calls[i].meaning && calls[i].call);
    }
    const RtasCall *services = pseries_rtas_calls(&count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert(i == 0 || services[i].token > services[i - 1].token);
        ck_assert(services[i].arg_count <= RTAS_ARGS_MAX && services[i].ret_count >= 1);
    }
}
END_TEST

START_TEST(unknown_hypercall_says_function_and_is_counted)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x398, 0), H_FUNCTION);
    ck_assert_int_eq(fake_machine_hypercall(machine, U(1) << 40 | 0xe0, 0), H_FUNCTION);
    ck_assert_uint_eq(fake_machine_record(machine)->unknown, 2);
}
END_TEST

START_TEST(problem_state_may_not_call)
{
    cpu->s.msr = MSR_PR;
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xe0, 0), H_PRIVILEGE);
    ck_assert_uint_eq(cpu->s.halted, 0);
}
END_TEST

START_TEST(terminal_output_unpacks_from_the_top_byte)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x58, 4, U(0x71000000), U(9),
                                            U(0x4142434445464748), U(0x4900000000000000)),
                     0);
    ck_assert_str_eq(fake_machine_record(machine)->output->str, "ABCDEFGHI");
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x58, 3, U(0), U(1), U('x') << 56), 0);
    ck_assert_str_eq(fake_machine_record(machine)->output->str, "ABCDEFGHIx");
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x58, 2, U(0x71000000), U(17)), H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x58, 2, U(0x71000009), U(1)), H_PARAMETER);
}
END_TEST

START_TEST(terminal_input_interrupts_once_until_it_is_taken)
{
    open_source(VTY_SOURCE, 5);
    xics_set_cppr(board->xics, 0xff);
    vty_receive(board->vty[0], (const uint8_t *)"0123456789abcdefXY", 18);
    ck_assert_uint_eq(cpu->s.external_line, 1);
    ck_assert_uint_eq(xics_accept(board->xics), 0xff000000 | VTY_SOURCE);
    ck_assert_uint_eq(cpu->s.external_line, 0);
    xics_end(board->xics, 0xff000000 | VTY_SOURCE);
    vty_receive(board->vty[0], (const uint8_t *)"Z", 1);
    ck_assert_uint_eq(cpu->s.external_line, 0); /* the buffer was not empty */
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x54, 1, U(0x71000000)), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 16);
    ck_assert_uint_eq(cpu->s.gpr[5], 0x3031323334353637);
    ck_assert_uint_eq(cpu->s.gpr[6], 0x3839616263646566);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x54, 1, U(0x71000000)), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 3);
    ck_assert_uint_eq(cpu->s.gpr[5], 0x58595a0000000000);
    vty_receive(board->vty[0], (const uint8_t *)"!", 1);
    ck_assert_uint_eq(cpu->s.external_line, 1);
}
END_TEST

START_TEST(terminal_input_never_shows_nul_right_after_cr)
{
    vty_receive(board->vty[0], (const uint8_t *)"a\r\0b", 4);
    fake_machine_hypercall(machine, 0x54, 1, U(0));
    ck_assert_uint_eq(cpu->s.gpr[4], 2);
    fake_machine_hypercall(machine, 0x54, 1, U(0));
    ck_assert_uint_eq(cpu->s.gpr[4], 2);
    ck_assert_uint_eq(cpu->s.gpr[5], 0x0062000000000000);
}
END_TEST

START_TEST(terminal_room_shrinks_and_comes_back)
{
    uint8_t fill[256] = { 0 };
    size_t room = vty_room(board->vty[0]);
    ck_assert_uint_eq(room, sizeof fill);
    vty_receive(board->vty[0], fill, room);
    ck_assert_uint_eq(vty_room(board->vty[0]), 0);
    fake_machine_hypercall(machine, 0x54, 1, U(0));
    ck_assert_uint_eq(vty_room(board->vty[0]), 16);
}
END_TEST

START_TEST(level_source_interrupts_again_after_its_end_while_high)
{
    Irq line = xics_line(board->xics, PCI_SOURCE + 1);
    open_source(PCI_SOURCE + 1, 4);
    xics_set_cppr(board->xics, 0xff);
    irq_set(&line, true);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x74, 0), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0xff001201);
    ck_assert_uint_eq(cpu->s.external_line, 0);
    fake_machine_hypercall(machine, 0x64, 1, U(0xff001201));
    ck_assert_uint_eq(cpu->s.external_line, 1);
    fake_machine_hypercall(machine, 0x2fc, 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0xff001201);
    ck_assert_uint_eq(cpu->s.gpr[5], 0x1234);
    irq_set(&line, false);
    fake_machine_hypercall(machine, 0x64, 1, U(0xff001201));
    ck_assert_uint_eq(cpu->s.external_line, 0);
    fake_machine_hypercall(machine, 0x74, 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0xff000000);
}
END_TEST

START_TEST(only_more_favoured_priorities_pass_cppr)
{
    Irq low = xics_line(board->xics, PCI_SOURCE), high = xics_line(board->xics, PCI_SOURCE + 3);
    open_source(PCI_SOURCE, 6);
    open_source(PCI_SOURCE + 3, 3);
    irq_set(&low, true);
    irq_set(&high, true);
    ck_assert_uint_eq(cpu->s.external_line, 0); /* CPPR is 0 after reset */
    fake_machine_hypercall(machine, 0x68, 1, U(6));
    ck_assert_uint_eq(cpu->s.external_line, 1);
    ck_assert_uint_eq(xics_accept(board->xics), 0x06001203);
    ck_assert_uint_eq(xics_accept(board->xics), 0x03000000);
    xics_end(board->xics, 0x06001203);
    irq_set(&high, false);
    ck_assert_uint_eq(cpu->s.external_line, 0); /* 6 is not below 6 */
    fake_machine_hypercall(machine, 0x68, 1, U(7));
    ck_assert_uint_eq(cpu->s.external_line, 1);
}
END_TEST

START_TEST(masking_keeps_an_edge_and_the_old_priority)
{
    uint32_t rets[3];
    Irq line = xics_line(board->xics, VTY_SOURCE);
    open_source(VTY_SOURCE, 5);
    xics_set_cppr(board->xics, 0xff);
    ck_assert_uint_eq(RTAS(0x200c, 1, rets, VTY_SOURCE), 0);
    ck_assert_uint_eq(RTAS(0x200c, 1, rets, VTY_SOURCE), 0); /* twice: still remembers 5 */
    irq_set(&line, true);
    irq_set(&line, false);
    ck_assert_uint_eq(cpu->s.external_line, 0);
    RTAS(0x200b, 3, rets, VTY_SOURCE);
    ck_assert_uint_eq(rets[2], 0xff);
    ck_assert_uint_eq(RTAS(0x200d, 1, rets, VTY_SOURCE), 0);
    ck_assert_uint_eq(cpu->s.external_line, 1);
    RTAS(0x200b, 3, rets, VTY_SOURCE);
    ck_assert_uint_eq(rets[2], 5);
}
END_TEST

START_TEST(interprocessor_interrupt_follows_mfrr)
{
    xics_set_cppr(board->xics, 0xff);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x6c, 2, U(0), U(4)), 0);
    ck_assert_uint_eq(cpu->s.external_line, 1);
    fake_machine_hypercall(machine, 0x70, 1, U(0));
    ck_assert_uint_eq(cpu->s.gpr[4], 0xff000002);
    ck_assert_uint_eq(cpu->s.gpr[5], 4);
    ck_assert_uint_eq(xics_accept(board->xics), 0xff000002);
    ck_assert_uint_eq(cpu->s.external_line, 0);
    fake_machine_hypercall(machine, 0x6c, 2, U(0), U(0xff));
    fake_machine_hypercall(machine, 0x64, 1, U(0xff000002));
    ck_assert_uint_eq(cpu->s.external_line, 0);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x6c, 2, U(1), U(4)), H_PARAMETER);
}
END_TEST

START_TEST(unknown_sources_are_refused)
{
    uint32_t rets[3];
    ck_assert_uint_eq(RTAS(0x200a, 1, rets, 0x1300, 0, 5), (uint32_t)-3);
    ck_assert_uint_eq(RTAS(0x200a, 1, rets, VTY_SOURCE, 1, 5), (uint32_t)-3);
    ck_assert_uint_eq(RTAS(0x200b, 3, rets, 0), (uint32_t)-3);
    xics_end(board->xics, 0xff00ffff);
    ck_assert_uint_ge(fake_machine_record(machine)->unknown, 3);
}
END_TEST

START_TEST(cede_enables_interrupts_and_sleeps_unless_prodded)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xe8, 1, U(0)), 0);
    fake_machine_hypercall(machine, 0xe0, 0);
    ck_assert_uint_eq(cpu->s.halted, 0);
    ck_assert(cpu->s.msr & MSR_EE);
    fake_machine_hypercall(machine, 0xe0, 0);
    ck_assert_uint_eq(cpu->s.halted, 1);
    ck_assert_uint_eq(cpu->s.gpr[3], 0);
}
END_TEST

START_TEST(set_mode_changes_lpcr)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 2, U(3), U(3)), 0);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 2, U(1), U(4)), 0);
    ck_assert_uint_eq(cpu->s.spr[SPR_LPCR], LPCR_AIL | LPCR_ILE);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 2, U(0), U(4)), 0);
    ck_assert_uint_eq(cpu->s.spr[SPR_LPCR], LPCR_AIL);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 2, U(2), U(4)), H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 2, U(1), U(9)), H_P2);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x31c, 3, U(1), U(4), U(1)), H_P3);
}
END_TEST

START_TEST(process_table_is_registered_and_checked)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x37c, 4, U(0x1d), U(0x100000), U(0), U(4)),
                     0);
    ck_assert_uint_eq(cpu->s.spr[SPR_PTCR], 0x100004);
    ck_assert_uint_eq(cpu->s.spr[SPR_LPCR], LPCR_HR | LPCR_UPRT | LPCR_GTSE);
    /* 16 MiB of table from 1 MiB on do not fit 16 MiB of RAM. */
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x37c, 4, U(0x1d), U(0x100000), U(0), U(12)),
                     H_P2);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x37c, 4, U(0x1d), U(0), U(0), U(25)), H_P4);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x37c, 4, U(0x3d), U(0), U(0), U(4)),
                     H_PARAMETER);
    ck_assert_uint_eq(cpu->s.spr[SPR_PTCR], 0x100004);
}
END_TEST

START_TEST(vpa_is_marked_shared_and_checked)
{
    Memory *memory = machine_memory(machine);
    uint8_t status;
    uint16_t size = GUINT16_TO_BE(1024);
    memory_write(memory, 0x8004, &size, 2);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(3) << 45, U(0), U(0x8000)),
                     H_RESOURCE);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(1) << 45, U(0), U(0x8000)), 0);
    memory_read(memory, 0x8009, &status, 1);
    ck_assert_uint_eq(status, 2);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(1) << 45, U(0), U(0x8f00)),
                     H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(1) << 45, U(0), ~U(0) - 8),
                     H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(1) << 45, U(1), U(0x8000)),
                     H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xdc, 3, U(5) << 45, U(0), U(0)), 0);
    ck_assert_uint_eq(board->s.vpa, 0);
}
END_TEST

START_TEST(darn_is_the_hosts)
{
    uint64_t value = 0;
    Cpu *cpu = machine_cpu(machine, 0);
    ck_assert(cpu->board->random(cpu->board_opaque, cpu, &value));
    ck_assert_uint_eq(fake_machine_record(machine)->random_reads, 1);
    ck_assert_uint_eq(value, U(0x1122334455667788));
}
END_TEST

START_TEST(random_is_the_hosts)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x300, 0), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0x1122334455667788);
    ck_assert_uint_eq(fake_machine_record(machine)->random_reads, 1);
}
END_TEST

START_TEST(translations_are_kept_and_bounded)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x138, 4, U(PCI_LIOBN), U(0), U(0), U(512)),
                     0);
    ck_assert_int_eq(
        fake_machine_hypercall(machine, 0x20, 3, U(PCI_LIOBN), U(0x3ffff000), U(0x5003)), 0);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x1c, 2, U(PCI_LIOBN), U(0x3ffff000)), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0x5003);
    memory_write_be64(machine_memory(machine), 0x9000, 0x7003);
    memory_write_be64(machine_memory(machine), 0x9008, 0x8003);
    ck_assert_int_eq(
        fake_machine_hypercall(machine, 0x13c, 4, U(PCI_LIOBN), U(0x200000), U(0x9000), U(2)), 0);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x1c, 2, U(PCI_LIOBN), U(0x201000)), 0);
    ck_assert_uint_eq(cpu->s.gpr[4], 0x8003);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x20, 3, U(PCI_LIOBN), U(0x40000000), U(0)),
                     H_PARAMETER);
    ck_assert_int_eq(
        fake_machine_hypercall(machine, 0x138, 4, U(PCI_LIOBN), U(0x3ffff000), U(0), U(2)),
        H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x138, 4, U(PCI_LIOBN), U(0), U(0), U(513)),
                     H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x20, 3, U(1), U(0), U(0)), H_PARAMETER);
}
END_TEST

START_TEST(system_reset_interrupts_reach_the_processor)
{
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x380, 1, ~U(1)), 0);
    ck_assert_uint_eq(cpu->s.reset_pending, 0);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x380, 1, ~U(0)), 0);
    ck_assert_uint_eq(cpu->s.reset_pending, 1);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0x380, 1, U(1)), H_PARAMETER);
}
END_TEST

START_TEST(rtas_block_is_checked)
{
    Memory *memory = machine_memory(machine);
    uint32_t rets[4] = { 0 };
    ck_assert_uint_eq(RTAS(0x2fff, 1, rets, 0), (uint32_t)-3);
    ck_assert_uint_eq(rtas(0x200a, 1, (uint32_t[]){ 1 }, 1, rets), (uint32_t)-3);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xf000, 1, U(memory->size - 8)), H_PARAMETER);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xf000, 1, ~U(0) - 3), H_PARAMETER);
    memory_write_be32(memory, BLOCK + 4, 0x40000000);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xf000, 1, U(BLOCK)), H_PARAMETER);
    memory_write_be32(memory, memory->size - 12, 0x2004);
    memory_write_be32(memory, memory->size - 8, 0);
    memory_write_be32(memory, memory->size - 4, 1);
    ck_assert_int_eq(fake_machine_hypercall(machine, 0xf000, 1, U(memory->size - 12)), H_PARAMETER);
    ck_assert_int_eq(fake_machine_record(machine)->shutdown, SHUTDOWN_NONE);
}
END_TEST

START_TEST(date_counts_with_virtual_time)
{
    uint32_t rets[8];
    fake_machine_run_to(machine, 1500000000);
    ck_assert_uint_eq(rtas(0x2001, 0, NULL, 8, rets), 0);
    const uint32_t expected[8] = { 0, 2023, 11, 14, 22, 13, 21, 500000000 };
    for (unsigned i = 0; i < 8; i++)
        ck_assert_uint_eq(rets[i], expected[i]);
    ck_assert_uint_eq(fake_machine_record(machine)->host_clock_reads, 0);
}
END_TEST

START_TEST(date_can_be_set)
{
    static const uint32_t dates[][3] = { { 1970, 1, 1 },  { 2000, 2, 29 }, { 2024, 2, 29 },
                                         { 2024, 3, 1 },  { 2100, 2, 28 }, { 1601, 12, 31 },
                                         { 9999, 12, 31 } };
    uint32_t rets[8];
    for (unsigned i = 0; i < G_N_ELEMENTS(dates); i++) {
        ck_assert_uint_eq(
            RTAS(0x2002, 1, rets, dates[i][0], dates[i][1], dates[i][2], 23, 59, 58, 0), 0);
        rtas(0x2001, 0, NULL, 8, rets);
        for (unsigned n = 0; n < 3; n++)
            ck_assert_uint_eq(rets[1 + n], dates[i][n]);
        ck_assert_uint_eq(rets[4], 23);
        ck_assert_uint_eq(rets[6], 58);
    }
    ck_assert_uint_eq(RTAS(0x2002, 1, rets, 2024, 13, 1, 0, 0, 0, 0), (uint32_t)-3);
}
END_TEST

START_TEST(power_calls_ask_the_machine)
{
    uint32_t status;
    RTAS(0x2003, 1, &status, 0, 0);
    ck_assert_int_eq(fake_machine_record(machine)->shutdown, SHUTDOWN_GUEST_SHUTDOWN);
    rtas(0x2004, 0, NULL, 1, &status);
    ck_assert_int_eq(fake_machine_record(machine)->shutdown, SHUTDOWN_GUEST_RESET);
    RTAS(0x201f, 1, &status, 0x2000);
    ck_assert_int_eq(fake_machine_record(machine)->shutdown, SHUTDOWN_GUEST_PANIC);
    RTAS(0x2000, 1, &status, 'q');
    ck_assert_str_eq(fake_machine_record(machine)->output->str, "q");
}
END_TEST

static uint32_t sensor(void)
{
    uint32_t rets[2];
    ck_assert_uint_eq(RTAS(0x2009, 2, rets, 9, 0), 0);
    return rets[1];
}

/* Finds the section NAME the way Linux does. */
static const uint8_t *find_section(const uint8_t *report, const char *name)
{
    const uint8_t *at = report + 8 + 16, *end = report + 8 + report[7];
    while (at < end && memcmp(at, name, 2) != 0)
        at += at[2] << 8 | at[3];
    return at < end ? at : NULL;
}

START_TEST(the_power_button_is_an_event_that_is_fetched_once)
{
    uint8_t report[256];
    uint32_t status;
    open_source(EVENT_SOURCE, 5);
    xics_set_cppr(board->xics, 0xff);
    ck_assert_uint_eq(RTAS(0x2006, 1, &status, 0x500, EVENT_SOURCE, 1u << 30, 0, 0x6000, 256), 1);
    ck_assert_uint_eq(sensor(), 0);
    pseries_press_power_button(board);
    ck_assert_uint_eq(xics_accept(board->xics), 0xff000000 | EVENT_SOURCE);
    ck_assert_uint_eq(sensor(), 3);
    ck_assert_uint_eq(RTAS(0x2007, 1, &status, UINT32_MAX, 0, 0x6000, 256), 1);
    ck_assert_uint_eq(RTAS(0x2006, 1, &status, 0x500, EVENT_SOURCE, 1u << 28, 0, 0x6000, 256), 1);
    ck_assert_uint_eq(RTAS(0x2006, 1, &status, 0x500, EVENT_SOURCE, 1u << 30, 0, -16, 256), -3u);
    ck_assert_uint_eq(RTAS(0x2006, 1, &status, 0x500, EVENT_SOURCE, 1u << 30, 0, 0x6000, 256), 0);
    memory_read(machine_memory(machine), 0x6000, report, sizeof report);
    const uint8_t *section = find_section(report, "EP");
    ck_assert_ptr_nonnull(section);
    ck_assert_uint_eq(section[8] & 15, 3); /* system shutdown */
    ck_assert_uint_eq(section[9] & 15, 1); /* normal */
    ck_assert_uint_eq(sensor(), 0);
    ck_assert_uint_eq(RTAS(0x2006, 1, &status, 0x500, EVENT_SOURCE, 1u << 30, 0, 0x6000, 256), 1);
    ck_assert_uint_eq(RTAS(0x2009, 2, (uint32_t[2]){ 0 }, 3, 0), (uint32_t)-3);
}
END_TEST

START_TEST(absent_pci_functions_answer_all_ones)
{
    uint32_t rets[2];
    ck_assert_uint_eq(RTAS(0x2016, 2, rets, 0x800, 0x8000000, 0x20000000, 4), (uint32_t)-1);
    ck_assert_uint_eq(rets[1], UINT32_MAX);
    ck_assert_uint_eq(RTAS(0x2016, 2, rets, 0x801, 0x8000000, 0x20000000, 2), (uint32_t)-3);
    ck_assert_uint_eq(RTAS(0x2016, 2, rets, 0x800, 1, 2, 4), (uint32_t)-3);
    ck_assert_uint_eq(RTAS(0x2016, 2, rets, 0x800, 0x8000000, 0x20000000, 3), (uint32_t)-3);
}
END_TEST

START_TEST(system_parameter_is_cut_to_the_buffer)
{
    uint32_t status;
    uint16_t length;
    char text[64] = "";
    ck_assert_uint_eq(RTAS(0x2008, 1, &status, 20, 0x6000, 64), 0);
    memory_read(machine_memory(machine), 0x6000, &length, 2);
    memory_read(machine_memory(machine), 0x6002, text, 62);
    ck_assert_uint_eq(GUINT16_FROM_BE(length), strlen(text) + 1);
    ck_assert_str_eq(text, "MaxEntCap=1,DesMem=16,DesProcs=1,MaxPlatProcs=1");
    ck_assert_uint_eq(RTAS(0x2008, 1, &status, 20, 0xfffffff0, 64), (uint32_t)-3);
    ck_assert_uint_eq(RTAS(0x2008, 1, &status, 16, 0x6000, 64), (uint32_t)-3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pseries");
    TCase *tests = tcase_create("pseries");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, tables_are_in_order_and_named);
    tcase_add_test(tests, unknown_hypercall_says_function_and_is_counted);
    tcase_add_test(tests, problem_state_may_not_call);
    tcase_add_test(tests, terminal_output_unpacks_from_the_top_byte);
    tcase_add_test(tests, terminal_input_interrupts_once_until_it_is_taken);
    tcase_add_test(tests, terminal_input_never_shows_nul_right_after_cr);
    tcase_add_test(tests, terminal_room_shrinks_and_comes_back);
    tcase_add_test(tests, level_source_interrupts_again_after_its_end_while_high);
    tcase_add_test(tests, only_more_favoured_priorities_pass_cppr);
    tcase_add_test(tests, masking_keeps_an_edge_and_the_old_priority);
    tcase_add_test(tests, interprocessor_interrupt_follows_mfrr);
    tcase_add_test(tests, unknown_sources_are_refused);
    tcase_add_test(tests, cede_enables_interrupts_and_sleeps_unless_prodded);
    tcase_add_test(tests, set_mode_changes_lpcr);
    tcase_add_test(tests, process_table_is_registered_and_checked);
    tcase_add_test(tests, vpa_is_marked_shared_and_checked);
    tcase_add_test(tests, random_is_the_hosts);
    tcase_add_test(tests, darn_is_the_hosts);
    tcase_add_test(tests, translations_are_kept_and_bounded);
    tcase_add_test(tests, system_reset_interrupts_reach_the_processor);
    tcase_add_test(tests, rtas_block_is_checked);
    tcase_add_test(tests, date_counts_with_virtual_time);
    tcase_add_test(tests, date_can_be_set);
    tcase_add_test(tests, power_calls_ask_the_machine);
    tcase_add_test(tests, the_power_button_is_an_event_that_is_fetched_once);
    tcase_add_test(tests, absent_pci_functions_answer_all_ones);
    tcase_add_test(tests, system_parameter_is_cut_to_the_buffer);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
