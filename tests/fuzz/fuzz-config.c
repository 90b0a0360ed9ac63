/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A machine definition of any bytes; what is accepted must mean the same when written out. */

#include "machine/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(MachineConfig) config = machine_config_parse(text, -1, NULL);
    if (config) {
        g_autoptr(MachineConfig) again = machine_config_parse(config->canonical, -1, NULL);
        g_assert(again && strcmp(config->canonical, again->canonical) == 0);
    }
    return 0;
}
