/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/replay/support.h"

#include <sys/mman.h>
#include <unistd.h>

int support_file(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    return fd;
}

int support_file_with(const guint8 *data, gsize length)
{
    int fd = support_file();

    ck_assert_int_eq(pwrite(fd, data, length, 0), (gssize)length);
    return fd;
}

GByteArray *support_read(int fd)
{
    GByteArray *bytes = g_byte_array_new();
    off_t size = lseek(fd, 0, SEEK_END);

    g_byte_array_set_size(bytes, size);
    ck_assert_int_eq(pread(fd, bytes->data, size, 0), size);
    return bytes;
}

guint64 dice_roll(Dice *dice)
{
    guint64 mixed = dice->state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

guint64 dice_below(Dice *dice, guint64 limit)
{
    return dice_roll(dice) % limit;
}
