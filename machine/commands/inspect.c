/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Looking at a machine without leaving a trace in it. */

#include "machine/commands/commands.h"

#include "machine/cpu/cpu-state.h"
#include "machine/cpu/model.h"
#include "machine/cpu/spr.h"

#include <fcntl.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAVE_MAX (256ull << 20)

bool cmd_query_name(ApiSession *session, const QueryNameArgs *arguments, JsonNode **reply,
                    GError **error)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", worker_of(session)->name);
    *reply = object_node(object);
    return true;
}

bool cmd_query_target(ApiSession *session, const QueryTargetArgs *arguments, JsonNode **reply,
                      GError **error)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "arch", "ppc64");
    *reply = object_node(object);
    return true;
}

bool cmd_query_machines(ApiSession *session, const QueryMachinesArgs *arguments, JsonNode **reply,
                        GError **error)
{
    JsonArray *list = json_array_new();
    for (const Board *const *board = board_list(); *board; board++) {
        JsonObject *entry = json_object_new();
        json_object_set_string_member(entry, "name", (*board)->name);
        if (board == board_list()) {
            json_object_set_boolean_member(entry, "is-default", TRUE);
        }
        json_object_set_int_member(entry, "cpu-max", 1);
        json_object_set_boolean_member(entry, "hotpluggable-cpus", FALSE);
        json_object_set_boolean_member(entry, "numa-mem-supported", FALSE);
        json_object_set_boolean_member(entry, "deprecated", FALSE);
        json_array_add_object_element(list, entry);
    }
    *reply = array_node(list);
    return true;
}

bool cmd_query_cpus_fast(ApiSession *session, const QueryCpusFastArgs *arguments, JsonNode **reply,
                         GError **error)
{
    JsonArray *list = json_array_new();
    JsonObject *entry = json_object_new();
    json_object_set_int_member(entry, "cpu-index", 0);
    json_object_set_string_member(entry, "qom-path", "/machine/unattached/device[0]");
    json_object_set_int_member(entry, "thread-id", worker_status(worker_of(session)).thread_id);
    json_object_set_string_member(entry, "target", "ppc64");
    json_array_add_object_element(list, entry);
    *reply = array_node(list);
    return true;
}

/* Registers */

static void set_hex(JsonObject *object, const char *name, uint64_t value)
{
    char text[24];
    g_snprintf(text, sizeof(text), "0x%" G_GINT64_MODIFIER "x", value);
    json_object_set_string_member(object, name, text);
}

static void set_vector(JsonObject *object, const char *name, const Vsr *value)
{
    uint64_t halves[2]; /* as the host holds the 128-bit number: low half first */
    char text[40];
    G_STATIC_ASSERT(sizeof(*value) == sizeof(halves));
    memcpy(halves, value, sizeof(halves));
    g_snprintf(text, sizeof(text), "0x%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
               halves[1], halves[0]);
    json_object_set_string_member(object, name, text);
}

static void set_numbered(JsonObject *object, const char *prefix, unsigned number, uint64_t value)
{
    char name[16];
    g_snprintf(name, sizeof(name), "%s%u", prefix, number);
    set_hex(object, name, value);
}

static uint64_t condition_register(const CpuState *s)
{
    uint64_t cr = 0;
    for (int i = 0; i < 8; i++) {
        cr = cr << 4 | s->crf[i];
    }
    return cr;
}

/* XER as mfxer reads it (Power ISA 3.0B, Book I 3.2.2). */
static uint64_t fixed_point_exception(const CpuState *s)
{
    return (uint64_t)s->so << 31 | (uint64_t)s->ov << 30 | (uint64_t)s->ca << 29 |
           (uint64_t)s->ov32 << 19 | (uint64_t)s->ca32 << 18 | s->xer_count;
}

static JsonObject *registers_object(const Cpu *cpu)
{
    const CpuState *s = &cpu->s;
    JsonObject *out = json_object_new();
    char name[16];
    for (unsigned i = 0; i < 32; i++) {
        set_numbered(out, "r", i, s->gpr[i]);
    }
    set_hex(out, "pc", s->cia);
    set_hex(out, "msr", s->msr);
    set_hex(out, "cr", condition_register(s));
    set_hex(out, "lr", s->lr);
    set_hex(out, "ctr", s->ctr);
    set_hex(out, "xer", fixed_point_exception(s));
    set_hex(out, "fpscr", s->fpscr);
    set_hex(out, "vscr", (uint64_t)s->vscr_nj << 16 | s->vscr_sat);
    set_hex(out, "vrsave", s->vrsave);
    for (unsigned i = 0; i < 64; i++) {
        g_snprintf(name, sizeof(name), "vs%u", i);
        set_vector(out, name, &s->vsr[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(s->spr); i++) {
        const char *special = spr_name(cpu->model->spr_set, i);
        if (special && !json_object_has_member(out, special)) {
            set_hex(out, special, s->spr[i]);
        }
    }
    return out;
}

static void execute_registers(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    Cpu *cpu = machine_cpu(machine, GPOINTER_TO_UINT(call->data));
    if (!cpu) {
        g_set_error(&call->error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "There is no processor %u",
                    GPOINTER_TO_UINT(call->data));
        return;
    }
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", machine_position(machine).icount);
    json_object_set_object_member(object, "registers", registers_object(cpu));
    call->reply = object_node(object);
}

void cmd_query_registers(ApiRequest *request, const QueryRegistersArgs *arguments)
{
    guint index = arguments->has_cpu_index ? (guint)arguments->cpu_index : 0;
    worker_call(worker_of_request(request), request, execute_registers, NULL,
                GUINT_TO_POINTER(index), NULL);
}

/* The state of devices, by their tables */

static void add_difference(gpointer user, const char *path, const char *a, const char *b)
{
    json_object_set_string_member(user, path, b);
}

/* Every field that is not zero, by its path. A state that is all zero shows as {}. */
static JsonObject *component_object(const StateTable *table, const void *state)
{
    g_autofree void *zero = g_malloc0(table->size);
    JsonObject *object = json_object_new();
    state_compare(table, zero, state, add_difference, object);
    return object;
}

static void execute_device_state(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    const char *wanted = call->data;
    JsonObject *object = json_object_new();
    if (!wanted || strcmp(wanted, "cpu0") == 0) {
        json_object_set_object_member(
            object, "cpu0", component_object(&cpu_state_table, &machine_cpu(machine, 0)->s));
    }
    for (unsigned i = 0; i < machine_device_count(machine); i++) {
        Device *device = machine_device(machine, i);
        if (!wanted || strcmp(wanted, device->id) == 0) {
            json_object_set_object_member(
                object, device->id, component_object(device->class->state, device_state(device)));
        }
    }
    if (json_object_get_size(object) == 0) {
        json_object_unref(object);
        g_set_error(&call->error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                    wanted);
        return;
    }
    call->reply = object_node(object);
}

void cmd_query_device_state(ApiRequest *request, const QueryDeviceStateArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_device_state, NULL,
                g_strdup(arguments->device), g_free);
}

/* The hash */

static void execute_state_hash(WorkerCall *call)
{
    Machine *machine = call->worker->machine;
    g_autoptr(HashList) list = hash_list_new();
    Position position = machine_position(machine);
    Digest digest;
    char hex[2 * DIGEST_SIZE + 1];
    machine_hash(machine, true, list);
    JsonArray *components = json_array_new();
    for (guint i = 0; i < hash_list_length(list); i++) {
        const HashComponent *component = hash_list_get(list, i);
        JsonObject *entry = json_object_new();
        digest_to_hex(&component->digest, hex);
        json_object_set_string_member(entry, "name", component->name);
        json_object_set_string_member(entry, "hash", hex);
        json_array_add_object_element(components, entry);
    }
    hash_list_digest(list, &digest);
    digest_to_hex(&digest, hex);
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", position.icount);
    set_unsigned(object, "virtual-ns", position.virtual_ns);
    json_object_set_string_member(object, "hash", hex);
    json_object_set_array_member(object, "components", components);
    call->reply = object_node(object);
}

void cmd_state_hash(ApiRequest *request, const StateHashArgs *arguments)
{
    worker_call(worker_of_request(request), request, execute_state_hash, NULL, NULL, NULL);
}

/* Memory into files */

typedef struct {
    uint64_t address, size;
    char *name;
} Save;

static void save_free(gpointer data)
{
    Save *save = data;
    g_free(save->name);
    g_free(save);
}

static void execute_pmemsave(WorkerCall *call)
{
    const Save *save = call->data;
    Memory *memory = machine_memory(call->worker->machine);
    if (save->size > SAVE_MAX || save->address > memory->size ||
        save->size > memory->size - save->address) {
        g_set_error(&call->error, API_ERROR, API_ERROR_GENERIC,
                    "Invalid addr 0x%016" G_GINT64_MODIFIER "x/size %" G_GUINT64_FORMAT
                    " specified",
                    save->address, save->size);
        return;
    }
    write_file(call->worker->directory, save->name, memory->ram + save->address, save->size,
               &call->error);
}

void cmd_pmemsave(ApiRequest *request, const PmemsaveArgs *arguments)
{
    const char *name = arguments->filename;
    if (!is_plain_name(request, name)) {
        return;
    }
    Save *save = g_new0(Save, 1);
    *save = (Save){ arguments->val, arguments->size, g_strdup(name) };
    worker_call(worker_of_request(request), request, execute_pmemsave, NULL, save, save_free);
}

/* Counters */

static uint64_t resident_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool cmd_query_metrics(ApiSession *session, const QueryMetricsArgs *arguments, JsonNode **reply,
                       GError **error)
{
    WorkerStatus status = worker_status(worker_of(session));
    JsonObject *object = json_object_new();
    set_unsigned(object, "icount", status.position.icount);
    set_unsigned(object, "virtual-ns", status.position.virtual_ns);
    json_object_set_double_member(object, "cpu-seconds", cpu_seconds());
    set_unsigned(object, "resident-bytes", resident_bytes());
    set_unsigned(object, "recording-bytes", status.counters.bytes);
    *reply = object_node(object);
    return true;
}
