/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a board starts: kernels are loaded or refused with a reason, everything has its place, and
 * the device tree says what is there.
 */
#include "machine/boards/boards.h"
#include "machine/boards/elf.h"
#include "machine/boards/pseries-fdt.h"
#include "machine/devices/pseries.h"
#include "tests/machine/fake-machine.h"
#include "tests/check-run.h"

#include <libfdt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define KERNEL_BYTES  4096u
#define KERNEL_MEMORY 0x100000u
#define ENTRY_OFFSET  0x1000u

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* A little-endian 64-bit PowerPC executable with one segment. */
static void make_elf(uint8_t *file)
{
    memset(file, 0, ENTRY_OFFSET + KERNEL_BYTES);
    memcpy(file, "\177ELF\2\1\1", 7);
    put(file + 16, 2, 2);
    put(file + 18, 2, 21);
    put(file + 24, 8, 0xc000000000000000);
    put(file + 32, 8, 64);
    put(file + 54, 2, 56);
    put(file + 56, 2, 1);
    put(file + 64, 4, 1);
    put(file + 72, 8, ENTRY_OFFSET);
    put(file + 88, 8, 0xc000000000000000);
    put(file + 96, 8, KERNEL_BYTES);
    put(file + 104, 8, KERNEL_MEMORY);
    memset(file + ENTRY_OFFSET, 0x60, KERNEL_BYTES);
}

static int file_of(const uint8_t *data, size_t length)
{
    int fd = memfd_create("file", 0);
    ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
    return fd;
}

static void ignore(void *opaque, uint64_t address, const void *data, uint64_t length)
{
    ++*(unsigned *)opaque;
}

typedef struct {
    const char *what;
    unsigned at, size;
    uint64_t value;
    const char *message; /* part of it */
    ElfError code;
} BadElf;

static const BadElf bad_elfs[] = {
    { "gzip", 0, 2, 0x8b1f, "gzip", ELF_ERROR_FORMAT },
    { "no magic", 0, 1, 0, "not an ELF file: offset 0", ELF_ERROR_FORMAT },
    { "32-bit", 4, 1, 1, "offset 4", ELF_ERROR_FORMAT },
    { "byte order", 5, 1, 3, "offset 5", ELF_ERROR_FORMAT },
    { "x86-64", 18, 2, 62, "x86-64", ELF_ERROR_FORMAT },
    { "object file", 16, 2, 1, "offset 16", ELF_ERROR_FORMAT },
    { "header size", 54, 2, 32, "offset 54", ELF_ERROR_FORMAT },
    { "no headers", 56, 2, 0, "offset 56", ELF_ERROR_FORMAT },
    { "many headers", 56, 2, 65535, "offset 56", ELF_ERROR_FORMAT },
    { "headers outside", 32, 8, UINT64_MAX - 3, "program headers at offset", ELF_ERROR_TRUNCATED },
    { "segment outside", 72, 8, UINT64_MAX - 3, "segment 0", ELF_ERROR_TRUNCATED },
    { "segment too long", 96, 8, KERNEL_BYTES + 1, "truncated: segment 0", ELF_ERROR_TRUNCATED },
    { "file beyond memory", 104, 8, 1, "more bytes in the file", ELF_ERROR_FORMAT },
    { "too large", 104, 8, 1ull << 40, "does not fit", ELF_ERROR_SPACE },
    { "size wraps", 104, 8, UINT64_MAX, "does not fit", ELF_ERROR_SPACE },
    { "nothing to load", 64, 4, 2, "no segment", ELF_ERROR_FORMAT },
    { "entry outside", 24, 8, 0xf000000, "entry point", ELF_ERROR_FORMAT },
};

START_TEST(bad_kernels_are_refused_with_a_reason)
{
    const BadElf *bad = &bad_elfs[_i];
    uint8_t file[ENTRY_OFFSET + KERNEL_BYTES];
    unsigned stores = 0;
    ElfImage image;
    g_autoptr(GError) error = NULL;
    make_elf(file);
    put(file + bad->at, bad->size, bad->value);
    int fd = file_of(file, sizeof file);
    ck_assert_msg(!elf_load(fd, 0x0fffffff, 0x400000, 16u << 20, ignore, &stores, &image, &error),
                  "%s is taken", bad->what);
    ck_assert_msg(strstr(error->message, bad->message) != NULL, "%s: %s", bad->what,
                  error->message);
    ck_assert_int_eq(error->code, bad->code);
    ck_assert_uint_eq(stores, 0);
    close(fd);
}
END_TEST

START_TEST(every_cut_kernel_is_refused)
{
    uint8_t file[ENTRY_OFFSET + KERNEL_BYTES];
    unsigned stores = 0;
    ElfImage image;
    make_elf(file);
    for (size_t length = 0; length < sizeof file; length += length < 200 ? 1 : 61) {
        g_autoptr(GError) error = NULL;
        int fd = file_of(file, length);
        ck_assert(!elf_load(fd, 0x0fffffff, 0x400000, 16u << 20, ignore, &stores, &image, &error));
        ck_assert_ptr_nonnull(error);
        close(fd);
    }
    ck_assert_uint_eq(stores, 0);
}
END_TEST

START_TEST(big_endian_kernels_are_read_too)
{
    uint8_t file[120] = "\177ELF\2\2\1";
    unsigned stores = 0;
    ElfImage image;
    file[17] = 2;
    file[19] = 21;
    file[39] = 64;
    file[55] = 56;
    file[57] = 1;
    file[67] = 1;
    file[103] = 120; /* the file itself is the segment */
    file[111] = 120;
    int fd = file_of(file, sizeof file);
    ck_assert(elf_load(fd, 0x0fffffff, 0x10000, 16u << 20, ignore, &stores, &image, NULL));
    ck_assert(!image.little_endian);
    ck_assert_uint_eq(image.low, 0x10000);
    ck_assert_uint_eq(image.high, 0x10000 + 120);
    ck_assert_uint_eq(stores, 1);
    close(fd);
}
END_TEST

/* --- the board -------------------------------------------------------------------------------- */

typedef struct {
    MachineConfig config;
    Machine *machine;
    const void *tree;
    uint64_t tree_address;
} Start;

static Start start_board(uint64_t memory_bytes, uint64_t initrd_bytes)
{
    uint8_t file[ENTRY_OFFSET + KERNEL_BYTES];
    Start start = { .config = { .memory_bytes = memory_bytes,
                                .append = (char *)"console=hvc0 quiet",
                                .kernel = (char *)"vmlinux",
                                .initrd_fd = -1 } };
    make_elf(file);
    start.config.kernel_fd = file_of(file, sizeof file);
    start.config.serial[0].id = (char *)"hvc0";
    start.config.serial_count = 1;
    start.config.nics[0].id = (char *)"net0";
    start.config.nic_count = 1;
    start.config.rng = true;
    if (initrd_bytes) {
        start.config.initrd_fd = memfd_create("initrd", 0);
        ck_assert_int_eq(ftruncate(start.config.initrd_fd, (off_t)initrd_bytes), 0);
    }
    return start;
}

static void run_start(Start *start)
{
    g_autoptr(GError) error = NULL;
    start->machine = fake_machine_new(&start->config);
    ck_assert(pseries_board.build(start->machine, &error));
    fake_machine_reset(start->machine);
    bool ok = pseries_board.load(start->machine, &error);
    ck_assert_msg(ok, "%s", error ? error->message : "");
    start->tree_address = machine_cpu(start->machine, 0)->s.gpr[3];
    start->tree = machine_memory(start->machine)->ram + start->tree_address;
}

static void end_start(Start *start)
{
    fake_machine_free(start->machine);
    close(start->config.kernel_fd);
    if (start->config.initrd_fd >= 0)
        close(start->config.initrd_fd);
}

static uint64_t number(const void *tree, const char *path, const char *name)
{
    int length, node = fdt_path_offset(tree, path);
    const uint8_t *data = fdt_getprop(tree, node, name, &length);
    uint64_t value = 0;
    ck_assert_msg(data != NULL && (length == 4 || length == 8), "%s of %s: %d", name, path, length);
    for (int i = 0; i < length; i++)
        value = value << 8 | data[i];
    return value;
}

static const uint64_t memory_sizes[] = { 64, 256, 512, 1024, 4096, 65536 };

/* valgrind has no room for the largest. */
static bool is_too_large_here(uint64_t bytes)
{
    g_autoptr(GError) error = NULL;
    Memory *memory = memory_new(bytes, &error);
    memory_free(memory);
    if (error)
        fprintf(stderr, "# left out: %s\n", error->message);
    return error != NULL;
}

START_TEST(everything_has_its_own_place_in_any_memory)
{
    if (is_too_large_here(memory_sizes[_i] << 20))
        return;
    Start start = start_board(memory_sizes[_i] << 20, 20u << 20);
    run_start(&start);
    const Cpu *cpu = machine_cpu(start.machine, 0);
    const void *tree = start.tree;
    uint64_t rtas = number(tree, "/rtas", "linux,rtas-base");
    uint64_t initrd = number(tree, "/chosen", "linux,initrd-start");
    ck_assert_uint_eq(cpu->s.cia, 0x400000);
    ck_assert_uint_eq(cpu->s.gpr[4], 0x400000);
    ck_assert_uint_eq(cpu->s.gpr[5], 0);
    ck_assert_uint_eq(cpu->s.msr, MSR_SF | MSR_ME);
    ck_assert_uint_ge(rtas, 0x400000 + KERNEL_MEMORY);
    ck_assert_uint_lt(rtas, UINT32_MAX);
    ck_assert_uint_ge(start.tree_address, rtas + 0x1000);
    ck_assert_uint_eq(start.tree_address % 8, 0);
    ck_assert_int_eq(fdt_check_full(tree, PSERIES_FDT_MAX), 0);
    ck_assert_uint_ge(initrd, start.tree_address + fdt_totalsize(tree));
    ck_assert_uint_eq(number(tree, "/chosen", "linux,initrd-end"), initrd + (20u << 20));
    ck_assert_uint_le(initrd + (20u << 20), start.config.memory_bytes);
    end_start(&start);
}
END_TEST

START_TEST(images_that_do_not_fit_are_refused)
{
    g_autoptr(GError) error = NULL;
    Start start = start_board(64u << 20, 63u << 20);
    start.machine = fake_machine_new(&start.config);
    ck_assert(pseries_board.build(start.machine, NULL));
    fake_machine_reset(start.machine);
    ck_assert(!pseries_board.load(start.machine, &error));
    ck_assert_msg(strstr(error->message, "initrd does not fit") != NULL, "%s", error->message);
    end_start(&start);
}
END_TEST

START_TEST(the_tree_says_what_is_there)
{
    Start start = start_board(256u << 20, 0);
    run_start(&start);
    const void *tree = start.tree;
    int length;
    const char *pci = "/pci@800000020000000";
    ck_assert_str_eq(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", &length),
                     "console=hvc0 quiet");
    ck_assert_ptr_null(
        fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "linux,initrd-start", &length));
    const uint8_t *vec5 =
        fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "ibm,architecture-vec-5", &length);
    ck_assert_int_eq(length, 27);
    ck_assert_uint_eq(vec5[0], 0x19);
    ck_assert_uint_eq(vec5[24], 0x40);
    ck_assert_uint_eq(vec5[26], 0x40);
    fdt_getprop(tree, fdt_path_offset(tree, "/cpus/PowerPC,POWER9@0"), "ibm,pa-features", &length);
    ck_assert_int_eq(length, 68);
    ck_assert_uint_eq(number(tree, "/cpus/PowerPC,POWER9@0", "timebase-frequency"), 512000000);
    ck_assert_uint_eq(number(tree, "/vdevice/vty@71000000", "reg"), 0x71000000);
    g_autofree char *net = g_strconcat(pci, "/ethernet@0", NULL);
    g_autofree char *rng = g_strconcat(pci, "/unknown-legacy-device@1", NULL);
    ck_assert_uint_eq(number(tree, net, "device-id"), 0x1041);
    ck_assert_uint_eq(number(tree, rng, "device-id"), 0x1044);
    const uint32_t *reg = fdt_getprop(tree, fdt_path_offset(tree, rng), "reg", &length);
    ck_assert_int_eq(length, 40);
    ck_assert_uint_eq(GUINT32_FROM_BE(reg[5]), 0x02000810);
    ck_assert_uint_eq(GUINT32_FROM_BE(reg[9]), 0x4000);
    fdt_getprop(tree, fdt_path_offset(tree, pci), "interrupt-map", &length);
    ck_assert_int_eq(length, 32 * 4 * 7 * 4);
    ck_assert_int_ge(fdt_path_offset(tree, "/ibm,platform-facilities/ibm,random-v1"), 0);
    ck_assert_int_eq(fdt_num_mem_rsv(tree), 1);
    end_start(&start);
}
END_TEST

START_TEST(every_rtas_call_is_published_under_its_token)
{
    unsigned count;
    const RtasCall *calls = pseries_rtas_calls(&count);
    Start start = start_board(256u << 20, 0);
    run_start(&start);
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(number(start.tree, "/rtas", calls[i].name), calls[i].token);
    uint32_t word;
    uint64_t rtas = number(start.tree, "/rtas", "linux,rtas-entry");
    memory_read_be32(machine_memory(start.machine), rtas + 12, &word);
    ck_assert_uint_eq(word, 0x44000022);
    end_start(&start);
}
END_TEST

START_TEST(a_reset_loads_the_same_images_again)
{
    Start start = start_board(64u << 20, 1u << 20);
    run_start(&start);
    Memory *memory = machine_memory(start.machine);
    g_autofree uint8_t *before = g_memdup2(memory->ram, memory->size);
    fake_machine_reset(start.machine);
    memset(memory->ram, 0, memory->size);
    ck_assert(pseries_board.load(start.machine, NULL));
    ck_assert_mem_eq(before, memory->ram, memory->size);
    end_start(&start);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("boards");
    TCase *tests = tcase_create("boards");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, bad_kernels_are_refused_with_a_reason, 0, G_N_ELEMENTS(bad_elfs));
    tcase_add_test(tests, every_cut_kernel_is_refused);
    tcase_add_test(tests, big_endian_kernels_are_read_too);
    tcase_add_loop_test(tests, everything_has_its_own_place_in_any_memory, 0,
                        G_N_ELEMENTS(memory_sizes));
    tcase_add_test(tests, images_that_do_not_fit_are_refused);
    tcase_add_test(tests, the_tree_says_what_is_there);
    tcase_add_test(tests, every_rtas_call_is_published_under_its_token);
    tcase_add_test(tests, a_reset_loads_the_same_images_again);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
