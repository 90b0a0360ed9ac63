/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XICS: interrupt sources with priorities, and one presentation server per processor (PAPR, chapter
 * on platform interrupt controllers). There is one processor for now: every source's server is 0.
 *
 * The guest reaches it through hypercalls (presentation) and RTAS calls (sources) only. Where real
 * controllers latch a chosen interrupt and reject it for a better one, this one chooses at the
 * moment of the question, which looks the same to the guest.
 *
 * 1. The output is high exactly when some eligible source or the IPI is more favoured (has a lower
 *    priority number) than CPPR. Ties go to the lower source number, the IPI being number 2.
 * 2. A level source is eligible while its line is high and it is not in service; an edge source
 *    while an edge is pending, which accepting clears.
 */
#include "machine/devices/xics.h"

#include "machine/machine.h"

#define SOURCE_COUNT 14

typedef struct {
    unsigned first, count;
    bool is_level;
} SourceRange;

static const SourceRange source_ranges[] = {
    { XICS_SOURCE_EVENTS, 2, false },
    { XICS_SOURCE_VIO, 8, false },
    { XICS_SOURCE_PCI, 4, true },
};

typedef struct {
    uint8_t line[SOURCE_COUNT];
    uint8_t pending[SOURCE_COUNT];
    uint8_t in_service[SOURCE_COUNT];
    uint8_t priority[SOURCE_COUNT];
    uint8_t saved_priority[SOURCE_COUNT];
    uint8_t cppr;
    uint8_t mfrr;
} XicsState;

typedef struct {
    Device parent;
    XicsState s;
    Cpu *cpu;
} Xics;

static const StateTable xics_state = {
    "xics", 1, sizeof(XicsState),
    (const StateField[]){
        STATE_ARRAY_MAX(XicsState, line, 1, "input level of each source"),
        STATE_ARRAY_MAX(XicsState, pending, 1, "edge seen and not accepted yet"),
        STATE_ARRAY_MAX(XicsState, in_service, 1, "level source accepted and not ended yet"),
        STATE_ARRAY(XicsState, priority, "0 most favoured, 255 masked"),
        STATE_ARRAY(XicsState, saved_priority, "what ibm,int-on brings back"),
        STATE_FIELD(XicsState, cppr, "only more favoured priorities interrupt the processor"),
        STATE_FIELD(XicsState, mfrr, "priority of the inter-processor interrupt, 255 none"),
        STATE_DONE }
};

/* The place of source NUMBER in the arrays, or -1. */
static int source_index(unsigned number, bool *is_level)
{
    unsigned index = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(source_ranges); i++) {
        const SourceRange *range = &source_ranges[i];
        if (number >= range->first && number - range->first < range->count) {
            *is_level = range->is_level;
            return (int)(index + number - range->first);
        }
        index += range->count;
    }
    return -1;
}

static int find_source(Device *device, unsigned number, bool *is_level)
{
    int index = source_index(number, is_level);
    if (index < 0)
        device_note_unknown(device, "interrupt source", number);
    return index;
}

static bool is_eligible(const XicsState *s, unsigned index, bool is_level)
{
    return is_level ? s->line[index] && !s->in_service[index] : s->pending[index];
}

/* The number of the most favoured interrupt that CPPR lets through, or 0. */
static unsigned choose(const XicsState *s, uint8_t *priority, int *index)
{
    unsigned best = s->mfrr < s->cppr ? XICS_SOURCE_IPI : 0;
    unsigned place = 0;
    *priority = best ? s->mfrr : s->cppr;
    *index = -1;
    for (unsigned i = 0; i < G_N_ELEMENTS(source_ranges); i++)
        for (unsigned n = 0; n < source_ranges[i].count; n++, place++)
            if (s->priority[place] < *priority &&
                is_eligible(s, place, source_ranges[i].is_level)) {
                best = source_ranges[i].first + n;
                *priority = s->priority[place];
                *index = (int)place;
            }
    return best;
}

static void update(Xics *xics)
{
    uint8_t priority;
    int index;
    uint8_t level = choose(&xics->s, &priority, &index) != 0;
    if (!xics->cpu || xics->cpu->s.external_line == level)
        return;
    xics->cpu->s.external_line = level;
    machine_touch_boundary(xics->parent.machine);
}

static void set_line(Device *device, unsigned number, bool level)
{
    Xics *xics = (Xics *)device;
    bool is_level;
    int index = find_source(device, number, &is_level);
    if (index < 0)
        return;
    if (level && !xics->s.line[index])
        xics->s.pending[index] = !is_level;
    xics->s.line[index] = level;
    update(xics);
}

void xics_connect(Device *device, Cpu *cpu)
{
    ((Xics *)device)->cpu = cpu;
}

Irq xics_line(Device *device, unsigned number)
{
    bool is_level;
    g_assert(source_index(number, &is_level) >= 0);
    return (Irq){ set_line, device, number };
}

uint32_t xics_accept(Device *device)
{
    Xics *xics = (Xics *)device;
    uint8_t priority;
    int index;
    unsigned number = choose(&xics->s, &priority, &index);
    uint32_t xirr = (uint32_t)xics->s.cppr << 24 | number;
    if (index >= 0) {
        bool is_level = false;
        source_index(number, &is_level);
        xics->s.in_service[index] = is_level;
        xics->s.pending[index] = 0;
    }
    if (number)
        xics->s.cppr = priority;
    update(xics);
    return xirr;
}

uint32_t xics_poll(Device *device, uint32_t *mfrr)
{
    const XicsState *s = &((Xics *)device)->s;
    uint8_t priority;
    int index;
    *mfrr = s->mfrr;
    return (uint32_t)s->cppr << 24 | choose(s, &priority, &index);
}

void xics_end(Device *device, uint32_t xirr)
{
    Xics *xics = (Xics *)device;
    unsigned number = xirr & 0xffffff;
    bool is_level;
    xics->s.cppr = (uint8_t)(xirr >> 24);
    if (number != 0 && number != XICS_SOURCE_IPI) {
        int index = find_source(device, number, &is_level);
        if (index >= 0)
            xics->s.in_service[index] = 0;
    }
    update(xics);
}

void xics_set_cppr(Device *device, uint8_t cppr)
{
    Xics *xics = (Xics *)device;
    xics->s.cppr = cppr;
    update(xics);
}

void xics_set_mfrr(Device *device, uint8_t mfrr)
{
    Xics *xics = (Xics *)device;
    xics->s.mfrr = mfrr;
    update(xics);
}

bool xics_set_source(Device *device, unsigned number, uint8_t priority)
{
    Xics *xics = (Xics *)device;
    bool is_level;
    int index = find_source(device, number, &is_level);
    if (index < 0)
        return false;
    xics->s.priority[index] = xics->s.saved_priority[index] = priority;
    update(xics);
    return true;
}

bool xics_get_source(Device *device, unsigned number, uint8_t *priority)
{
    bool is_level;
    int index = find_source(device, number, &is_level);
    if (index < 0)
        return false;
    *priority = ((Xics *)device)->s.priority[index];
    return true;
}

bool xics_mask_source(Device *device, unsigned number, bool masked)
{
    Xics *xics = (Xics *)device;
    bool is_level;
    int index = find_source(device, number, &is_level);
    if (index < 0)
        return false;
    if (masked && xics->s.priority[index] != XICS_PRIORITY_MASKED)
        xics->s.saved_priority[index] = xics->s.priority[index];
    xics->s.priority[index] = masked ? XICS_PRIORITY_MASKED : xics->s.saved_priority[index];
    update(xics);
    return true;
}

bool xics_source_is_level(Device *device, unsigned number, bool *is_level)
{
    return find_source(device, number, is_level) >= 0;
}

static void xics_reset(Device *device)
{
    Xics *xics = (Xics *)device;
    memset(xics->s.priority, XICS_PRIORITY_MASKED, sizeof xics->s.priority);
    memset(xics->s.saved_priority, XICS_PRIORITY_MASKED, sizeof xics->s.saved_priority);
    xics->s.mfrr = XICS_PRIORITY_MASKED;
    update(xics);
}

const DeviceClass xics_class = {
    .name = "xics",
    .behaviour_version = 1,
    .size = sizeof(Xics),
    .state = &xics_state,
    .state_offset = offsetof(Xics, s),
    .reset = xics_reset,
};
