/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/script.h"

#include "machine/machine-internal.h"

typedef struct {
    uint64_t virtual_ns;
    GByteArray *stored; /* as in a log */
} Line;

struct InputScript {
    GArray *lines;
    guint next;
};

static void clear_line(gpointer line)
{
    g_byte_array_unref(((Line *)line)->stored);
}

InputScript *input_script_new(void)
{
    InputScript *script = g_new0(InputScript, 1);
    script->lines = g_array_new(FALSE, FALSE, sizeof(Line));
    g_array_set_clear_func(script->lines, clear_line);
    return script;
}

void input_script_free(InputScript *script)
{
    if (script)
        g_array_unref(script->lines);
    g_free(script);
}

static const Line *line_at(const InputScript *script, guint index)
{
    return &g_array_index(script->lines, Line, index);
}

bool input_script_add(InputScript *script, uint64_t virtual_ns, const Event *event)
{
    guint count = script->lines->len;
    g_assert(event_class(event) == EVENT_CLASS_INPUT);
    if (count && line_at(script, count - 1)->virtual_ns > virtual_ns)
        return false;
    Line line = { virtual_ns, g_byte_array_new() };
    event_encode(event, line.stored);
    g_array_append_val(script->lines, line);
    return true;
}

unsigned input_script_left(const InputScript *script)
{
    return script->lines->len - script->next;
}

uint64_t input_script_deadline(const InputScript *script, uint64_t now)
{
    if (!input_script_left(script))
        return UINT64_MAX;
    return MAX(line_at(script, script->next)->virtual_ns, now + 1);
}

/* An input that the inbox has no room for is lost, as it would be to the person who gives it. */
static void post(Machine *machine, const Line *line)
{
    Event event;
    g_autoptr(GError) error = NULL;
    gsize length = event_decode(&event, line->stored->data, line->stored->len, &error);
    g_assert(length == line->stored->len);
    bool good = event.kind == EVENT_CHAR_READ
                    ? inbox_post_chars(machine->inbox, event.char_read.device, event.char_read.data,
                                       event.char_read.data_length, &error)
                    : inbox_post_event(machine->inbox, &event, &error);
    if (!good)
        g_warning("an input of an edited recording was not taken: %s", error->message);
}

void input_script_post(InputScript *script, Machine *machine, uint64_t now)
{
    while (input_script_left(script) && line_at(script, script->next)->virtual_ns <= now)
        post(machine, line_at(script, script->next++));
}

void machine_set_script(Machine *machine, InputScript *script)
{
    input_script_free(machine->script);
    machine->script = script;
}
