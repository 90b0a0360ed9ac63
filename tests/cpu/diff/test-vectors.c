/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the vectors of tests/vectors on our processor; each file is one test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cpu/diff/subject.h"
#include "tests/cpu/diff/vector.h"
#include "tests/check-run.h"

static bool run_vector(const TestVector *vector)
{
    g_autoptr(Subject) subject = subject_new(vector->model, vector->little_endian);
    static const Image no_mask;
    Image result, difference;

    subject_set_mode(subject, vector->little_endian, vector->narrow);
    subject_run(subject, &vector->input, VECTOR_ADDRESS, &result);
    if (!image_differ(&result, &vector->expected, &no_mask, &difference))
        return true;
    g_autofree char *text = image_describe_difference(&result, &vector->expected, &difference);
    printf("# %s (theirs: the vector's)\n", vector->name);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        printf("# %s\n", line);
    return false;
}

static void run_file(const char *name)
{
    g_autofree char *path = g_build_filename(getenv("VECTORS"), name, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) vectors = vectors_load(path, &error);
    ck_assert_msg(vectors != NULL, "%s", error ? error->message : "");
    unsigned failed = 0;

    ck_assert_uint_gt(vectors->len, 0);
    for (guint i = 0; i < vectors->len; i++)
        failed += !run_vector(g_ptr_array_index(vectors, i));
    ck_assert_msg(failed == 0, "%u of %u vectors of %s are not met", failed, vectors->len, name);
}

START_TEST(fixed)
{
    run_file("fixed.txt");
}
END_TEST

START_TEST(branch)
{
    run_file("branch.txt");
}
END_TEST

START_TEST(storage)
{
    run_file("storage.txt");
}
END_TEST

START_TEST(system_user)
{
    run_file("system.txt");
}
END_TEST

START_TEST(differences)
{
    run_file("differences.txt");
}
END_TEST

START_TEST(narrow)
{
    run_file("g4.txt");
    run_file("differences-g4.txt");
}
END_TEST

/* A vector that is wrong must fail, or the other tests show nothing. */
START_TEST(wrong_vector_fails)
{
    TestVector vector = { .name = "wrong", .little_endian = true, .model = &cpu_model_power9 };

    vector.input.code[0] = 0x38600001; /* li r3,1 */
    vector.input.code[1] = 0x60000000;
    vector.expected = vector.input;
    ck_assert(!run_vector(&vector));
    vector.expected.gpr[3] = 1;
    ck_assert(run_vector(&vector));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *cases = tcase_create("files");

    tcase_add_test(cases, fixed);
    tcase_add_test(cases, branch);
    tcase_add_test(cases, storage);
    tcase_add_test(cases, system_user);
    tcase_add_test(cases, differences);
    tcase_add_test(cases, narrow);
    tcase_add_test(cases, wrong_vector_fails);
    suite_add_tcase(suite, cases);
    return check_run(suite);
}
