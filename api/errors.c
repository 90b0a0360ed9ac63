/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/errors.h"

#include <stdbool.h>

G_DEFINE_QUARK(powerplay - api - error, api_error)

static const char *const classes[] = {
    [API_ERROR_GENERIC] = "GenericError",
    [API_ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
    [API_ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    [API_ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
    [API_ERROR_KVM_MISSING_CAP] = "KVMMissingCap",
};

const char *api_error_class(const GError *error)
{
    bool is_ours = error->domain == API_ERROR && (guint)error->code < G_N_ELEMENTS(classes);
    return classes[is_ours ? error->code : API_ERROR_GENERIC];
}

ApiErrorCode api_error_code(const char *class_name)
{
    for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (g_strcmp0(class_name, classes[i]) == 0) {
            return (ApiErrorCode)i;
        }
    }
    return API_ERROR_GENERIC;
}
