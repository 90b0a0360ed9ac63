/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/remove.h"

#include "api/errors.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    return remove(path);
}

bool remove_tree(const char *path, GError **error)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC, "Cannot remove %s: %s", path,
                    g_strerror(errno));
        return false;
    }
    return true;
}
