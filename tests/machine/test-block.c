/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks and their layers: what was written is read, versions come back, damage is seen.
 */
#include "machine/block/commit.h"
#include "machine/block/disk.h"
#include "machine/block/layer.h"
#include "machine/block/nbd.h"
#include "tests/check-run.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_BYTES (5 * LAYER_CLUSTER + 1536) /* the last cluster is short */

static char *directory;
static int directory_fd, image_fd;
static uint8_t *model; /* what the disk should hold */

static void setup(void)
{
    directory = g_dir_make_tmp("test-block-XXXXXX", NULL);
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(directory_fd, 0);
    image_fd = memfd_create("image", 0);
    model = g_malloc(IMAGE_BYTES);
    for (unsigned i = 0; i < IMAGE_BYTES; i++)
        model[i] = (uint8_t)(i / 512 + i);
    ck_assert_int_eq(write(image_fd, model, IMAGE_BYTES), IMAGE_BYTES);
}

static void teardown(void)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir)))
        unlinkat(directory_fd, name, 0);
    g_dir_close(dir);
    g_rmdir(directory);
    close(directory_fd);
    close(image_fd);
    g_free(directory);
    g_free(model);
}

static Disk *open_disk(void)
{
    g_autoptr(GError) error = NULL;
    Disk *disk = disk_new(image_fd, &error);
    ck_assert_msg(disk && disk_add_layer(disk, directory_fd, "hd0", &error), "%s",
                  error ? error->message : "");
    return disk;
}

static void put(Disk *disk, uint64_t offset, uint32_t length, uint8_t byte)
{
    uint8_t *data = g_malloc(length);
    memset(data, byte, length);
    ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_WRITE, offset, length, data), NULL), 0);
}

static void put_modelled(Disk *disk, uint64_t offset, uint32_t length, uint8_t byte)
{
    put(disk, offset, length, byte);
    memset(model + offset, byte, length);
}

static void check_content(Disk *disk, const uint8_t *expected)
{
    uint8_t *data;
    for (uint64_t at = 0; at < IMAGE_BYTES; at += 7 * 512) {
        uint32_t length = (uint32_t)MIN(7 * 512, IMAGE_BYTES - at);
        ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_READ, at, length, NULL), &data), 0);
        ck_assert_msg(!memcmp(data, expected + at, length), "bytes from %u on differ",
                      (unsigned)at);
        g_free(data);
    }
}

static void zero_modelled(Disk *disk, uint64_t offset, uint32_t length)
{
    ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_ZERO, offset, length, NULL), NULL), 0);
    memset(model + offset, 0, length);
}

static uint64_t freeze(Disk *disk)
{
    uint64_t version = 0;
    ck_assert(disk_freeze(disk, &version, NULL));
    return version;
}

START_TEST(writes_are_read_back_over_the_image)
{
    g_autoptr(Disk) disk = open_disk();
    check_content(disk, model);
    put_modelled(disk, 512, 512, 1);
    put_modelled(disk, LAYER_CLUSTER - 512, 1024, 2);
    put_modelled(disk, LAYER_CLUSTER * 2, LAYER_CLUSTER * 2, 3);
    put_modelled(disk, IMAGE_BYTES - 512, 512, 4);
    check_content(disk, model);
}
END_TEST

START_TEST(random_writes_match_a_model_across_openings)
{
    GRand *random = g_rand_new_with_seed(7);
    for (unsigned round = 0; round < 5; round++) {
        g_autoptr(Disk) disk = open_disk();
        check_content(disk, model);
        for (unsigned i = 0; i < 40; i++) {
            uint64_t sector = (uint64_t)g_rand_int_range(random, 0, IMAGE_BYTES / 512);
            uint32_t count = (uint32_t)g_rand_int_range(random, 1, 200);
            count = (uint32_t)MIN(count, IMAGE_BYTES / 512 - sector);
            if (i % 4 == 3)
                zero_modelled(disk, sector * 512, count * 512);
            else
                put_modelled(disk, sector * 512, count * 512, (uint8_t)g_rand_int(random));
        }
        check_content(disk, model);
    }
    g_rand_free(random);
}
END_TEST

START_TEST(the_image_is_never_written)
{
    uint8_t byte;
    g_autoptr(Disk) disk = open_disk();
    put(disk, 0, 512, 0xff);
    ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_FLUSH, 0, 0, NULL), NULL), 0);
    ck_assert_int_eq(pread(image_fd, &byte, 1, 0), 1);
    ck_assert_uint_eq(byte, model[0]);
}
END_TEST

START_TEST(versions_come_back_in_any_order)
{
    enum { VERSIONS = 12 };
    g_autoptr(Disk) disk = open_disk();
    uint8_t *content[VERSIONS];
    uint64_t version[VERSIONS];
    GRand *random = g_rand_new_with_seed(11);
    for (unsigned i = 0; i < VERSIONS; i++) {
        put_modelled(disk, (uint64_t)(i % 5) * LAYER_CLUSTER + 512 * i, 1024, (uint8_t)(i + 1));
        version[i] = freeze(disk);
        content[i] = g_memdup2(model, IMAGE_BYTES);
        /* Every other version builds upon an older one. */
        if (i % 2) {
            unsigned back = (unsigned)g_rand_int_range(random, 0, (gint32)i);
            ck_assert(disk_restore(disk, version[back], NULL));
            memcpy(model, content[back], IMAGE_BYTES);
        }
    }
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
    for (unsigned i = 0; i < 3 * VERSIONS; i++) {
        unsigned wanted = (unsigned)g_rand_int_range(random, 0, VERSIONS);
        ck_assert(disk_restore(disk, version[wanted], NULL));
        check_content(disk, content[wanted]);
        put(disk, 512 * (uint64_t)wanted, 512, 0x99); /* must not show in any version */
    }
    for (unsigned i = 0; i < VERSIONS; i++) {
        ck_assert(disk_restore(disk, version[i], NULL));
        check_content(disk, content[i]);
        g_free(content[i]);
    }
    ck_assert(disk_restore(disk, 0, NULL)); /* before everything */
    g_rand_free(random);
}
END_TEST

static uint64_t host_bytes(const char *name)
{
    struct stat info;
    ck_assert_int_eq(fstatat(directory_fd, name, &info, 0), 0);
    return (uint64_t)info.st_blocks * 512;
}

START_TEST(zeroes_take_no_space_and_belong_to_versions)
{
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 0, LAYER_CLUSTER * 2, 1);
    uint64_t full = freeze(disk);
    g_autofree uint8_t *then = g_memdup2(model, IMAGE_BYTES);
    uint64_t before = host_bytes("hd0.clusters");
    zero_modelled(disk, 0, IMAGE_BYTES); /* the short last cluster, too */
    check_content(disk, model);
    ck_assert_uint_eq(host_bytes("hd0.clusters"), before);
    put_modelled(disk, LAYER_CLUSTER * 3 + 512, 512, 2);
    put_modelled(disk, LAYER_CLUSTER * 4, LAYER_CLUSTER, 3);
    zero_modelled(disk, LAYER_CLUSTER * 4, LAYER_CLUSTER); /* not in a version: given back */
    ck_assert_uint_le(host_bytes("hd0.clusters"), before + LAYER_CLUSTER);
    uint64_t empty = freeze(disk);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
    ck_assert(disk_restore(disk, full, NULL));
    check_content(disk, then);
    ck_assert(disk_restore(disk, empty, NULL));
    check_content(disk, model);
}
END_TEST

START_TEST(zeroes_inside_a_private_disk_last_outside)
{
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 1024, 512, 1);
    uint64_t start = freeze(disk);
    g_autofree uint8_t *outside = g_memdup2(model, IMAGE_BYTES);
    ck_assert(disk_enter_private(disk, start, NULL));
    zero_modelled(disk, LAYER_CLUSTER, LAYER_CLUSTER * 2 + 512);
    uint64_t inside = freeze(disk);
    put(disk, LAYER_CLUSTER, 512, 9);
    disk_leave_private(disk);
    check_content(disk, outside);
    ck_assert(disk_restore(disk, inside, NULL));
    check_content(disk, model);
}
END_TEST

START_TEST(unknown_versions_are_refused_and_change_nothing)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 0, 512, 5);
    freeze(disk);
    put_modelled(disk, 512, 512, 6);
    ck_assert(!disk_restore(disk, 77, &error));
    ck_assert(strstr(error->message, "no version 77"));
    check_content(disk, model);
}
END_TEST

START_TEST(a_frozen_lower_layer_is_only_read)
{
    g_autoptr(Disk) recorded = open_disk();
    put_modelled(recorded, 1024, 512, 1);
    uint64_t version = freeze(recorded);
    put(recorded, 1024, 512, 2);
    disk_free(g_steal_pointer(&recorded));
    struct stat before, after;
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &before, 0), 0);

    g_autoptr(Disk) disk = disk_new(image_fd, NULL);
    ck_assert(disk_add_lower_layer(disk, directory_fd, "hd0", version, NULL));
    ck_assert(disk_add_layer(disk, -1, "private", NULL));
    check_content(disk, model);
    ck_assert(disk_restore(disk, version, NULL)); /* the start snapshot's version */
    put(disk, 1024, 512, 3);
    uint64_t later = freeze(disk);
    ck_assert_uint_gt(later, version);
    ck_assert(disk_restore(disk, version, NULL));
    check_content(disk, model);
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &after, 0), 0);
    ck_assert_int_eq(before.st_size, after.st_size);
}
END_TEST

START_TEST(a_private_disk_leaves_no_trace)
{
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 1024, 512, 1);
    uint64_t version = freeze(disk);
    g_autofree uint8_t *then = g_memdup2(model, IMAGE_BYTES);
    put_modelled(disk, 1024, 512, 2);
    put_modelled(disk, LAYER_CLUSTER * 3, 512, 3);
    for (unsigned round = 0; round < 3; round++) {
        ck_assert(!disk_enter_private(disk, 99, NULL));
        ck_assert(!disk_is_private(disk));
        ck_assert(disk_enter_private(disk, version, NULL));
        ck_assert(disk_is_private(disk));
        check_content(disk, then);
        put(disk, 1024, 2048, 0x55);
        uint64_t inside = freeze(disk);
        put(disk, 0, 2048, 0x66);
        ck_assert(disk_restore(disk, inside, NULL));
        ck_assert(disk_restore(disk, version, NULL));
        check_content(disk, then);
        put(disk, 4096, 512, 0x77);
        disk_leave_private(disk);
        check_content(disk, model);
    }
    put_modelled(disk, LAYER_CLUSTER * 4, 512, 4);
    disk_enter_private(disk, version, NULL); /* and freed in the middle */
    put(disk, 0, 512, 0x88);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
}
END_TEST

/* Versions frozen inside are the same outside, in another process too, and the present is not
 * touched. */
START_TEST(a_version_frozen_inside_lasts_outside)
{
    enum { VERSIONS = 4 };
    uint64_t version[VERSIONS];
    uint8_t *content[VERSIONS] = { NULL };
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 1024, 512, 1);
    uint64_t start = freeze(disk);
    g_autofree uint8_t *inside = g_memdup2(model, IMAGE_BYTES);
    put_modelled(disk, LAYER_CLUSTER, 512, 2);
    ck_assert(disk_enter_private(disk, start, NULL));
    for (unsigned i = 0; i < VERSIONS; i++) {
        if (i == 2) { /* a branch of its own */
            ck_assert(disk_restore(disk, version[0], NULL));
            memcpy(inside, content[0], IMAGE_BYTES);
        }
        put(disk, LAYER_CLUSTER * i, 1024, (uint8_t)(0x40 + i));
        memset(inside + LAYER_CLUSTER * i, 0x40 + i, 1024);
        version[i] = freeze(disk);
        ck_assert_uint_eq(freeze(disk), version[i]);
        content[i] = g_memdup2(inside, IMAGE_BYTES);
        check_content(disk, inside);
    }
    disk_leave_private(disk);
    check_content(disk, model);
    put_modelled(disk, LAYER_CLUSTER * 5, 512, 5);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
    for (unsigned i = 0; i < VERSIONS; i++) {
        ck_assert(disk_enter_private(disk, version[i], NULL));
        check_content(disk, content[i]);
        disk_leave_private(disk);
    }
    uint64_t present = freeze(disk);
    ck_assert(disk_restore(disk, version[1], NULL));
    check_content(disk, content[1]);
    ck_assert(disk_restore(disk, present, NULL));
    check_content(disk, model);
    for (unsigned i = 0; i < VERSIONS; i++)
        g_clear_pointer(&content[i], g_free);
}
END_TEST

static uint64_t freeze_passing(Disk *disk)
{
    disk_set_passing(disk, true);
    uint64_t version = freeze(disk);
    disk_set_passing(disk, false);
    return version;
}

START_TEST(a_version_made_in_passing_on_a_live_disk_lasts)
{
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 0, LAYER_CLUSTER, 1);
    ck_assert(disk_is_idle(disk));
    uint64_t first = freeze_passing(disk);
    ck_assert_uint_eq(freeze(disk), first); /* the same one, and now it is durable */
    g_autofree uint8_t *content = g_memdup2(model, IMAGE_BYTES);
    ck_assert_uint_eq(disk_superseded(disk), 0);
    put_modelled(disk, 0, 512, 2);
    put_modelled(disk, 512, 512, 3);
    put_modelled(disk, LAYER_CLUSTER, 512, 4);
    ck_assert_uint_eq(disk_superseded(disk), 1);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
    ck_assert(disk_enter_private(disk, first, NULL));
    check_content(disk, content);
}
END_TEST

START_TEST(passing_versions_leave_no_trace_outside_and_lasting_ones_between_them_are_whole)
{
    enum { VERSIONS = 6 };
    uint64_t version[VERSIONS];
    uint8_t *content[VERSIONS];
    struct stat before, after;
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 1024, 512, 1);
    uint64_t start = freeze(disk);
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &before, 0), 0);
    ck_assert(disk_enter_private(disk, start, NULL));
    for (unsigned i = 0; i < VERSIONS; i++) {
        version[i] = freeze_passing(disk);
        content[i] = g_memdup2(model, IMAGE_BYTES);
        put_modelled(disk, LAYER_CLUSTER * i, 1024, (uint8_t)(0x40 + i));
    }
    for (unsigned i = VERSIONS; i > 0; i--) {
        ck_assert(disk_restore(disk, version[i - 1], NULL));
        check_content(disk, content[i - 1]);
    }
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &after, 0), 0);
    ck_assert_int_eq(before.st_size, after.st_size);

    ck_assert(disk_restore(disk, version[4], NULL));
    uint64_t late = freeze(disk);
    ck_assert(disk_restore(disk, version[2], NULL));
    uint64_t early = freeze(disk);
    ck_assert(disk_restore(disk, late, NULL)); /* begins another private layer */
    check_content(disk, content[4]);
    ck_assert(!disk_restore(disk, version[3], NULL));
    check_content(disk, content[4]);
    ck_assert(disk_restore(disk, version[0], NULL));
    check_content(disk, content[0]);
    disk_leave_private(disk);
    ck_assert(disk_enter_private(disk, early, NULL));
    check_content(disk, content[2]);
    for (unsigned i = 0; i < VERSIONS; i++)
        g_free(content[i]);
}
END_TEST

/* A crash while a version is copied outside: wherever the map ends, the present is what it was. */
START_TEST(a_version_half_copied_outside_is_not_there)
{
    struct stat before, after;
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 1024, 512, 1);
    uint64_t start = freeze(disk);
    put_modelled(disk, LAYER_CLUSTER, 512, 2);
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &before, 0), 0);
    ck_assert(disk_enter_private(disk, start, NULL));
    put(disk, 0, LAYER_CLUSTER * 3, 0x55);
    freeze(disk);
    disk_free(g_steal_pointer(&disk));
    ck_assert_int_eq(fstatat(directory_fd, "hd0.map", &after, 0), 0);
    ck_assert_int_gt(after.st_size, before.st_size + 3 * 24);
    int fd = openat(directory_fd, "hd0.map", O_RDWR);
    for (off_t size = after.st_size; size >= before.st_size; size -= 7) {
        ck_assert_int_eq(ftruncate(fd, size), 0);
        disk = open_disk();
        check_content(disk, model);
        disk_free(g_steal_pointer(&disk));
    }
    close(fd);
    disk = open_disk();
    put_modelled(disk, LAYER_CLUSTER * 4, 512, 4);
    freeze(disk);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
}
END_TEST

START_TEST(a_disk_without_a_layer_refuses_writes)
{
    g_autoptr(Disk) disk = disk_new(image_fd, NULL);
    check_content(disk, model);
    uint64_t ticket = disk_submit(disk, DISK_WRITE, 0, 512, g_malloc0(512));
    ck_assert_int_eq(disk_wait(disk, ticket, NULL), EROFS);
}
END_TEST

/* The descriptor by which this process holds NAME open. */
static int find_descriptor(const char *name)
{
    char path[64], target[4096];
    for (int fd = 3; fd < 256; fd++) {
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0 && (target[length] = 0, g_str_has_suffix(target, name)))
            return fd;
    }
    ck_abort_msg("%s is not open", name);
    return -1;
}

START_TEST(a_full_host_disk_delays_and_loses_nothing)
{
    DiskFigures figures = { 0 };
    g_autoptr(Disk) disk = open_disk();
    int fd = find_descriptor("/hd0.clusters"), kept = dup(fd), full = open("/dev/full", O_RDWR);
    ck_assert_int_ge(full, 0);
    ck_assert_int_eq(dup2(full, fd), fd);
    uint8_t *data = g_malloc(512);
    memset(data, 0x5a, 512);
    uint64_t ticket = disk_submit(disk, DISK_WRITE, 512, 512, data);
    while (!figures.is_waiting_for_space) {
        g_usleep(1000);
        disk_figures(disk, &figures);
    }
    ck_assert(!disk_is_done(disk, ticket));
    ck_assert_int_eq(dup2(kept, fd), fd);
    ck_assert_int_eq(disk_wait(disk, ticket, NULL), 0);
    disk_figures(disk, &figures);
    ck_assert(!figures.is_waiting_for_space && figures.errors == 0);
    memset(model + 512, 0x5a, 512);
    check_content(disk, model);
    close(kept);
    close(full);
}
END_TEST

START_TEST(a_committed_layer_is_in_the_image_and_gone)
{
    uint32_t clusters = 99;
    g_autofree uint8_t *image = g_malloc(IMAGE_BYTES);
    g_autoptr(GError) error = NULL;
    ck_assert(commit_layer(directory_fd, "hd0", image_fd, &clusters, NULL));
    ck_assert_uint_eq(clusters, 0);
    g_autoptr(Disk) disk = open_disk();
    put_modelled(disk, 512, 512, 1);
    freeze(disk);
    put_modelled(disk, LAYER_CLUSTER + 512, 1024, 2);
    put_modelled(disk, IMAGE_BYTES - 512, 512, 3);
    zero_modelled(disk, LAYER_CLUSTER * 3, LAYER_CLUSTER);
    disk_free(g_steal_pointer(&disk));

    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", image_fd);
    int readonly = open(path, O_RDONLY);
    ck_assert(!commit_layer(directory_fd, "hd0", readonly, &clusters, &error));
    ck_assert(strstr(error->message, "cannot write the image"));
    close(readonly);
    disk = open_disk();
    check_content(disk, model); /* nothing is lost */
    disk_free(g_steal_pointer(&disk));

    ck_assert(commit_layer(directory_fd, "hd0", image_fd, &clusters, NULL));
    ck_assert_uint_eq(clusters, 4);
    ck_assert_int_eq(pread(image_fd, image, IMAGE_BYTES, 0), IMAGE_BYTES);
    ck_assert(memcmp(image, model, IMAGE_BYTES) == 0);
    ck_assert_int_eq(faccessat(directory_fd, "hd0.map", F_OK, 0), -1);
    ck_assert_int_eq(faccessat(directory_fd, "hd0.clusters", F_OK, 0), -1);
    disk = open_disk();
    check_content(disk, model);
}
END_TEST

/* What a server would say to a client that reads the first sectors, all of it in advance. */
static int scripted_server(uint64_t size, unsigned replies, unsigned bad_reply)
{
    static const uint8_t greeting[] = "NBDMAGICIHAVEOPT\0\3";
    uint8_t export[20 + 12] = { 0x00, 0x03, 0xe8, 0x89, 0x04, 0x55, 0x65, 0xa9, 0, 0,
                                0,    7,    0,    0,    0,    3,    0,    0,    0, 12 };
    uint8_t ack[20], reply[16 + 512] = { 0x67, 0x44, 0x66, 0x98 };
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    memcpy(ack, export, sizeof ack);
    ack[15] = 1;
    ack[19] = 0;
    for (unsigned i = 0; i < 8; i++)
        export[22 + i] = (uint8_t)(size >> 8 * (7 - i));
    ck_assert_int_eq(write(pair[1], greeting, 18), 18);
    ck_assert_int_eq(write(pair[1], export, sizeof export), sizeof export);
    ck_assert_int_eq(write(pair[1], ack, sizeof ack), sizeof ack);
    for (unsigned i = 1; i <= replies; i++) {
        reply[7] = i == bad_reply ? 5 : 0;
        reply[15] = (uint8_t)i;
        memset(reply + 16, (int)i, 512);
        ssize_t length = i == bad_reply ? 16 : sizeof reply;
        ck_assert_int_eq(write(pair[1], reply, (size_t)length), length);
    }
    shutdown(pair[1], SHUT_WR);
    return pair[0]; /* the other end stays open for the requests */
}

START_TEST(an_image_is_read_through_its_server)
{
    uint8_t *data = NULL;
    int socket = scripted_server(1024 + 300, 4, 3);
    g_autoptr(GError) error = NULL;
    g_autoptr(Disk) disk = disk_new_nbd(socket, &error);
    ck_assert_msg(disk != NULL, "%s", error ? error->message : "");
    ck_assert_uint_eq(disk_size(disk), 1024);
    for (unsigned i = 1; i <= 5; i++) {
        uint64_t ticket = disk_submit(disk, DISK_READ, 512, 512, NULL);
        ck_assert_int_eq(disk_wait(disk, ticket, &data), i == 3 || i == 5 ? EIO : 0);
        ck_assert(i == 3 || i == 5 || data[511] == i);
        g_clear_pointer(&data, g_free);
    }
    close(socket);
}
END_TEST

START_TEST(a_server_that_talks_nonsense_is_refused)
{
    static const uint8_t nonsense[64] = "HTTP/1.1 400 Bad Request";
    g_autoptr(GError) error = NULL;
    int pair[2], socket = scripted_server(UINT64_MAX, 0, 0);
    ck_assert(!disk_new_nbd(socket, &error));
    ck_assert(strstr(error->message, "no size"));
    g_clear_error(&error);
    close(socket);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(write(pair[1], nonsense, sizeof nonsense), sizeof nonsense);
    ck_assert(!disk_new_nbd(pair[0], &error));
    ck_assert(strstr(error->message, "does not speak NBD"));
    close(pair[0]);
    close(pair[1]);
}
END_TEST

static int read_code(Disk *disk, uint64_t offset, uint32_t length)
{
    g_autofree uint8_t *data = NULL;
    return disk_wait(disk, disk_submit(disk, DISK_READ, offset, length, NULL), &data);
}

START_TEST(what_a_failed_write_left_is_never_read)
{
    g_autoptr(Disk) disk = open_disk();
    uint32_t length = 2048;
    /* The write's first half goes well; the second needs the rest of a cluster that is gone. */
    ck_assert_int_eq(ftruncate(image_fd, LAYER_CLUSTER), 0);
    uint64_t at = LAYER_CLUSTER - length / 2;
    uint8_t *data = g_malloc0(length);
    ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_WRITE, at, length, data), NULL), EIO);
    ck_assert_int_eq(
        pwrite(image_fd, model + LAYER_CLUSTER, IMAGE_BYTES - LAYER_CLUSTER, LAYER_CLUSTER),
        IMAGE_BYTES - LAYER_CLUSTER);
    ck_assert_int_eq(read_code(disk, at, 512), EIO);
    ck_assert_int_eq(read_code(disk, at + length - 512, 1024), EIO);
    ck_assert_int_eq(read_code(disk, at - 512, 512), 0);
    ck_assert_int_eq(read_code(disk, at + length, 512), 0);
    put_modelled(disk, at + 512, 512, 7);
    ck_assert_int_eq(read_code(disk, at + 512, 512), 0);
    ck_assert_int_eq(read_code(disk, at, 512), EIO);
    ck_assert_int_eq(read_code(disk, at + 1024, 512), EIO);
    put_modelled(disk, at - 512, length + 1024, 8);
    check_content(disk, model);
}
END_TEST

START_TEST(a_version_without_writes_is_the_one_before)
{
    g_autoptr(Disk) disk = open_disk();
    ck_assert_uint_eq(freeze(disk), freeze(disk));
    put(disk, 0, 512, 1);
    uint64_t version = freeze(disk);
    ck_assert_uint_eq(freeze(disk), version);
    put(disk, 0, 512, 2);
    uint64_t later = freeze(disk);
    ck_assert_uint_gt(later, version);
    ck_assert(disk_restore(disk, version, NULL));
    ck_assert_uint_eq(freeze(disk), version);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    ck_assert_uint_eq(freeze(disk), version);
    put(disk, 0, 512, 3);
    ck_assert_uint_gt(freeze(disk), later);
}
END_TEST

START_TEST(a_cut_map_is_a_shorter_one)
{
    struct stat info;
    g_autoptr(Disk) disk = open_disk();
    put(disk, 0, 512, 1);
    put(disk, LAYER_CLUSTER, 512, 2);
    disk_free(g_steal_pointer(&disk));
    int fd = openat(directory_fd, "hd0.map", O_RDWR);
    ck_assert_int_eq(fstat(fd, &info), 0);
    ck_assert_int_eq(ftruncate(fd, info.st_size - 5), 0);
    close(fd);
    memset(model, 1, 512); /* the first write is there, the second is gone */
    disk = open_disk();
    check_content(disk, model);
    put_modelled(disk, 3 * LAYER_CLUSTER, 512, 9);
    disk_free(g_steal_pointer(&disk));
    disk = open_disk();
    check_content(disk, model);
}
END_TEST

START_TEST(every_flipped_byte_of_the_map_is_harmless_or_seen)
{
    struct stat info;
    g_autoptr(Disk) disk = open_disk();
    put(disk, 0, 512, 1);
    freeze(disk);
    put(disk, 0, 512, 2);
    disk_free(g_steal_pointer(&disk));
    int fd = openat(directory_fd, "hd0.map", O_RDWR);
    ck_assert_int_eq(fstat(fd, &info), 0);
    for (off_t at = 0; at < info.st_size; at++) {
        uint8_t byte, flipped;
        g_autoptr(GError) error = NULL;
        ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
        flipped = byte ^ 0x10;
        ck_assert_int_eq(pwrite(fd, &flipped, 1, at), 1);
        disk = disk_new(image_fd, NULL);
        bool ok = disk_add_layer(disk, directory_fd, "hd0", &error);
        ck_assert_msg(at >= 32 || !ok, "a wrong header byte at %d is taken", (int)at);
        if (ok) { /* a shorter log: never a foreign cluster */
            uint8_t *data;
            ck_assert_int_eq(disk_wait(disk, disk_submit(disk, DISK_READ, 0, 512, NULL), &data), 0);
            ck_assert(data[0] == model[0] || data[0] == 1);
            g_free(data);
        }
        disk_free(g_steal_pointer(&disk));
        ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}
END_TEST

START_TEST(unusable_images_are_refused)
{
    g_autoptr(GError) error = NULL;
    int fd = memfd_create("tiny", 0);
    ck_assert_ptr_null(disk_new(fd, &error));
    ck_assert(strstr(error->message, "0 bytes"));
    close(fd);
    g_clear_error(&error);
    ck_assert_ptr_null(disk_new(-1, &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(a_layer_of_another_disk_is_refused)
{
    g_autoptr(GError) error = NULL;
    disk_free(open_disk());
    int fd = memfd_create("other", 0);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    g_autoptr(Disk) other = disk_new(fd, NULL);
    ck_assert(!disk_add_layer(other, directory_fd, "hd0", &error));
    ck_assert_msg(strstr(error->message, "another disk") != NULL, "%s", error->message);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("block");
    TCase *tests = tcase_create("block");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, writes_are_read_back_over_the_image);
    tcase_add_test(tests, random_writes_match_a_model_across_openings);
    tcase_add_test(tests, the_image_is_never_written);
    tcase_add_test(tests, versions_come_back_in_any_order);
    tcase_add_test(tests, zeroes_take_no_space_and_belong_to_versions);
    tcase_add_test(tests, zeroes_inside_a_private_disk_last_outside);
    tcase_add_test(tests, a_committed_layer_is_in_the_image_and_gone);
    tcase_add_test(tests, an_image_is_read_through_its_server);
    tcase_add_test(tests, a_server_that_talks_nonsense_is_refused);
    tcase_add_test(tests, unknown_versions_are_refused_and_change_nothing);
    tcase_add_test(tests, a_frozen_lower_layer_is_only_read);
    tcase_add_test(tests, a_private_disk_leaves_no_trace);
    tcase_add_test(tests, a_version_frozen_inside_lasts_outside);
    tcase_add_test(tests, a_version_made_in_passing_on_a_live_disk_lasts);
    tcase_add_test(tests,
                   passing_versions_leave_no_trace_outside_and_lasting_ones_between_them_are_whole);
    tcase_add_test(tests, a_version_half_copied_outside_is_not_there);
    tcase_add_test(tests, a_disk_without_a_layer_refuses_writes);
    tcase_add_test(tests, a_full_host_disk_delays_and_loses_nothing);
    tcase_add_test(tests, what_a_failed_write_left_is_never_read);
    tcase_add_test(tests, a_version_without_writes_is_the_one_before);
    tcase_add_test(tests, a_cut_map_is_a_shorter_one);
    tcase_add_test(tests, every_flipped_byte_of_the_map_is_harmless_or_seen);
    tcase_add_test(tests, unusable_images_are_refused);
    tcase_add_test(tests, a_layer_of_another_disk_is_refused);
    suite_add_tcase(suite, tests);
    return check_run(suite);
}
