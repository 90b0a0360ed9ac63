/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/small-machine.h"
#include "tests/machine/repeatable.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A 64-bit program: addi r3,r3,1; std r3,0(r4); ld r5,0(r4); b back. */
static int make_kernel(void)
{
    static const uint8_t program[] = { 0x38, 0x63, 0, 1, 0xf8, 0x64, 0,    0,
                                       0xe8, 0xa4, 0, 0, 0x4b, 0xff, 0xff, 0xf4 };
    struct {
        uint8_t ident[16];
        uint16_t type, machine;
        uint32_t version;
        uint64_t entry, phoff, shoff;
        uint32_t flags;
        uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
        uint32_t p_type, p_flags;
        uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
        uint8_t text[sizeof program];
    } file = { .ident = { 0x7f, 'E', 'L', 'F', 2, 2, 1 },
               .type = GUINT16_TO_BE(2),
               .machine = GUINT16_TO_BE(21),
               .version = GUINT32_TO_BE(1),
               .phoff = GUINT64_TO_BE(64),
               .ehsize = GUINT16_TO_BE(64),
               .phentsize = GUINT16_TO_BE(56),
               .phnum = GUINT16_TO_BE(1),
               .p_type = GUINT32_TO_BE(1),
               .p_flags = GUINT32_TO_BE(7),
               .p_offset = GUINT64_TO_BE(120),
               .p_filesz = GUINT64_TO_BE(sizeof program),
               .p_memsz = GUINT64_TO_BE(sizeof program),
               .p_align = GUINT64_TO_BE(65536) };
    memcpy(file.text, program, sizeof program);
    int fd = memfd_create("kernel", 0);
    g_assert(fd >= 0 && write(fd, &file, sizeof file) == (ssize_t)sizeof file);
    return fd;
}

Machine *small_machine_new(const MachineHost *host)
{
    g_autofree char *json = g_strdup_printf(
        "{\"name\":\"fuzzed\",\"board\":\"pseries\",\"cpu\":\"power9\",\"memory\":\"64M\","
        "\"kernel\":\"/proc/self/fd/%d\",\"clock\":{\"shift\":0,\"sleep\":false,"
        "\"rtc\":\"2026-01-31T12:00:00\"},\"serial\":[{\"id\":\"hvc0\",\"backend\":\"ring\"}]}",
        make_kernel());
    return repeatable_build(json, AT_FDCWD, host);
}
