/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_WORKER_LINK_H
#define POWERPLAY_MACHINE_WORKER_LINK_H

/* The line to the daemon: messages of api/message.h on an inherited socket. */

#include "api/message.h"
#include "machine/worker.h"

/* What the daemon hands over before the machine is built. */
typedef struct {
    char *definition; /* JSON */
    int directory;    /* descriptors, or -1 */
    int relay;
    GHashTable *files; /* member's path to descriptor + 1; what is left in it is closed */
} LinkFiles;

/* Waits for all files up to MESSAGE_START. */
bool link_receive_files(int socket, LinkFiles *files, GError **error);
void link_files_clear(LinkFiles *files);

/* Tells the daemon that the machine is ready, or why it is not. */
void link_send_ready(int socket);
void link_send_failed(int socket, const char *text);

/* Tells the daemon, which has asked this process to end, that it is still writing. */
void link_send_busy(WorkerLink *link);

/* Asks the daemon for something that TEXT names; false with ERROR if it does not listen. */
bool link_send(WorkerLink *link, MessageType type, const char *text, GError **error);

/* Serves consoles and takes clients from now on. Takes `socket`. */
WorkerLink *link_new(Worker *worker, int socket);
void link_free(WorkerLink *link);

#endif
