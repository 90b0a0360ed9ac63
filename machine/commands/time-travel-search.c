/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Looking for places of a replay (machine/time-travel.h): backwards, and for answers.
 *
 * A search begins on the machine thread, in a task, and ends there; then its request is answered.
 */

#include "machine/commands/commands.h"

#include "machine/cpu/cpu.h"
#include "machine/cpu/mmu.h"
#include "machine/time-travel.h"
#include "replay/replay-seek.h"

#define WRITES_MOST     1000u
#define EXECUTIONS_MOST 4000u /* an answer is shorter than 256 KiB */
#define EXECUTIONS_TOLD 100u
#define EVENTS_MOST     10000u
#define EVENTS_BYTES    (160u << 10)
#define EVENTS_TOLD     1000u
#define DATA_BYTES      8u
#define DATA_BYTES_MOST 65536u

typedef struct {
    Worker *worker;
    ApiRequest *request;
    Breakpoints *places; /* NULL: a debugger's */
    MachineQuestion question;
    WatchRange range; /* of query-last-write; its address is effective unless it is physical */
    bool is_for_write, has_before;
    JsonNode *reply;
    GError *error;
} Look;

static void look_free(Look *look)
{
    breakpoints_free(look->places);
    g_clear_pointer(&look->reply, json_node_unref);
    g_clear_error(&look->error);
    g_free(look);
}

static void set_hex(JsonObject *object, const char *name, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);
    json_object_set_string_member(object, name, text);
}

static void set_place(JsonObject *object, const Position *position)
{
    set_unsigned(object, "icount", position->icount);
    set_unsigned(object, "virtual-ns", position->virtual_ns);
}

/* --- asking and answering --------------------------------------------------------------------- */

static gboolean answer(gpointer user)
{
    Look *look = user;
    look->worker->recording_is_busy = false;
    if (look->error) {
        set_class(&look->error, API_ERROR_GENERIC);
        api_request_fail(look->request, g_steal_pointer(&look->error));
    } else {
        api_request_reply(look->request, g_steal_pointer(&look->reply));
    }
    look_free(look);
    return G_SOURCE_REMOVE;
}

static void finish(WorkerCall *call)
{
    if (call->error) {
        Look *look = call->data;
        look->error = g_steal_pointer(&call->error);
        answer(look);
    }
}

static void begin(Look *look, void (*execute)(WorkerCall *))
{
    Worker *worker = look->worker;
    if (worker->recording_is_busy) {
        api_request_fail_text(look->request, API_ERROR_DEVICE_NOT_ACTIVE,
                              "A replay is being started or goes to another place: `stop` ends "
                              "that, or wait for it");
        look_free(look);
        return;
    }
    worker->recording_is_busy = true;
    worker_call(worker, NULL, execute, finish, look, NULL);
}

static Look *look_new(ApiRequest *request, Breakpoints *places)
{
    Look *look = g_new0(Look, 1);
    look->worker = worker_of_request(request);
    look->request = request;
    look->places = places;
    return look;
}

/* Bytes from ADDRESS on; false when the request has failed. */
static bool take_range(ApiRequest *request, WatchRange *range, uint64_t address, bool has_length,
                       uint64_t length, bool is_physical)
{
    *range = (WatchRange){ .address = address,
                           .length = has_length ? length : DATA_BYTES,
                           .kind = WATCH_WRITE,
                           .is_physical = is_physical };
    if (range->length && range->length <= DATA_BYTES_MOST &&
        address <= UINT64_MAX - range->length) {
        return true;
    }
    api_request_fail_text(request, API_ERROR_GENERIC,
                          "Parameter 'length' expects 1 to %u bytes that end before the address "
                          "space does",
                          DATA_BYTES_MOST);
    return false;
}

static bool take_count(ApiRequest *request, bool is_given, uint64_t given, unsigned usual,
                       unsigned most, unsigned *count)
{
    *count = is_given ? (unsigned)MIN(given, most + 1ull) : usual;
    if (*count && *count <= most) {
        return true;
    }
    api_request_fail_text(request, API_ERROR_GENERIC, "Parameter 'count' expects 1 to %u", most);
    return false;
}

/* --- reverse-continue ------------------------------------------------------------------------- */

static const char *reason_name(StopReason reason)
{
    return reason == STOP_BREAKPOINT ? "execute" : reason == STOP_WATCHPOINT ? "access" : "begin";
}

/* Machine thread. */
static void back_done(void *opaque, const GError *error)
{
    Look *look = opaque;
    Machine *machine = look->worker->machine;
    Position position = machine_position(machine);
    StopHit hit;
    StopReason reason = machine_found(machine, &hit);
    JsonObject *object = json_object_new();
    set_place(object, &position);
    json_object_set_string_member(object, "reason", reason_name(reason));
    if (reason != STOP_BEGIN && hit.cia != UINT64_MAX) {
        set_hex(object, "pc", hit.cia);
    }
    if (reason == STOP_WATCHPOINT) {
        set_hex(object, "address", hit.address);
        json_object_set_boolean_member(object, "write", hit.is_write);
    }
    look->reply = object_node(object);
    look->error = error ? g_error_copy(error) : NULL;
    worker_publish(look->worker);
    g_idle_add_full(G_PRIORITY_DEFAULT, answer, look, NULL);
}

static void execute_back(WorkerCall *call)
{
    Look *look = call->data;
    Machine *machine = look->worker->machine;
    if (!is_replaying(look->worker, &call->error)) {
        return;
    }
    if (look->places) {
        machine_search_back(machine, g_steal_pointer(&look->places), back_done, look, &call->error);
    } else {
        machine_reverse_continue(machine, back_done, look, &call->error);
    }
}

static WatchKind watch_kind(const ReverseContinueArgs *arguments)
{
    static const WatchKind kinds[] = { [API_ACCESS_KIND_READ] = WATCH_READ,
                                       [API_ACCESS_KIND_WRITE] = WATCH_WRITE,
                                       [API_ACCESS_KIND_ACCESS] = WATCH_ACCESS };
    return arguments->has_kind ? kinds[arguments->kind] : WATCH_WRITE;
}

void cmd_reverse_continue(ApiRequest *request, const ReverseContinueArgs *arguments)
{
    Breakpoints *places = NULL;
    WatchRange range;
    if (!arguments->has_address &&
        (arguments->has_length || arguments->has_kind || arguments->has_physical)) {
        api_request_fail_text(request, API_ERROR_GENERIC, "Parameter 'address' is missing");
        return;
    }
    if (arguments->has_address &&
        !take_range(request, &range, arguments->address, arguments->has_length, arguments->length,
                    arguments->has_physical && arguments->physical)) {
        return;
    }
    if (arguments->has_pc || arguments->has_address) {
        places = breakpoints_new();
    }
    if (arguments->has_pc) {
        breakpoints_add(places, arguments->pc);
    }
    if (arguments->has_address) {
        range.kind = watch_kind(arguments);
        breakpoints_add_range(places, &range);
    }
    begin(look_new(request, places), execute_back);
}

/* --- query-last-write ------------------------------------------------------------------------- */

static JsonArray *writes_array(const GArray *hits)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < hits->len; i++) {
        const MachineHit *met = &g_array_index(hits, MachineHit, i);
        JsonObject *object = json_object_new();
        set_place(object, &met->position);
        if (met->hit.cia != UINT64_MAX) {
            set_hex(object, "pc", met->hit.cia);
        }
        set_hex(object, "address", met->hit.address);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonArray *executions_array(const GArray *hits)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < hits->len; i++) {
        JsonObject *object = json_object_new();
        set_place(object, &g_array_index(hits, MachineHit, i).position);
        json_array_add_object_element(array, object);
    }
    return array;
}

/* Machine thread. */
static void answered(void *opaque, const MachineAnswer *found, const GError *error)
{
    Look *look = opaque;
    look->error = error ? g_error_copy(error) : NULL;
    if (found) {
        JsonObject *object = json_object_new();
        if (look->is_for_write) {
            set_hex(object, "real", look->range.address);
            json_object_set_array_member(object, "writes", writes_array(found->hits));
        } else {
            set_unsigned(object, "count", found->count);
            json_object_set_array_member(object, "executions", executions_array(found->hits));
        }
        look->reply = object_node(object);
    }
    worker_publish(look->worker);
    g_idle_add_full(G_PRIORITY_DEFAULT, answer, look, NULL);
}

/* The range as the present instruction would see it, in real addresses, within one page. */
static bool find_real(Machine *machine, WatchRange *range, GError **error)
{
    uint64_t ea = range->address, last = ea + range->length - 1;
    if (range->is_physical) {
        return true;
    }
    if (ea >> TLB_PAGE_BITS != last >> TLB_PAGE_BITS) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "The %" G_GUINT64_FORMAT " bytes from 0x%" G_GINT64_MODIFIER
                    "x on are in several pages, which may lie apart: ask for each",
                    range->length, ea);
        return false;
    }
    range->is_physical = true;
    if (mmu_translate_quietly(machine_cpu(machine, 0), ea, &range->address)) {
        return true;
    }
    g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                "Address 0x%" G_GINT64_MODIFIER "x leads nowhere at this place of the recording: "
                "seek to where it does, or give a real address",
                ea);
    return false;
}

/* Whether the recording has the places that were given, in this order. */
static bool check_span(const Look *look, GError **error)
{
    const SeekTarget *from = &look->question.from, *before = &look->question.before;
    if (!is_recorded(look->worker, from, error) ||
        (look->has_before && !is_recorded(look->worker, before, error))) {
        return false;
    }
    if (look->has_before && from->icount > before->icount) {
        g_set_error(error, API_ERROR, API_ERROR_GENERIC,
                    "Parameter 'from' is %" G_GUINT64_FORMAT ", behind 'to', %" G_GUINT64_FORMAT
                    ": nothing lies between them",
                    from->icount, before->icount);
        return false;
    }
    return true;
}

static void execute_question(WorkerCall *call)
{
    Look *look = call->data;
    Machine *machine = look->worker->machine;
    Position position = machine_position(machine);
    if (!check_span(look, &call->error) ||
        (look->is_for_write && !find_real(machine, &look->range, &call->error))) {
        return;
    }
    if (!look->has_before) {
        look->question.before = (SeekTarget){ position.icount, position.virtual_ns };
    }
    look->question.places = g_steal_pointer(&look->places);
    if (look->is_for_write) {
        breakpoints_add_range(look->question.places, &look->range);
    }
    machine_ask(machine, &look->question, answered, look, &call->error);
}

void cmd_query_last_write(ApiRequest *request, const QueryLastWriteArgs *arguments)
{
    WatchRange range;
    unsigned count;
    if (!take_range(request, &range, arguments->address, arguments->has_length, arguments->length,
                    arguments->has_physical && arguments->physical) ||
        !take_count(request, arguments->has_count, arguments->count, 1, WRITES_MOST, &count)) {
        return;
    }
    Look *look = look_new(request, breakpoints_new());
    look->range = range;
    look->is_for_write = true;
    look->has_before = arguments->has_before;
    look->question =
        (MachineQuestion){ .before = { arguments->before, 0 }, .backwards = true, .most = count };
    begin(look, execute_question);
}

void cmd_query_executions(ApiRequest *request, const QueryExecutionsArgs *arguments)
{
    unsigned count;
    if (!take_count(request, arguments->has_count, arguments->count, EXECUTIONS_TOLD,
                    EXECUTIONS_MOST, &count)) {
        return;
    }
    Look *look = look_new(request, breakpoints_new());
    breakpoints_add(look->places, arguments->pc);
    look->has_before = arguments->has_to;
    look->question = (MachineQuestion){ .from = { arguments->has_from_ ? arguments->from_ : 0, 0 },
                                        .before = { arguments->to, 0 },
                                        .most = count };
    begin(look, execute_question);
}

/* --- query-events ----------------------------------------------------------------------------- */

typedef struct {
    uint64_t from;
    unsigned count;
    bool only_inputs;
} EventsWanted;

static JsonArray *events_array(const GString *lines)
{
    JsonArray *array = json_array_new();
    g_auto(GStrv) line = g_strsplit(lines->str, "\n", -1);
    for (guint i = 0; line[i] && *line[i]; i++) {
        json_array_add_element(array, json_from_string(line[i], NULL));
    }
    return array;
}

static void execute_events(WorkerCall *call)
{
    const EventsWanted *wanted = call->data;
    g_autoptr(GString) lines = g_string_new(NULL);
    uint64_t next = wanted->from;
    if (!is_replaying(call->worker, &call->error)) {
        return;
    }
    gboolean more = replay_dump_events(machine_replay(call->worker->machine), &next, wanted->count,
                                       wanted->only_inputs, EVENTS_BYTES, lines, &call->error);
    if (call->error) {
        set_class(&call->error, API_ERROR_GENERIC);
        return;
    }
    JsonObject *object = json_object_new();
    json_object_set_array_member(object, "events", events_array(lines));
    if (more) {
        set_unsigned(object, "next", next);
    }
    call->reply = object_node(object);
}

void cmd_query_events(ApiRequest *request, const QueryEventsArgs *arguments)
{
    EventsWanted wanted = { .from = arguments->has_from_ ? arguments->from_ : 0,
                            .only_inputs = arguments->has_inputs && arguments->inputs };
    if (!take_count(request, arguments->has_count, arguments->count, EVENTS_TOLD, EVENTS_MOST,
                    &wanted.count)) {
        return;
    }
    worker_call(worker_of_request(request), request, execute_events, NULL,
                g_memdup2(&wanted, sizeof wanted), g_free);
}
