/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_ERRORS_H
#define POWERPLAY_API_ERRORS_H

#include <glib.h>

/* The classes of errors on the wire. The set is QMP's and closed: clients match on it. A GError of
 * any other domain is a GenericError. */
#define API_ERROR (api_error_quark())

typedef enum {
    API_ERROR_GENERIC,
    API_ERROR_COMMAND_NOT_FOUND,
    API_ERROR_DEVICE_NOT_ACTIVE, /* the thing exists, and is in the wrong state for this */
    API_ERROR_DEVICE_NOT_FOUND,  /* no machine, device or recording of this name */
    API_ERROR_KVM_MISSING_CAP,   /* never ours; kept so that it can be passed on */
} ApiErrorCode;

GQuark api_error_quark(void);

const char *api_error_class(const GError *error);

/* The code for a class name as it came over the wire; API_ERROR_GENERIC for unknown names. */
ApiErrorCode api_error_code(const char *class_name);

#endif
