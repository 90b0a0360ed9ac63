/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_DAEMON_DISPLAY_LIBRARY_H
#define POWERPLAY_DAEMON_DISPLAY_LIBRARY_H

/*
 * libvncserver on a thread of its own: encodes the screen for viewers that have come in.
 *
 * All functions are called by one other thread; they leave work for the library's thread.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Library Library;

/* The thread is made here, and its confinement is the caller's: call before the sandbox. */
Library *library_new(const char *name);

/*
 * The screen is now the WIDTH * HEIGHT pixels in the memory of FD (taken), which is mapped
 * read-only and copied from; DONE gets a byte when that has happened.
 */
bool library_set_screen(Library *library, int fd, unsigned width, unsigned height, GError **error);
/* Rows from Y on have changed; likewise. */
void library_rows_changed(Library *library, unsigned y, unsigned height);
/* A descriptor that becomes readable for each of the above when it is done. */
int library_done_fd(Library *library);
/* Serves a viewer over SOCKET (taken), until its other end is closed. */
void library_add_viewer(Library *library, int socket);

/* For RfbDoor. */
void library_encrypt(uint8_t bytes[16], const char *password);

#endif
