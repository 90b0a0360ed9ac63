/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The network: cables, and ports of the host that lead in. */

#include "machine/commands/commands.h"

#include "machine/worker-net.h"

bool cmd_query_netdev(ApiSession *session, const QueryNetdevArgs *arguments, JsonNode **reply,
                      GError **error)
{
    *reply = net_query(worker_of(session)->net);
    return true;
}

bool cmd_set_link(ApiSession *session, const SetLinkArgs *arguments, JsonNode **reply,
                  GError **error)
{
    return net_set_link(worker_of(session)->net, arguments->name, arguments->up, error);
}

bool cmd_query_hostfwd(ApiSession *session, const QueryHostfwdArgs *arguments, JsonNode **reply,
                       GError **error)
{
    *reply = net_query_forwards(worker_of(session)->net);
    return true;
}

void cmd_hostfwd_add(ApiRequest *request, const HostfwdAddArgs *arguments)
{
    net_add_forward(worker_of_request(request)->net, request, arguments->id, arguments->rule);
}

void cmd_hostfwd_remove(ApiRequest *request, const HostfwdRemoveArgs *arguments)
{
    net_remove_forward(worker_of_request(request)->net, request, arguments->id, arguments->rule);
}
