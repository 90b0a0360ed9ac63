/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A client that sends anything at all. The dictionary is api.dict, made from the schema. */

#include "tests/api/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Wire wire;
    wire_init(&wire, size == 0 || data[0] != '!');
    g_autofree char *answer = wire_converse(&wire, data, size);
    g_assert(g_str_is_ascii(answer));
    static const char probe[] = "\n\xff\n{\"execute\":\"query-name\",\"id\":\"probe\"}";
    g_autofree char *last = wire_converse(&wire, probe, sizeof(probe) - 1);
    g_assert(g_str_has_suffix(last, "\r\n"));
    while (wire.deferred->len) {
        ApiRequest *request = g_ptr_array_steal_index(wire.deferred, 0);
        api_request_reply(request, NULL);
        g_free(wire_receive(&wire));
    }
    wire_clear(&wire);
    return 0;
}
