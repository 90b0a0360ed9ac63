/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a user's hands to the machine's inbox: groups of events, each posted whole.
 *
 * Belongs to one thread, the control thread. What is held down is remembered for each source, so
 * that it can be released when the source goes away.
 */
#ifndef MACHINE_INPUT_INPUT_H
#define MACHINE_INPUT_INPUT_H

#include "machine/config.h"
#include "machine/inbox.h"
#include "machine/input/keymap.h"
#include "machine/input/keys.h"

#define INPUT_GROUP_MAX    32u
#define INPUT_AXIS_MAX     0x7fff /* absolute places go from 0 to this */
#define INPUT_BUTTON_NAMES 9

/* In the order of QMP's InputButton. */
typedef enum {
    INPUT_BUTTON_LEFT,
    INPUT_BUTTON_MIDDLE,
    INPUT_BUTTON_RIGHT,
    INPUT_BUTTON_WHEEL_UP,
    INPUT_BUTTON_WHEEL_DOWN,
    INPUT_BUTTON_SIDE,
    INPUT_BUTTON_EXTRA,
    INPUT_BUTTON_WHEEL_LEFT,
    INPUT_BUTTON_WHEEL_RIGHT,
} InputButton;

typedef enum { INPUT_AXIS_X, INPUT_AXIS_Y } InputAxis;

/* Which devices there are. */
typedef struct {
    Inbox *inbox;
    int device[MACHINE_CONFIG_MAX_INPUTS]; /* by ConfigInput: the number of the device, or -1 */
} InputPort;

void input_port_init(InputPort *port, Machine *machine);

typedef struct {
    const InputPort *port;
    Event event[INPUT_GROUP_MAX];
    unsigned count;
} InputGroup;

void input_group_init(InputGroup *group, const InputPort *port);
/* These fail when the machine has no device for it, or the group is full. */
bool input_group_key(InputGroup *group, unsigned code, bool down, GError **error);
bool input_group_button(InputGroup *group, InputButton button, bool down, GError **error);
bool input_group_relative(InputGroup *group, InputAxis axis, int32_t value, GError **error);
bool input_group_absolute(InputGroup *group, InputAxis axis, int32_t value, GError **error);
/* Ends the group. G_IO_ERROR_READ_ONLY in a replay, G_IO_ERROR_BUSY when too much waits. */
bool input_group_post(InputGroup *group, GError **error);

/* One client's hands: a viewer, say. */
typedef struct {
    const InputPort *port;
    const Keymap *keymap;
    uint8_t key_is_down[KEY_CODES];
    unsigned buttons; /* bits by InputButton */
    bool has_place;   /* x and y are known */
    int32_t x, y;     /* of the pointer, in pixels */
} InputSource;

void input_source_init(InputSource *source, const InputPort *port, const Keymap *keymap);
/*
 * An X11 keysym goes down or up. Shift and AltGr are put right around a character that the layout
 * has elsewhere than the client's. Keysyms that no key gives are ignored.
 */
bool input_source_keysym(InputSource *source, uint32_t keysym, bool down, GError **error);
/* The pointer is at X, Y of a screen of WIDTH by HEIGHT; BUTTONS as in the RFB protocol: left,
 * middle, right, wheel up, down, left, right from bit 0 on. */
bool input_source_pointer(InputSource *source, int32_t x, int32_t y, unsigned width,
                          unsigned height, unsigned buttons, GError **error);
/* Releases all that is held. */
void input_source_release(InputSource *source);

/* Types TEXT (UTF-8): each character pressed and released. All of it is checked first. */
bool input_type_text(const InputPort *port, const Keymap *keymap, const char *text, GError **error);

#endif
