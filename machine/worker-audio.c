/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A sound card's wires: what the guest plays goes into a WAV file in the machine's folder or to
 * whoever listens at a socket; what it captures comes from a WAV file or a socket.
 *
 * 1. Frames are placed by number: frame N of all that this guest has played is frame N of the file,
 *    or of what is there since the machine's last reset. So a file holds what the guest has played
 *    up to where it is, also after it was set back.
 * 2. A replay writes only the file that is meant for replays. It captures from the log.
 * 3. A thread of its own writes. When more than WAITING_MAX bytes wait for a file, the machine
 *    thread waits, which no guest can notice; to a socket nobody waits: what it does not take is
 *    dropped.
 * 4. Whatever happens to a file or a socket, nothing of it comes back to the guest, but as frames
 *    that are logged.
 */

#include "machine/worker-audio.h"

#include "machine/audio/wav.h"
#include "machine/devices/es1370.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX (8u << 20)

G_STATIC_ASSERT(WAV_RATE == ES1370_RATE && WAV_FRAME_BYTES == ES1370_FRAME_BYTES);

typedef struct {
    uint64_t first; /* number of the first frame */
    bool is_replay;
    bool is_reset; /* no frames: those that follow count from 0 again */
    size_t length; /* in bytes; 0 and no reset: the writer is to end */
    uint8_t data[];
} Piece;

/* A file that is written. */
typedef struct {
    const char *name; /* NULL: none */
    int fd;           /* -1 until there is something to write, or when it failed */
    bool has_failed;
    uint64_t frames; /* that are in it */
    uint64_t base;   /* where the guest's frame 0 is */
} Target;

struct WorkerAudio {
    Worker *worker;
    const ConfigAudio *config;
    const Device *device;
    WavInput capture; /* fd -1: none */

    GThread *writer;
    Target live, replay; /* the writer's own */

    GMutex lock; /* of what follows */
    GCond changed;
    GQueue pieces;
    size_t waiting;                /* bytes of these */
    int listener, player;          /* sockets; -1: nobody */
    uint8_t part[WAV_FRAME_BYTES]; /* of a frame that has not come whole */
    size_t part_length;
};

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_at(int fd, const void *data, size_t length, off_t at)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = pwrite(fd, (const uint8_t *)data + done, length - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static off_t place_of(uint64_t frame)
{
    return WAV_HEADER_SIZE + (off_t)(frame * WAV_FRAME_BYTES);
}

/* What was there from FIRST on is forgotten: the guest has been set back, or it is an old file. */
static bool cut(Target *target, uint64_t first)
{
    target->frames = first;
    return ftruncate(target->fd, place_of(first)) == 0;
}

static bool write_piece(Target *target, int directory, const Piece *piece)
{
    uint8_t header[WAV_HEADER_SIZE];
    uint64_t first = target->base + piece->first;
    if (target->fd < 0) {
        target->fd =
            openat(directory, target->name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (target->fd < 0 || !cut(target, first))
            return false;
    }
    if (first != target->frames && !cut(target, first))
        return false;
    target->frames = first + piece->length / WAV_FRAME_BYTES;
    wav_header(header, target->frames);
    return write_at(target->fd, piece->data, piece->length, place_of(first)) &&
           write_at(target->fd, header, sizeof header, 0);
}

static void write_to(WorkerAudio *audio, Target *target, const Piece *piece)
{
    if (!target->name || target->has_failed || write_piece(target, audio->worker->directory, piece))
        return;
    target->has_failed = true;
    g_warning("sound: %s: %s; no more is written to it", target->name, g_strerror(errno));
}

static void send_to_listener(WorkerAudio *audio, const Piece *piece)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&audio->lock);
    if (audio->listener < 0)
        return;
    ssize_t sent = send(audio->listener, piece->data, piece->length, MSG_DONTWAIT | MSG_NOSIGNAL);
    bool is_slow = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    /* A part of a frame would put the rest of the stream out of step. */
    if (is_slow || (sent > 0 && sent % WAV_FRAME_BYTES == 0))
        return;
    close(audio->listener);
    audio->listener = -1;
}

static Piece *next_piece(WorkerAudio *audio)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&audio->lock);
    while (g_queue_is_empty(&audio->pieces))
        g_cond_wait(&audio->changed, &audio->lock);
    Piece *piece = g_queue_pop_head(&audio->pieces);
    audio->waiting -= piece->length;
    g_cond_broadcast(&audio->changed);
    return piece;
}

static gpointer run_writer(gpointer data)
{
    WorkerAudio *audio = data;
    for (;;) {
        g_autofree Piece *piece = next_piece(audio);
        Target *target = piece->is_replay ? &audio->replay : &audio->live;
        if (piece->is_reset) {
            target->base = target->frames;
            continue;
        }
        if (piece->length == 0)
            return NULL;
        write_to(audio, target, piece);
        send_to_listener(audio, piece);
    }
}

static Piece *piece_new(WorkerAudio *audio, uint64_t first, const void *data, size_t length)
{
    Piece *piece = g_malloc0(sizeof *piece + length);
    piece->first = first;
    piece->is_replay = replay_mode(machine_replay(audio->worker->machine)) == REPLAY_PLAY;
    piece->length = length;
    if (length)
        memcpy(piece->data, data, length);
    return piece;
}

static void queue_piece(WorkerAudio *audio, Piece *piece)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&audio->lock);
    while (audio->waiting > WAITING_MAX)
        g_cond_wait(&audio->changed, &audio->lock);
    audio->waiting += piece->length;
    g_queue_push_tail(&audio->pieces, piece);
    g_cond_broadcast(&audio->changed);
}

void audio_output(WorkerAudio *audio, const Device *device, const void *data, size_t length)
{
    if (device != audio->device || audio->config->playback == CONFIG_SOUND_NULL || length == 0)
        return;
    queue_piece(audio, piece_new(audio, es1370_played(device), data, length));
}

void audio_was_reset(WorkerAudio *audio)
{
    if (!audio || !audio->writer)
        return;
    Piece *piece = piece_new(audio, 0, NULL, 0);
    piece->is_reset = true;
    queue_piece(audio, piece);
}

/* --- capturing -------------------------------------------------------------------------------- */

static void drop_player(WorkerAudio *audio)
{
    close(audio->player);
    audio->player = -1;
    audio->part_length = 0;
}

static unsigned read_player(WorkerAudio *audio, int16_t *frames, unsigned count)
{
    uint8_t bytes[MACHINE_AUDIO_FRAMES_MAX * WAV_FRAME_BYTES];
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&audio->lock);
    size_t size = MIN(count * WAV_FRAME_BYTES, sizeof bytes), have = audio->part_length;
    if (audio->player < 0)
        return 0;
    memcpy(bytes, audio->part, have);
    ssize_t got = recv(audio->player, bytes + have, size - have, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        drop_player(audio);
        return 0;
    }
    have += got > 0 ? (size_t)got : 0;
    unsigned whole = (unsigned)(have / WAV_FRAME_BYTES);
    audio->part_length = have % WAV_FRAME_BYTES;
    memcpy(audio->part, bytes + whole * WAV_FRAME_BYTES, audio->part_length);
    for (unsigned i = 0; i < 2 * whole; i++)
        frames[i] = (int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    return whole;
}

unsigned audio_input(WorkerAudio *audio, uint64_t first, int16_t *frames, unsigned count)
{
    switch (audio->config->capture) {
    case CONFIG_SOUND_WAV:
        return audio->capture.fd >= 0 ? wav_read(&audio->capture, first, frames, count) : 0;
    case CONFIG_SOUND_SOCKET: return read_player(audio, frames, count);
    default: return 0;
    }
}

void audio_set_client(WorkerAudio *audio, bool is_capture, int socket)
{
    ConfigSound sound = !audio       ? CONFIG_SOUND_NULL
                        : is_capture ? audio->config->capture
                                     : audio->config->playback;
    if (sound != CONFIG_SOUND_SOCKET) {
        close(socket);
        return;
    }
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&audio->lock);
    if (is_capture && audio->player >= 0)
        drop_player(audio);
    if (!is_capture && audio->listener >= 0)
        close(audio->listener);
    *(is_capture ? &audio->player : &audio->listener) = socket;
}

/* --- life ------------------------------------------------------------------------------------- */

bool audio_may_run(const WorkerAudio *audio, GError **error)
{
    if (!audio || audio->config->capture != CONFIG_SOUND_WAV || audio->capture.fd >= 0 ||
        replay_mode(machine_replay(audio->worker->machine)) == REPLAY_PLAY)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "audio.capture.file (%s) could not be opened: without it this machine can only "
                "replay",
                audio->config->capture_file);
    return false;
}

static bool open_capture(WorkerAudio *audio, GError **error)
{
    audio->capture.fd = -1;
    if (audio->config->capture_fd < 0)
        return true;
    bool good = wav_open(&audio->capture, audio->config->capture_fd, error);
    if (!good)
        g_prefix_error(error, "audio.capture.file (%s): ", audio->config->capture_file);
    return good;
}

WorkerAudio *audio_new(Worker *worker, GError **error)
{
    const ConfigAudio *config = &worker->config->audio;
    if (config->device == CONFIG_AUDIO_NONE)
        return NULL;
    WorkerAudio *audio = g_new0(WorkerAudio, 1);
    audio->worker = worker;
    audio->config = config;
    audio->device = machine_device_by_id(worker->machine, CONFIG_AUDIO_ID);
    audio->listener = audio->player = -1;
    audio->live = (Target){ .name = config->playback_file, .fd = -1 };
    audio->replay = (Target){ .name = config->replay_file, .fd = -1 };
    g_mutex_init(&audio->lock);
    g_cond_init(&audio->changed);
    g_queue_init(&audio->pieces);
    if (!audio->device)
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_VALUE,
                    "audio: the board \"%s\" takes no sound card", worker->config->board);
    if (!audio->device || !open_capture(audio, error)) {
        audio_free(audio);
        return NULL;
    }
    return audio;
}

void audio_start(WorkerAudio *audio)
{
    if (audio && audio->config->playback != CONFIG_SOUND_NULL)
        audio->writer = g_thread_new("sound", run_writer, audio);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void audio_free(WorkerAudio *audio)
{
    if (!audio)
        return;
    if (audio->writer) {
        queue_piece(audio, piece_new(audio, 0, NULL, 0));
        g_thread_join(audio->writer);
    }
    close_fd(audio->live.fd);
    close_fd(audio->replay.fd);
    close_fd(audio->listener);
    close_fd(audio->player);
    g_queue_clear_full(&audio->pieces, g_free);
    g_cond_clear(&audio->changed);
    g_mutex_clear(&audio->lock);
    g_free(audio);
}
