/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/config.h"
#include "tests/check-run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ONE(members) "{\"name\": \"a\", \"kernel\": \"/k\"" members "}"

typedef struct {
    const char *json, *error; /* what the message must hold */
} Row;

static const Row wrong[] = {
    { "", "not JSON" },
    { "[]", "the machine definition is [], expected an object" },
    { "{\"name\": \"a\"", "not JSON" },
    { "{\"kernel\": \"k\"}", "name is missing" },
    { "{\"name\": \"a\"}", "kernel is missing" },
    { ONE(", \"cpus\": 2"), "cpus is not a member of a machine definition" },
    { ONE(", \"disks\": [{\"id\": \"a\", \"file\": \"f\", \"formt\": \"raw\"}]"),
      "disks[0].formt is not a member" },
    { ONE(", \"disks\": [{\"id\": \"a\"}]"), "disks[0].file is missing" },
    { ONE(", \"disks\": [{\"id\": \"a\", \"file\": \"f\", \"format\": \"vmdk\"}]"),
      "disks[0].format is \"vmdk\", expected one of \"raw\", \"qcow2\", \"vdi\"" },
    { ONE(", \"disks\": [{\"id\": \"a\", \"file\": \"\"}]"),
      "disks[0].file is \"\", expected the path" },
    { ONE(", \"disks\": {}"), "disks is {}, expected an array" },
    { ONE(", \"disks\": [1,2,3,4,5,6,7,8,9]"), "disks has 9 elements, at most 8" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"mac\": \"01:00:00:00:00:00\"}]"),
      "nics[0].mac is \"01:" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"mac\": \"52:54:0:12:34:56\"}]"), "unicast address" },
    { ONE(", \"nics\": [{\"id\": \"hvc0\"}]"), "two devices have the id \"hvc0\"" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"vde\"}]"),
      "nics[0].backend is \"vde\", expected one of \"null\", \"user\", \"socket\", \"tap\"" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"socket\"}]"),
      "nics[0]: the back end \"socket\"" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"socket\", \"listen\": \"unix:/a\", "
          "\"connect\": \"unix:/a\"}]"),
      "needs \"listen\" at one end" },
    { ONE(", \"nics\": [{\"id\": \"m\"}, {\"id\": \"n\", \"backend\": \"socket\", \"listen\": "
          "\"tcp:localhost:1\"}]"),
      "nics[1].listen is \"tcp:localhost:1\", expected \"unix:PATH\" or" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"socket\", \"connect\": "
          "\"tcp:127.0.0.1:0\"}]"),
      "nics[0].connect is \"tcp:127.0.0.1:0\"" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"listen\": \"unix:/a\"}]"), "only for the back end" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"tap\"}]"),
      "the back end \"tap\", and no other" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"tap\": \"tap0\"}]"),
      "the back end \"tap\", and no other" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"tap\", \"tap\": \"fd:2\"}]"),
      "nics[0].tap is \"fd:2\", expected" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"backend\": \"tap\", \"tap\": \"a name of 16 by\"}]"),
      "nics[0].tap is" },
    { ONE(", \"nics\": [{\"id\": \"n\", \"pcap\": \"\"}]"), "nics[0].pcap is empty" },
    { ONE(", \"nics\": [{\"id\": \"xics\"}]"), "\"xics\" is the board's own" },
    { ONE(", \"serial\": [{\"id\": \"rng\"}]"), "\"rng\" is the board's own" },
    { ONE(", \"serial\": [{\"id\": \"0\"}]"), "serial[0].id is \"0\"" },
    { ONE(", \"serial\": [{\"id\": \"a\", \"backend\": \"pty\"}]"),
      "serial[0].backend is \"pty\", expected one of \"ring\", \"null\"" },
    { ONE(", \"serial\": [{\"id\": \"a\", \"name\": \"n\"}]"),
      "serial[0].name: only an interface \"virtio-port\" has a name" },
    { ONE(", \"serial\": [{\"id\": \"a\", \"interface\": \"virtio-port\", \"name\": \"a/b\"}]"),
      "serial[0].name is \"a/b\", expected 1 to 63 letters" },
    { ONE(", \"serial\": [{\"id\": \"a\", \"interface\": \"virtio-port\", \"name\": \"n\"}, "
          "{\"id\": \"b\", \"interface\": \"virtio-port\", \"name\": \"n\"}]"),
      "serial[1].name is \"n\" a second time" },
    { ONE(", \"serial\": [{\"id\": \"a\"}, {\"id\": \"b\"}, {\"id\": \"c\"}, {\"id\": \"d\"}, "
          "{\"id\": \"e\"}]"),
      "serial has 5 elements with the interface \"vty\", at most 4" },
    { ONE(", \"serial\": [{\"id\": \"virtio-console\"}]"), "is the board's own" },
    { ONE(", \"audio\": {}"), "audio.device is missing" },
    { ONE(", \"audio\": {\"device\": \"ac97\"}"),
      "audio.device is \"ac97\", expected one of \"none\", \"es1370\"" },
    { ONE(", \"audio\": {\"device\": \"none\", \"playback\": {\"backend\": \"wav\"}}"),
      "audio.device is \"none\": what it plays or captures needs \"es1370\"" },
    { ONE(", \"audio\": {\"device\": \"es1370\", \"playback\": {\"backend\": \"wav\", "
          "\"file\": \"../a.wav\"}}"),
      "audio.playback.file is \"../a.wav\", expected a name ending with" },
    { ONE(", \"audio\": {\"device\": \"es1370\", \"playback\": {\"backend\": \"wav\", "
          "\"replay-file\": \"playback.wav\"}}"),
      "audio.playback.replay-file is \"playback.wav\", as audio.playback.file" },
    { ONE(", \"audio\": {\"device\": \"es1370\", \"playback\": {\"backend\": \"null\", "
          "\"file\": \"a.wav\"}}"),
      "audio.playback.file needs audio.playback.backend to be \"wav\"" },
    { ONE(", \"audio\": {\"device\": \"es1370\", \"capture\": {\"backend\": \"wav\"}}"),
      "audio.capture: the back end \"wav\", and no other, needs a file" },
    { ONE(", \"audio\": {\"device\": \"es1370\"}, \"nics\": [{\"id\": \"sound\"}]"),
      "two devices have the id \"sound\"" },
    { ONE(", \"memory\": \"1\""), "memory is \"1\", expected a size" },
    { ONE(", \"memory\": \"1g\""), "memory is \"1g\"" },
    { ONE(", \"memory\": \"1GB\""), "memory is \"1GB\"" },
    { ONE(", \"memory\": \"-1G\""), "memory is \"-1G\"" },
    { ONE(", \"memory\": \"65G\""), "from 64M to 64G" },
    { ONE(", \"memory\": \"18446744073709551617\""), "memory is" },
    { ONE(", \"memory\": \"99999999999T\""), "memory is" },
    { ONE(", \"memory\": 67108865"), "a multiple of 1M" },
    { ONE(", \"memory\": -67108864"), "memory is -67108864" },
    { ONE(", \"memory\": null"), "memory is null" },
    { ONE(", \"clock\": {\"shift\": 11}"), "clock.shift is 11, expected an integer from 0 to 10" },
    { ONE(", \"clock\": {\"shift\": \"auto\"}"), "clock.shift is \"auto\"" },
    { ONE(", \"clock\": {\"rtc\": \"now\"}"), "clock.rtc is \"now\"" },
    { ONE(", \"clock\": {\"rtc\": \"2026-13-01T00:00:00\"}"), "clock.rtc is" },
    { ONE(", \"clock\": {\"sleep\": 1}"), "clock.sleep is 1, expected true or false" },
    { ONE(", \"clock\": {\"speed\": 1}"), "clock.speed is not a member" },
    { ONE(", \"board\": \"g3\""), "board is \"g3\", expected one of \"pseries\", \"bench32\"" },
    { ONE(", \"cpu\": \"g4\""), "cpu is \"g4\", expected one of \"power9\", \"7400\", \"7447a\"" },
    { ONE(", \"rng\": \"yes\""), "rng is \"yes\"" },
    { ONE(", \"append\": 1"), "append is 1, expected a text" },
    { "{\"name\": \".a\", \"kernel\": \"k\"}", "name is \".a\"" },
    { "{\"name\": \"a/b\", \"kernel\": \"k\"}", "name is \"a/b\"" },
    { "{\"name\": \"\", \"kernel\": \"k\"}", "name is \"\"" },
};

START_TEST(a_wrong_definition_is_refused_by_path_and_value)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) config = machine_config_parse(wrong[_i].json, -1, &error);
    ck_assert_msg(!config, "accepted: %s", wrong[_i].json);
    ck_assert_msg(strstr(error->message, wrong[_i].error), "%s: says %s, not %s", wrong[_i].json,
                  error->message, wrong[_i].error);
}
END_TEST

START_TEST(defaults_are_filled_in)
{
    g_autoptr(MachineConfig) c = machine_config_parse(ONE(""), -1, NULL);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->board, "pseries");
    ck_assert_str_eq(c->cpu, "power9");
    ck_assert_uint_eq(c->memory_bytes, 512ull << 20);
    ck_assert_str_eq(c->append, "");
    ck_assert(c->clock.sleep && c->clock.rtc_is_host && c->clock.shift == 0);
    ck_assert_uint_eq(c->serial_count, 1);
    ck_assert_str_eq(c->serial[0].id, "hvc0");
    ck_assert(c->rng && !c->initrd && c->disk_count == 0 && c->nic_count == 0);
}
END_TEST

START_TEST(no_serial_port_is_a_choice)
{
    g_autoptr(MachineConfig) c = machine_config_parse(ONE(", \"serial\": []"), -1, NULL);
    ck_assert_uint_eq(c->serial_count, 0);
}
END_TEST

START_TEST(values_arrive)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) c = machine_config_parse(
        ONE(", \"memory\": \"2G\", \"initrd\": \"i\", \"append\": \"console=hvc0\", \"rng\": "
            "false, "
            "\"clock\": {\"shift\": 3, \"sleep\": false, \"rtc\": \"2026-01-31T12:00:00\"}, "
            "\"serial\": [{\"id\": \"s\", \"backend\": \"null\"}], "
            "\"disks\": [{\"id\": \"d\", \"file\": \"f\", \"readonly\": true, "
            "\"completion\": \"host\"}], \"nics\": [{\"id\": \"n\"}, {\"id\": \"m\"}], "
            "\"audio\": {\"device\": \"es1370\", \"playback\": {\"backend\": \"wav\"}, "
            "\"capture\": {\"backend\": \"socket\"}}"),
        -1, &error);
    ck_assert_msg(c, "%s", error ? error->message : "");
    ck_assert_uint_eq(c->memory_bytes, 2ull << 30);
    ck_assert_int_eq(c->clock.rtc_epoch_sec, 1769860800);
    ck_assert(!c->clock.rtc_is_host && !c->clock.sleep && c->clock.shift == 3 && !c->rng);
    ck_assert_int_eq(c->serial[0].backend, CONFIG_SERIAL_NULL);
    ck_assert(c->disks[0].readonly && c->disks[0].completion == CONFIG_COMPLETION_HOST);
    ck_assert_uint_eq(c->nics[0].mac[5], 0x56);
    ck_assert_int_eq(c->audio.capture, CONFIG_SOUND_SOCKET);
    ck_assert_str_eq(c->audio.playback_file, "playback.wav");
    ck_assert(strstr(c->canonical, "\"audio\":{\"device\":\"es1370\"}"));
    ck_assert_uint_eq(c->nics[1].mac[5], 0x57);
}
END_TEST

START_TEST(the_canonical_text_means_the_same)
{
    g_autoptr(MachineConfig) a = machine_config_parse(
        ONE(", \"memory\": \"1G\", \"initrd\": \"i\", \"clock\": {\"rtc\": "
            "\"2026-01-31T12:00:00\"}, "
            "\"disks\": [{\"id\": \"d\", \"file\": \"f\"}], \"nics\": [{\"id\": \"n\"}]"),
        -1, NULL);
    g_autoptr(MachineConfig) b = machine_config_parse(a->canonical, -1, NULL);
    ck_assert_str_eq(a->canonical, b->canonical);
    ck_assert_uint_eq(a->memory_bytes, b->memory_bytes);
    ck_assert_ptr_null(strchr(a->canonical, '\n'));
}
END_TEST

START_TEST(deep_nesting_is_refused_before_it_is_parsed)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(machine_config_parse(deep, -1, &error));
    ck_assert(strstr(error->message, "levels deep"));
}
END_TEST

START_TEST(files_are_attached_by_their_path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) c =
        machine_config_parse(ONE(", \"disks\": [{\"id\": \"d\", \"file\": \"f\"}]"), -1, NULL);
    ck_assert(!machine_config_is_complete(c, &error));
    ck_assert_msg(strstr(error->message, "kernel (/k) was not given"), "%s", error->message);
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp(NULL, &path, NULL);
    ck_assert(machine_config_attach(c, "kernel", fd, NULL));
    ck_assert(!machine_config_attach(c, "kernel", dup(fd), NULL));
    ck_assert(!machine_config_attach(c, "initrd", dup(fd), NULL));
    ck_assert(!machine_config_attach(c, "disks[1].file", dup(fd), NULL));
    ck_assert(!machine_config_attach(c, "disks[0].file", open("/dev/null", O_RDONLY), NULL));
    ck_assert(machine_config_attach(c, "disks[0].file", dup(fd), NULL));
    ck_assert(machine_config_is_complete(c, NULL));
    unlink(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) c = machine_config_parse(ONE(""), -1, NULL);
    ck_assert(!machine_config_open_files(c, AT_FDCWD, &error));
    ck_assert_msg(strstr(error->message, "cannot open kernel (/k)"), "%s", error->message);
}
END_TEST

static JsonObject *schema_members(JsonParser *parser, const char *type)
{
    JsonObject *types =
        json_object_get_object_member(json_node_get_object(json_parser_get_root(parser)), "types");
    return json_object_get_object_member(json_object_get_object_member(types, type), "members");
}

/* The members that exist are written in the API's schema, too: for documentation and clients. Both
 * must name the same. */
START_TEST(sockets_of_sound_need_the_daemon)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MachineConfig) c =
        machine_config_parse(ONE(", \"audio\": {\"device\": \"es1370\", \"capture\": "
                                 "{\"backend\": \"socket\"}}"),
                             -1, NULL);
    ck_assert(!machine_config_open_files(c, AT_FDCWD, &error));
    ck_assert_msg(strstr(error->message, "audio.capture.backend: sockets of sound are served by"),
                  "%s", error->message);
}
END_TEST

START_TEST(the_schema_names_the_same_members)
{
    static const struct {
        const char *type, *format;
    } places[] = {
        { "MachineDefinition", ONE(", \"%s\": []") },
        { "ClockDefinition", ONE(", \"clock\": {\"%s\": []}") },
        { "SerialDefinition", ONE(", \"serial\": [{\"%s\": []}]") },
        { "DiskDefinition", ONE(", \"disks\": [{\"%s\": []}]") },
        { "NicDefinition", ONE(", \"nics\": [{\"%s\": []}]") },
    };
    g_autoptr(JsonParser) parser = json_parser_new();
    ck_assert(json_parser_load_from_file(parser, g_getenv("POWERPLAY_SCHEMA"), NULL));
    g_autoptr(GList) names = json_object_get_members(schema_members(parser, places[_i].type));
    for (GList *link = names; link; link = link->next) {
        char **parts = g_strsplit(places[_i].format, "%s", 2);
        g_autofree char *json = g_strconcat(parts[0], link->data, parts[1], NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(MachineConfig) config = machine_config_parse(json, -1, &error);
        ck_assert_msg(!error || !strstr(error->message, "is not a member"), "%s", error->message);
        g_strfreev(parts);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_add_loop_test(tcase, a_wrong_definition_is_refused_by_path_and_value, 0,
                        G_N_ELEMENTS(wrong));
    tcase_add_test(tcase, defaults_are_filled_in);
    tcase_add_test(tcase, no_serial_port_is_a_choice);
    tcase_add_test(tcase, values_arrive);
    tcase_add_test(tcase, the_canonical_text_means_the_same);
    tcase_add_test(tcase, deep_nesting_is_refused_before_it_is_parsed);
    tcase_add_test(tcase, files_are_attached_by_their_path);
    tcase_add_test(tcase, a_file_that_cannot_be_opened_is_named);
    tcase_add_test(tcase, sockets_of_sound_need_the_daemon);
    tcase_add_loop_test(tcase, the_schema_names_the_same_members, 0, 5);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
