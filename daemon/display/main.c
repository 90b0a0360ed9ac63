/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * powerplay-display: viewers of one machine.
 *
 *     powerplay-display --machine FD --listen FD --web FD --name NAME
 *
 * Started by the daemon with three sockets; see front.c. It ends when the machine has gone.
 */

#include "daemon/display/front.h"
#include "daemon/display/sandbox.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define BEHIND_THE_GUEST 5 /* nice */

typedef struct {
    int machine, listener, web;
    gchar *name;
    gboolean version;
} Options;

static bool parse(Options *options, int *argc, char ***argv, GError **error)
{
    GOptionEntry entries[] = {
        { "machine", 0, 0, G_OPTION_ARG_INT, &options->machine, "Socket of the machine", "FD" },
        { "listen", 0, 0, G_OPTION_ARG_INT, &options->listener, "Socket for viewers", "FD" },
        { "web", 0, 0, G_OPTION_ARG_INT, &options->web, "Socket for web pages", "FD" },
        { "name", 0, 0, G_OPTION_ARG_STRING, &options->name, "Name to show", "NAME" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- show one machine");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (!options->version && (options->machine < 0 || options->listener < 0 || options->web < 0)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "--machine, --listen and --web are needed; the daemon gives them");
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    Options options = { .machine = -1, .listener = -1, .web = -1 };
    g_autoptr(GError) error = NULL;
    mallopt(M_ARENA_MAX, 1); /* the C library opens a file before it trims another thread's heap */
    signal(SIGPIPE, SIG_IGN);
    setpriority(PRIO_PROCESS, 0, BEHIND_THE_GUEST); /* of what viewers cost, the guest pays last */
    if (!parse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "powerplay-display: %s\n", error->message);
        return 2;
    }
    if (options.version) {
        printf("powerplay-display %s\n", POWERPLAY_VERSION);
        return 0;
    }
    uint8_t warm[16] = { 0 };
    library_encrypt(warm, "warm"); /* what it loads for that, it loads before the sandbox */
    Library *library = library_new(options.name ? options.name : "Powerplay");
    if (!sandbox_enter(&error)) {
        fprintf(stderr, "powerplay-display: %s\n", error->message);
        return 1;
    }
    front_run(front_new(library, options.machine, options.listener, options.web));
    return 0;
}
