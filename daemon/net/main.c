/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * powerplay-net: the networks of one machine.
 *
 *     powerplay-net --machine FD --daemon FD --nic 0,user,restrict --nic 1,wire --nic 2,tap
 *
 * Started by the daemon with a socket to the machine and one to itself; see front.c. It ends when
 * the machine has gone.
 */

#include "daemon/net/front.h"
#include "daemon/net/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    int machine, daemon;
    char **nics;
    gboolean version;
} Options;

static bool parse(Options *options, int *argc, char ***argv, GError **error)
{
    GOptionEntry entries[] = {
        { "machine", 0, 0, G_OPTION_ARG_INT, &options->machine, "Socket of the machine", "FD" },
        { "daemon", 0, 0, G_OPTION_ARG_INT, &options->daemon, "Where lines of wires come from",
          "FD" },
        { "nic", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->nics, "A network, and its limits",
          "N,user[,restrict][,host-loopback] or N,wire or N,tap" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- networks of one machine");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (!options->version && (options->machine < 0 || !options->nics)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "--machine and --nic are needed; the daemon gives them");
        return false;
    }
    return true;
}

static bool parse_nic(const char *text, FrontPolicy policy[NET_NICS], GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    guint64 number;
    if (!g_ascii_string_to_unsigned(words[0] ? words[0] : "", 10, 0, NET_NICS - 1, &number, error))
        return false;
    FrontPolicy *nic = &policy[number];
    nic->kind = !words[1]                       ? FRONT_NONE
                : strcmp(words[1], "user") == 0 ? FRONT_USER
                : strcmp(words[1], "wire") == 0 ? FRONT_WIRE
                : strcmp(words[1], "tap") == 0  ? FRONT_TAP
                                                : FRONT_NONE;
    bool good = nic->kind != FRONT_NONE;
    for (char **word = words + 2; good && *word; word++) {
        bool restricts = strcmp(*word, "restrict") == 0,
             opens = strcmp(*word, "host-loopback") == 0;
        nic->is_restricted |= restricts;
        nic->has_loopback |= opens;
        good = nic->kind == FRONT_USER && (restricts || opens);
    }
    if (!good)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--nic %s is not understood",
                    text);
    return good;
}

int main(int argc, char **argv)
{
    Options options = { .machine = -1, .daemon = -1 };
    FrontPolicy policy[NET_NICS] = { 0 };
    g_autoptr(GError) error = NULL;
    mallopt(M_ARENA_MAX, 1);
    signal(SIGPIPE, SIG_IGN);
    bool good = parse(&options, &argc, &argv, &error);
    for (char **nic = options.nics; good && nic && *nic; nic++)
        good = parse_nic(*nic, policy, &error);
    if (!good) {
        fprintf(stderr, "powerplay-net: %s\n", error->message);
        return 2;
    }
    if (options.version) {
        printf("powerplay-net %s\n", POWERPLAY_VERSION);
        return 0;
    }
    g_assert(g_strerror(EAGAIN)); /* what it loads for texts, it loads before the sandbox */
    bool has_user = false;
    for (unsigned i = 0; i < NET_NICS; i++)
        has_user |= policy[i].kind == FRONT_USER;
    if (!sandbox_enter(has_user, &error)) {
        fprintf(stderr, "powerplay-net: %s\n", error->message);
        return 1;
    }
    front_run(options.machine, options.daemon, policy);
    g_strfreev(options.nics);
    return 0;
}
