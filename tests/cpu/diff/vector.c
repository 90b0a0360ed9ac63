/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/vector.h"

#include <gio/gio.h>
#include <string.h>

enum { NAME, MODE, FIRST_WORD, SECOND_WORD, FIELDS };

void test_vector_free(TestVector *vector)
{
    if (vector)
        g_free(vector->name);
    g_free(vector);
}

static bool fail(GError **error, const char *what, const char *value)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: \"%s\"", what, value);
    return false;
}

static bool parse_mode(const char *text, TestVector *vector)
{
    static const char *const modes[] = { "be", "le", "be32", "le32" };
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(text, modes[i]))
            continue;
        vector->little_endian = i & 1;
        vector->narrow = i & 2;
        vector->model = &cpu_model_power9;
        return true;
    }
    vector->model = &cpu_model_7447a;
    return !strcmp(text, "g4");
}

static bool parse_word(const char *text, uint32_t *word)
{
    char *end;
    *word = (uint32_t)g_ascii_strtoull(text, &end, 16);
    return *text && !*end;
}

static bool set_field(Image *image, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);
    if (!parts[0] || !parts[1])
        return fail(error, "neither FIELD=HEX nor ->", text);
    return image_set(image, parts[0], parts[1], error);
}

/* Up to the arrow, fields belong to the input; then to what is expected. */
static bool parse_fields(char **words, TestVector *vector, GError **error)
{
    for (; *words && strcmp(*words, "->"); words++)
        if (!set_field(&vector->input, *words, error))
            return false;
    if (!*words)
        return fail(error, "no -> in the line of", vector->name);
    vector->expected = vector->input;
    while (*++words)
        if (!set_field(&vector->expected, *words, error))
            return false;
    return true;
}

static TestVector *parse_line(const char *line, GError **error)
{
    g_auto(GStrv) split = g_strsplit_set(line, " \t", -1);
    g_autofree char **words = g_new0(char *, g_strv_length(split) + 1);
    unsigned count = 0;
    for (char **word = split; *word; word++)
        if (**word)
            words[count++] = *word;

    g_autoptr(TestVector) vector = g_new0(TestVector, 1);
    if (count < FIELDS) {
        fail(error, "too short for a vector", line);
        return NULL;
    }
    vector->name = g_strdup(words[NAME]);
    if (!parse_mode(words[MODE], vector) ||
        !parse_word(words[FIRST_WORD], &vector->input.code[0]) ||
        !parse_word(words[SECOND_WORD], &vector->input.code[1])) {
        fail(error, "no mode and two words", line);
        return NULL;
    }
    return parse_fields(words + FIELDS, vector, error) ? g_steal_pointer(&vector) : NULL;
}

GPtrArray *vectors_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GPtrArray) vectors = g_ptr_array_new_with_free_func((GDestroyNotify)test_vector_free);
    for (unsigned i = 0; lines[i]; i++) {
        if (!*g_strstrip(lines[i]) || lines[i][0] == '#')
            continue;
        TestVector *vector = parse_line(lines[i], error);
        if (!vector) {
            g_prefix_error(error, "%s:%u: ", path, i + 1);
            return NULL;
        }
        g_ptr_array_add(vectors, vector);
    }
    return g_steal_pointer(&vectors);
}

char *vector_format(const char *name, const CpuModel *model, bool little_endian, const Image *input,
                    const Image *result)
{
    static const Image nothing;
    g_autofree char *inputs = image_describe_inputs(input, &nothing);
    g_autofree char *outputs = image_describe_inputs(result, input);
    const char *mode = !model->is_64bit ? "g4" : little_endian ? "le" : "be";
    return g_strdup_printf("%s %s %08x %08x%s ->%s", name, mode, input->code[0], input->code[1],
                           inputs, outputs);
}
