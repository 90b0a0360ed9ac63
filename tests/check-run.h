/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_TESTS_CHECK_RUN_H
#define POWERPLAY_TESTS_CHECK_RUN_H

/* What main() of a unit test is: it runs a suite. */

#include <check.h>
#include <stdlib.h>

/* Runs SUITE (taken) and returns main's exit code; speaks TAP when the environment asks for it. */
static inline int check_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, srunner_has_tap(runner) ? CK_SILENT : CK_ENV); /* TAP says it all */
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The same for COUNT tests, each between SET_UP and TEAR_DOWN, which may be NULL. */
static inline int check_run_tests(const char *name, const TTest *const *tests, unsigned count,
                                  SFun set_up, SFun tear_down)
{
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (unsigned i = 0; i < count; i++)
        tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    return check_run(suite);
}

#endif
