/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cpu/diff/known.h"

#include <string.h>

typedef struct {
    const char *row; /* name; a * at the end stands for any rest */
    const char *order; /* "le", "be" or "" for both */
    const char *reason;
} Unusable;

static const Unusable unusable[] = {
    { "lmw", "le", "the emulator ends on the alignment interrupt" },
    { "stmw", "le", "the emulator ends on the alignment interrupt" },
    { "lsw*", "le", "the emulator ends on the alignment interrupt" },
    { "stsw*", "le", "the emulator ends on the alignment interrupt" },
    { "wait", "", "the emulator ends" },
    { "copy", "", "the emulator takes it for illegal" },
    { "paste.", "", "the emulator takes it for illegal" },
    { "sc", "", "would be a system call of the runner" },
    { "scv", "", "would be a system call of the runner" },
    { "mftb", "", "the emulator's time base runs on the host's clock" },
    { "darn", "", "the emulator's value is random" },
    { "t*.", "", "transactional memory: the emulator has it, our guests have not" },
    { "tcheck", "", "transactional memory: the emulator has it, our guests have not" },
};

typedef struct {
    const char *row;
    const char *results; /* names of image.h, separated by spaces */
    const char *why;     /* section of the book and what it says */
} Known;

static const Known known[] = {
    { "", "", "" },
};

static bool name_matches(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return !strcmp(pattern, name);
    size_t before = (size_t)(star - pattern);
    return !strncmp(pattern, name, before) && g_str_has_suffix(name + before, star + 1);
}

void known_differences(const Row *row, const Image *input, const Image *ours, const Image *theirs,
                       Image *mask)
{
    memset(mask, 0, sizeof *mask);
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (!name_matches(known[i].row, row->name))
            continue;
        g_auto(GStrv) names = g_strsplit(known[i].results, " ", -1);
        for (char **name = names; *name; name++)
            g_assert(image_name_mask(*name, input->code[0], mask));
    }
}

const char *known_unusable(const Row *row, bool little_endian)
{
    for (size_t i = 0; i < G_N_ELEMENTS(unusable); i++)
        if (name_matches(unusable[i].row, row->name) &&
            (!*unusable[i].order || !strcmp(unusable[i].order, little_endian ? "le" : "be")))
            return unusable[i].reason;
    return NULL;
}
