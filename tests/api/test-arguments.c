/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Generated tables, on the largest type that the schema has. */

#include "api-types.h"
#include "api/json-reader.h"
#include "tests/check-run.h"

#include <string.h>

#define ONE(member) "{\"name\":\"a\",\"kernel\":\"k\"," member "}"

typedef struct {
    const char *json, *error;
} Row;

static const Row rows[] = {
    { "{\"kernel\":\"k\"}", "Parameter 'name' is missing" },
    { ONE("\"bogus\":1"), "Parameter 'bogus' is unexpected" },
    { ONE("\"disks\":{}"), "Invalid parameter type for 'disks', expected: array" },
    { ONE("\"disks\":[1]"), "Invalid parameter type for 'disks[0]', expected: object" },
    { ONE("\"disks\":[{\"id\":\"a\",\"file\":\"f\",\"formt\":\"raw\"}]"),
      "Parameter 'disks[0].formt' is unexpected" },
    { ONE("\"disks\":[{\"id\":\"a\",\"file\":\"f\"},{\"id\":\"b\"}]"),
      "Parameter 'disks[1].file' is missing" },
    { ONE("\"disks\":[{\"id\":\"a\",\"file\":\"f\",\"format\":\"vmdk\"}]"),
      "Parameter 'disks[0].format' does not accept value 'vmdk'" },
    { ONE("\"clock\":{\"shift\":11}"), "Parameter 'clock.shift' expects a value from 0 to 10" },
    { ONE("\"clock\":{\"shift\":\"auto\"}"),
      "Invalid parameter type for 'clock.shift', expected: integer" },
    { ONE("\"rng\":0"), "Invalid parameter type for 'rng', expected: boolean" },
    { ONE("\"rng\":null"), "Invalid parameter type for 'rng', expected: boolean" },
    { ONE("\"append\":1"), "Invalid parameter type for 'append', expected: string" },
    { ONE("\"append\":1.5"), "Invalid parameter type for 'append', expected: string" },
};

static bool parse(const char *json, ApiMachineDefinition *out, GError **error)
{
    g_autoptr(JsonNode) node = api_json_parse(json, -1, NULL);
    ck_assert_ptr_nonnull(node);
    memset(out, 0, sizeof(*out));
    return api_arguments_parse(&api_machine_definition_struct, json_node_get_object(node), out,
                               error);
}

START_TEST(a_wrong_member_is_named_by_its_path)
{
    ApiMachineDefinition definition;
    g_autoptr(GError) error = NULL;
    ck_assert(!parse(rows[_i].json, &definition, &error));
    ck_assert_str_eq(error->message, rows[_i].error);
}
END_TEST

START_TEST(all_members_reach_their_place)
{
    ApiMachineDefinition d;
    ck_assert(
        parse(ONE("\"memory\":\"1G\",\"rng\":false,\"clock\":{\"shift\":3},\"disks\":[{\"id\":"
                  "\"a\",\"file\":\"f\"},{\"id\":\"b\",\"file\":\"g\",\"completion\":\"host\","
                  "\"readonly\":true}]"),
              &d, NULL));
    ck_assert_str_eq(d.name, "a");
    ck_assert(d.has_memory && !d.has_board && d.has_rng && !d.rng);
    ck_assert(d.has_clock && d.clock.has_shift && !d.clock.has_sleep && d.clock.shift == 3);
    ck_assert_uint_eq(d.disks_count, 2);
    ck_assert(!d.disks[0].has_completion && d.disks[1].has_completion);
    ck_assert_int_eq(d.disks[1].completion, API_DISK_COMPLETION_HOST);
    ck_assert_str_eq(d.disks[1].file, "g");
    ck_assert(d.disks[1].readonly);
    api_arguments_clear(&api_machine_definition_struct, &d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arguments");
    TCase *tcase = tcase_create("arguments");
    tcase_add_loop_test(tcase, a_wrong_member_is_named_by_its_path, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, all_members_reach_their_place);
    suite_add_tcase(suite, tcase);
    return check_run(suite);
}
