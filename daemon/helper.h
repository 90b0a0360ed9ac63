/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_HELPER_H
#define POWERPLAY_DAEMON_HELPER_H

/* A process beside a machine's, with a socket to it: started, started again, ended. See helper.c.
 */

#include "api/message.h"
#include "daemon/supervisor.h"

#define HELPER_MACHINE_FD 3 /* in the helper: its socket to the machine */
#define HELPER_FIRST_FD   4 /* likewise: what FDS of the plan are */
#define HELPER_FDS        2

typedef struct {
    const char *program; /* its file, beside the machine's program */
    const char *what;    /* for people: "network helper" */
    const char *log;     /* file in the machine's folder for what it says */
    char **arguments;    /* ends with NULL */
    MessageType type;    /* of the message that gives the machine its socket */
    const char *text;    /* in that message, or NULL */
    int fds[HELPER_FDS]; /* -1: none */
    /* NULL, or makes fds[0] anew for each process; -1 with ERROR if it cannot. */
    int (*make_fd)(gpointer data, GError **error);
    gpointer data;
} HelperPlan;

typedef struct Helper Helper;

/* Starts it; from then on until helper_end() there is one. What PLAN points to has to last. NULL
 * with ERROR if the first one cannot be started. */
Helper *helper_start(Machine *machine, const HelperPlan *plan, GError **error);
/* Takes NULL. */
void helper_end(Helper *helper);

#endif
