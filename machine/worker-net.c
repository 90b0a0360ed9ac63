/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Cables: frames of the guest go to the helper (daemon/net/), frames of the helper into the inbox,
 * where they are logged.
 *
 * 1. In a replay there is no network: its frames come from the log. The helper's networks are torn
 *    down when one begins, and set up again when it ends.
 * 2. When WAITING_HIGH frames of a nic wait in the inbox, the helper is told to keep the others
 *    until the guest has taken some: a guest that is slow, or leaves a nic alone, slows that nic's
 *    peers and nobody else. Beyond WAITING_MAX, and if the helper takes none, frames are lost, as
 *    on a wire.
 * 3. A cable is in when the user wants it, a helper is there, and, on a wire, somebody is at its
 *    other end. Changes go through the inbox; a reset of the machine puts cables back in, so they
 *    are told again.
 * 4. The lock is for what the machine thread touches: the socket and the counters of frames.
 */

#include "machine/worker-net.h"

#include "api/net-message.h"
#include "machine/worker-pcap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WAITING_HIGH 64
#define WAITING_LOW  16
#define WAITING_MAX  1024 /* what may be on its way when the helper is told */
#define FRAMES_MAX   64   /* taken in one go */
#define RETRY_MS     10

G_STATIC_ASSERT(MACHINE_CONFIG_MAX_NICS == NET_NICS);

typedef struct {
    ConfigForward rule; /* host_port: as it was found, once it was */
    uint32_t id;        /* of the message that is under way, 0: none */
    int code;           /* errno value of the last answer */
    bool is_leaving;
    ApiRequest *request; /* that waits for the answer, or NULL */
} Forward;

typedef struct {
    const ConfigNic *config;
    unsigned device;
    bool is_wanted;      /* the cable, by set_link */
    bool is_in;          /* as the guest was told */
    bool has_peer;       /* of a wire */
    int is_held;         /* atomic: the helper was told to keep its frames */
    GPtrArray *forwards; /* of Forward */
    Pcap *pcap;          /* the machine thread's; or NULL */
    uint64_t sent, received, lost;
} Cable;

struct WorkerNet {
    Worker *worker;
    GMutex lock;
    int socket; /* -1: no helper */
    GSource *source;
    Cable cable[NET_NICS];
    unsigned cables;
    uint32_t last_id;
    int clock_fd;
    uint64_t *clock;   /* see net_clock_word() */
    int is_letting_go; /* atomic: let_go() will be called */
    int is_playing;    /* atomic: as the machine thread saw it last */
    bool has_networks;
};

/* --- to the helper ---------------------------------------------------------------------------- */

static bool tell(WorkerNet *net, NetMessageType type, unsigned nic, uint32_t id, const void *data,
                 size_t length, int fd)
{
    NetMessage message;
    net_message_init(&message, type, nic, id, data, length);
    g_mutex_lock(&net->lock);
    bool good = net->socket >= 0 && net_message_send(net->socket, &message, fd, NULL);
    g_mutex_unlock(&net->lock);
    return good;
}

static bool is_replay(WorkerNet *net)
{
    return replay_mode(machine_replay(net->worker->machine)) == REPLAY_PLAY;
}

static void dump(WorkerNet *net, const Cable *cable, const void *frame, size_t length)
{
    if (cable->pcap)
        pcap_add(cable->pcap, machine_now_ns(net->worker->machine), is_replay(net), frame, length);
}

void net_arrived(WorkerNet *net, unsigned number, const void *frame, size_t length)
{
    for (unsigned i = 0; i < net->cables; i++)
        if (net->cable[i].device == number)
            dump(net, &net->cable[i], frame, length);
}

void net_output(WorkerNet *net, unsigned number, const void *frame, size_t length)
{
    NetMessage message;
    for (unsigned i = 0; i < net->cables; i++) {
        Cable *cable = &net->cable[i];
        if (cable->device != number)
            continue;
        dump(net, cable, frame, length);
        bool good = !is_replay(net) && length >= NET_FRAME_MIN && length <= NET_FRAME_MAX &&
                    cable->config->backend != CONFIG_NIC_NULL;
        if (good)
            net_message_init(&message, NET_FRAME, i, 0, frame, length);
        g_mutex_lock(&net->lock);
        good = good && net->socket >= 0 && net_message_send(net->socket, &message, -1, NULL);
        cable->sent += good;
        cable->lost += !good;
        g_mutex_unlock(&net->lock);
    }
}

/* --- forwarded ports -------------------------------------------------------------------------- */

static JsonNode *forward_node(const Cable *cable, const Forward *forward)
{
    const ConfigForward *rule = &forward->rule;
    struct in_addr host = { htonl(rule->host_address) }, guest = { htonl(rule->guest_address) };
    char text[INET_ADDRSTRLEN];
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", cable->config->id);
    json_object_set_string_member(object, "protocol", rule->is_udp ? "udp" : "tcp");
    json_object_set_string_member(object, "host", inet_ntop(AF_INET, &host, text, sizeof text));
    json_object_set_int_member(object, "host-port", rule->host_port);
    json_object_set_string_member(object, "guest", inet_ntop(AF_INET, &guest, text, sizeof text));
    json_object_set_int_member(object, "guest-port", rule->guest_port);
    if (forward->code)
        json_object_set_string_member(object, "error", g_strerror(forward->code));
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

static void forward_free(gpointer data)
{
    Forward *forward = data;
    if (forward->request)
        api_request_fail_text(forward->request, API_ERROR_GENERIC,
                              "The network helper has gone; it comes again");
    g_free(forward);
}

static void send_forward(WorkerNet *net, unsigned nic, Forward *forward)
{
    const ConfigForward *rule = &forward->rule;
    NetForward wish = { .host_address = htonl(rule->host_address),
                        .guest_address = htonl(rule->guest_address),
                        .host_port = rule->host_port,
                        .guest_port = rule->guest_port,
                        .is_udp = rule->is_udp };
    forward->id = ++net->last_id ? net->last_id : ++net->last_id;
    tell(net, forward->is_leaving ? NET_UNFORWARD : NET_FORWARD, nic, forward->id, &wish,
         sizeof wish, -1);
}

/* The answer is there: a wish that failed is forgotten when somebody waits to hear it. */
static void settle(Cable *cable, Forward *forward, const NetResult *result)
{
    ApiRequest *request = forward->request;
    forward->request = NULL;
    forward->id = 0;
    forward->code = result->code > 0 ? result->code : 0;
    if (!forward->is_leaving && forward->code == 0)
        forward->rule.host_port = result->port;
    if (request && forward->code)
        api_request_fail_text(request, API_ERROR_GENERIC, "The host refuses port %u: %s",
                              forward->rule.host_port, g_strerror(forward->code));
    else if (request)
        api_request_reply(request, forward->is_leaving ? NULL : forward_node(cable, forward));
    if (forward->code && !request)
        g_warning("%s: port %u is not forwarded: %s", cable->config->id, forward->rule.host_port,
                  g_strerror(forward->code));
    if (forward->is_leaving || (forward->code && request))
        g_ptr_array_remove(cable->forwards, forward);
}

static void take_result(WorkerNet *net, const NetMessage *message)
{
    Cable *cable = &net->cable[message->nic];
    NetResult result;
    memcpy(&result, message->data, sizeof result);
    for (guint i = 0; i < cable->forwards->len; i++) {
        Forward *forward = g_ptr_array_index(cable->forwards, i);
        if (forward->id == message->id) {
            settle(cable, forward, &result);
            return;
        }
    }
}

static Cable *find_cable(WorkerNet *net, const char *id, bool is_user, GError **error)
{
    for (unsigned i = 0; net && i < net->cables; i++) {
        const ConfigNic *config = net->cable[i].config;
        if ((!is_user || config->backend == CONFIG_NIC_USER) &&
            (!id || strcmp(id, config->id) == 0))
            return &net->cable[i];
    }
    g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_FOUND, "There is no nic '%s'%s",
                id ? id : "", is_user ? " with the back end \"user\"" : "");
    return NULL;
}

/* The cable and the rule that a request is about; NULL when it was refused. */
static Cable *find_target(WorkerNet *net, ApiRequest *request, const char *id, const char *text,
                          ConfigForward *rule)
{
    GError *error = NULL;
    Cable *cable = find_cable(net, id, true, &error);
    if (cable && !machine_config_forward(text, rule))
        g_set_error(&error, API_ERROR, API_ERROR_GENERIC, "Parameter 'rule' expects %s, not '%s'",
                    MACHINE_CONFIG_FORWARD_FORM, text);
    else if (cable && !net->has_networks)
        g_set_error(&error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE, "%s",
                    g_atomic_int_get(&net->is_playing) ? "A replay has no network"
                                                       : "The network helper is not there");
    if (error)
        api_request_fail(request, error);
    return error ? NULL : cable;
}

void net_add_forward(WorkerNet *net, ApiRequest *request, const char *id, const char *text)
{
    ConfigForward rule;
    Cable *cable = find_target(net, request, id, text, &rule);
    if (!cable)
        return;
    if (cable->forwards->len >= MACHINE_CONFIG_MAX_FORWARDS) {
        api_request_fail_text(request, API_ERROR_GENERIC, "There are %u forwarded ports already",
                              cable->forwards->len);
        return;
    }
    Forward *forward = g_new0(Forward, 1);
    *forward = (Forward){ .rule = rule, .request = request };
    g_ptr_array_add(cable->forwards, forward);
    send_forward(net, (unsigned)(cable - net->cable), forward);
}

void net_remove_forward(WorkerNet *net, ApiRequest *request, const char *id, const char *text)
{
    ConfigForward rule;
    Cable *cable = find_target(net, request, id, text, &rule);
    for (guint i = 0; cable && i < cable->forwards->len; i++) {
        Forward *forward = g_ptr_array_index(cable->forwards, i);
        const ConfigForward *own = &forward->rule;
        if (own->is_udp != rule.is_udp || own->host_address != rule.host_address ||
            own->host_port != rule.host_port || forward->id)
            continue;
        forward->is_leaving = true;
        forward->request = request;
        send_forward(net, (unsigned)(cable - net->cable), forward);
        return;
    }
    if (cable)
        api_request_fail_text(request, API_ERROR_DEVICE_NOT_FOUND,
                              "No port is forwarded by '%s'; query-hostfwd lists them", text);
}

/* --- cables ----------------------------------------------------------------------------------- */

static bool has_end(const WorkerNet *net, const Cable *cable)
{
    switch (cable->config->backend) {
    case CONFIG_NIC_NULL: return true;
    case CONFIG_NIC_USER: return net->socket >= 0;
    default: return net->socket >= 0 && cable->has_peer;
    }
}

static void update_cable(WorkerNet *net, unsigned nic, bool must_tell)
{
    Cable *cable = &net->cable[nic];
    bool is_in = cable->is_wanted && has_end(net, cable);
    uint8_t bytes[2] = { (uint8_t)cable->device, is_in };
    Event event = { .kind = EVENT_CONTROL,
                    .control = { .kind = CONTROL_LINK, .data = bytes, .data_length = 2 } };
    if ((is_in != cable->is_in || must_tell) && inbox_post_event(net->worker->inbox, &event, NULL))
        cable->is_in = is_in;
}

static void update_cables(WorkerNet *net, bool must_tell)
{
    for (unsigned i = 0; i < net->cables; i++)
        update_cable(net, i, must_tell);
}

bool net_set_link(WorkerNet *net, const char *id, bool up, GError **error)
{
    Cable *cable = find_cable(net, id, false, error);
    if (!cable)
        return false;
    if (g_atomic_int_get(&net->is_playing)) {
        g_set_error(error, API_ERROR, API_ERROR_DEVICE_NOT_ACTIVE,
                    "A replay takes no input; take over first");
        return false;
    }
    cable->is_wanted = up;
    update_cable(net, (unsigned)(cable - net->cable), false);
    return true;
}

/* --- networks --------------------------------------------------------------------------------- */

static void set_up_networks(WorkerNet *net)
{
    bool is_live = net->socket >= 0 && !g_atomic_int_get(&net->is_playing);
    for (unsigned i = 0; i < net->cables && is_live != net->has_networks; i++) {
        Cable *cable = &net->cable[i];
        if (cable->config->backend == CONFIG_NIC_NULL)
            continue;
        tell(net, is_live ? NET_SETUP : NET_TEARDOWN, i, 0, NULL, 0, is_live ? net->clock_fd : -1);
        g_atomic_int_set(&cable->is_held, 0);
        for (guint k = 0; is_live && k < cable->forwards->len; k++)
            send_forward(net, i, g_ptr_array_index(cable->forwards, k));
    }
    net->has_networks = is_live;
}

/* --- from the helper -------------------------------------------------------------------------- */

static void stop_reading(WorkerNet *net)
{
    if (net->source) {
        g_source_destroy(net->source);
        g_clear_pointer(&net->source, g_source_unref);
    }
}

static void lose_helper(WorkerNet *net)
{
    stop_reading(net);
    g_mutex_lock(&net->lock);
    if (net->socket >= 0)
        close(net->socket);
    net->socket = -1;
    g_mutex_unlock(&net->lock);
    net->has_networks = false;
    for (unsigned i = 0; i < net->cables; i++) {
        GPtrArray *forwards = net->cable[i].forwards;
        net->cable[i].has_peer = false;
        g_atomic_int_set(&net->cable[i].is_held, 0);
        for (guint k = forwards->len; k-- > 0;) {
            Forward *forward = g_ptr_array_index(forwards, k);
            forward->id = 0;
            if (forward->request || forward->is_leaving)
                g_ptr_array_remove_index(forwards, k);
        }
    }
    update_cables(net, false);
}

static unsigned waiting(WorkerNet *net, const Cable *cable)
{
    return inbox_waiting_frames(net->worker->inbox, cable->device);
}

/* False when the helper could not be told now. */
static bool hold(WorkerNet *net, Cable *cable, bool is_held)
{
    NetSwitch body = { .is_on = !is_held };
    if (!tell(net, NET_FLOW, (unsigned)(cable - net->cable), 0, &body, sizeof body, -1))
        return false;
    g_atomic_int_set(&cable->is_held, is_held);
    return true;
}

/* Of what is held, what may come again. False when the helper could not be told of all. */
static bool let_go(WorkerNet *net)
{
    bool good = true;
    for (unsigned i = 0; i < net->cables; i++) {
        Cable *cable = &net->cable[i];
        if (cable->is_held && waiting(net, cable) <= WAITING_LOW)
            good &= hold(net, cable, false);
    }
    return good;
}

static void take_frame(WorkerNet *net, const NetMessage *message)
{
    Cable *cable = &net->cable[message->nic];
    Event event = { .kind = EVENT_NET,
                    .net = { .adapter = (guint8)cable->device,
                             .data = message->data,
                             .data_length = message->length } };
    bool good =
        waiting(net, cable) < WAITING_MAX && inbox_post_event(net->worker->inbox, &event, NULL);
    g_mutex_lock(&net->lock);
    cable->received += good;
    cable->lost += !good;
    g_mutex_unlock(&net->lock);
    if (!cable->is_held && waiting(net, cable) >= WAITING_HIGH && hold(net, cable, true))
        let_go(net); /* the guest may have taken all of them meanwhile */
}

static void take_link(WorkerNet *net, const NetMessage *message)
{
    NetSwitch body;
    memcpy(&body, message->data, sizeof body);
    net->cable[message->nic].has_peer = body.is_on;
    update_cable(net, message->nic, false);
}

/* False when there is no more for now. */
static bool take_one(WorkerNet *net)
{
    NetMessage message;
    g_autoptr(GError) error = NULL;
    int fd;
    PacketResult result = net_message_receive(net->socket, &message, false, &fd, &error);
    if (result == PACKET_RECEIVED && message.nic < net->cables) {
        if (message.type == NET_FRAME)
            take_frame(net, &message);
        else if (message.type == NET_LINK)
            take_link(net, &message);
        else if (message.type == NET_RESULT)
            take_result(net, &message);
        return true;
    }
    if (result == PACKET_NONE_YET)
        return false;
    if (result != PACKET_CLOSED)
        g_warning("%s: the helper is given up", error ? error->message : "a nic that is not there");
    lose_helper(net);
    return false;
}

static gboolean on_helper(gint socket, GIOCondition condition, gpointer data)
{
    WorkerNet *net = data;
    for (unsigned i = 0; i < FRAMES_MAX && take_one(net); i++) {}
    return net->source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void read_helper(WorkerNet *net)
{
    net->source = g_unix_fd_source_new(net->socket, G_IO_IN | G_IO_HUP);
    g_source_set_callback(net->source, G_SOURCE_FUNC(on_helper), net, NULL);
    g_source_attach(net->source, NULL);
}

void net_set_helper(WorkerNet *net, int socket)
{
    lose_helper(net);
    g_mutex_lock(&net->lock);
    net->socket = socket;
    g_mutex_unlock(&net->lock);
    read_helper(net);
    set_up_networks(net);
    update_cables(net, false);
}

/* --- what the machine thread notices ---------------------------------------------------------- */

static gboolean on_mode(gpointer data)
{
    Worker *worker = data;
    if (worker->net) {
        set_up_networks(worker->net);
        if (!g_atomic_int_get(&worker->net->is_playing))
            update_cables(worker->net, true); /* the recording left them as they were in it */
    }
    return G_SOURCE_REMOVE;
}

void net_was_reset(WorkerNet *net)
{
    for (unsigned i = 0; i < net->cables; i++)
        net->cable[i].is_in = true;
    update_cables(net, false);
}

static gboolean on_space(gpointer data)
{
    Worker *worker = data;
    if (worker->net && !let_go(worker->net))
        g_timeout_add(RETRY_MS, on_space, worker);
    else if (worker->net)
        g_atomic_int_set(&worker->net->is_letting_go, 0);
    return G_SOURCE_REMOVE;
}

static bool has_space(WorkerNet *net)
{
    bool has = false;
    for (unsigned i = 0; i < net->cables; i++)
        has |=
            g_atomic_int_get(&net->cable[i].is_held) && waiting(net, &net->cable[i]) <= WAITING_LOW;
    return has;
}

void net_publish(WorkerNet *net, int64_t monotonic_ns)
{
    Machine *machine = net->worker->machine;
    bool plays = is_replay(net), is_running = machine_run_state(machine) == MACHINE_RUNNING;
    bool runs = is_running && !plays;
    int64_t now = (int64_t)machine_position(machine).virtual_ns;
    __atomic_store_n(net->clock, net_clock_word(runs, now, monotonic_ns), __ATOMIC_RELAXED);
    for (unsigned i = 0; i < net->cables; i++)
        if (net->cable[i].pcap)
            pcap_flush(net->cable[i].pcap, monotonic_ns, !is_running);
    if (plays != g_atomic_int_get(&net->is_playing)) {
        g_atomic_int_set(&net->is_playing, plays);
        g_idle_add_full(G_PRIORITY_DEFAULT, on_mode, net->worker, NULL);
    }
    if (has_space(net) && g_atomic_int_compare_and_exchange(&net->is_letting_go, 0, 1))
        g_idle_add_full(G_PRIORITY_DEFAULT, on_space, net->worker, NULL);
}

/* --- what clients of the API ask -------------------------------------------------------------- */

static JsonNode *array_node(JsonArray *array)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

static JsonObject *cable_object(WorkerNet *net, const Cable *cable)
{
    JsonObject *object = json_object_new();
    const uint8_t *m = cable->config->mac;
    g_autofree char *mac =
        g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    ConfigNicBackend backend = cable->config->backend;
    json_object_set_string_member(object, "id", cable->config->id);
    json_object_set_string_member(object, "backend", config_nic_backend_name(backend));
    json_object_set_string_member(object, "mac", mac);
    json_object_set_boolean_member(object, "link", cable->is_in);
    json_object_set_boolean_member(object, "connected",
                                   net->has_networks && backend != CONFIG_NIC_NULL &&
                                       has_end(net, cable));
    g_mutex_lock(&net->lock);
    json_object_set_int_member(object, "sent", (gint64)cable->sent);
    json_object_set_int_member(object, "received", (gint64)cable->received);
    json_object_set_int_member(object, "lost", (gint64)cable->lost);
    g_mutex_unlock(&net->lock);
    return object;
}

JsonNode *net_query(WorkerNet *net)
{
    JsonArray *list = json_array_new();
    for (unsigned i = 0; net && i < net->cables; i++)
        json_array_add_object_element(list, cable_object(net, &net->cable[i]));
    return array_node(list);
}

JsonNode *net_query_forwards(WorkerNet *net)
{
    JsonArray *list = json_array_new();
    for (unsigned i = 0; net && i < net->cables; i++)
        for (guint k = 0; k < net->cable[i].forwards->len; k++)
            json_array_add_element(
                list, forward_node(&net->cable[i], g_ptr_array_index(net->cable[i].forwards, k)));
    return array_node(list);
}

/* --- life ------------------------------------------------------------------------------------- */

static void make_clock(WorkerNet *net)
{
    net->clock_fd = memfd_create("clock", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *page = MAP_FAILED;
    if (net->clock_fd >= 0 && ftruncate(net->clock_fd, NET_CLOCK_SIZE) == 0)
        page = mmap(NULL, NET_CLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, net->clock_fd, 0);
    g_assert(page != MAP_FAILED); /* a page, at the start */
    /* Whoever maps it from now on can only read it. */
    fcntl(net->clock_fd, F_ADD_SEALS,
          F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
    net->clock = page;
}

static void add_cable(WorkerNet *net, const ConfigNic *config, const Device *device)
{
    Cable *cable = &net->cable[net->cables++];
    *cable =
        (Cable){ .config = config, .device = device->number, .is_wanted = true, .is_in = true };
    cable->forwards = g_ptr_array_new_with_free_func(forward_free);
    cable->pcap = config->pcap_fd >= 0 ? pcap_new(config->pcap_fd) : NULL;
    for (unsigned i = 0; i < config->forward_count; i++) {
        Forward *forward = g_new0(Forward, 1);
        forward->rule = config->forwards[i];
        g_ptr_array_add(cable->forwards, forward);
    }
}

WorkerNet *net_new(Worker *worker)
{
    const MachineConfig *config = worker->config;
    WorkerNet *net = g_new0(WorkerNet, 1);
    net->worker = worker;
    net->socket = -1;
    g_mutex_init(&net->lock);
    make_clock(net);
    for (unsigned i = 0; i < config->nic_count; i++) {
        Device *device = machine_device_by_id(worker->machine, config->nics[i].id);
        if (device)
            add_cable(net, &config->nics[i], device);
    }
    return net;
}

void net_free(WorkerNet *net)
{
    if (!net)
        return;
    stop_reading(net);
    if (net->socket >= 0)
        close(net->socket);
    for (unsigned i = 0; i < net->cables; i++) {
        g_ptr_array_unref(net->cable[i].forwards);
        pcap_free(net->cable[i].pcap);
    }
    munmap(net->clock, NET_CLOCK_SIZE);
    close(net->clock_fd);
    g_mutex_clear(&net->lock);
    g_free(net);
}
