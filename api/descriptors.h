/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_DESCRIPTORS_H
#define POWERPLAY_API_DESCRIPTORS_H

/* Open files that a client has passed, by the names that it gave them: see descriptors.c. */

#include <glib.h>
#include <stdbool.h>

#define DESCRIPTORS_MAX     16
#define DESCRIPTOR_NAME_MAX 63

typedef struct Descriptors Descriptors;

Descriptors *descriptors_new(void);
/* Closes all of them. Takes NULL. */
void descriptors_free(Descriptors *descriptors);

/* Keeps FD (taken, whatever happens) under NAME. */
bool descriptors_add(Descriptors *descriptors, const char *name, int fd, GError **error);
/* Closes one of them. */
bool descriptors_remove(Descriptors *descriptors, const char *name, GError **error);
/* It stays theirs; -1 if there is none. DESCRIPTORS may be NULL. */
int descriptors_find(const Descriptors *descriptors, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Descriptors, descriptors_free)

#endif
