/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ES1370: DAC1 and DAC2 play from ring buffers in guest memory, the ADC fills one; each counts
 * samples and interrupts when its count is used up. Registers are those that Linux' ens1370 driver
 * names. One clock of 1,411,200 Hz makes all rates: a sample lasts 256, 128, 64 or 32 of its ticks
 * on DAC1, and 2 to 8193, which the driver chooses, on DAC2 and the ADC together.
 *
 * 1. Time is the tick that virtual time has reached. What a channel has done by then is worked out
 *    when somebody looks: at any access to a register, when an interrupt is due, and at least every
 *    SLICE_TICKS while a channel runs. These are moments of the machine alone, so neither samples
 *    nor interrupts depend on the host.
 * 2. Output is both DACs added, as a row of frames one every FRAME_TICKS, for as long as one of
 *    them runs; nothing marks the silence between. A sample stands until the next one, as at a
 *    converter's pin: at 44,100 Hz and its halves each leaves as it was written.
 * 3. Input is a row of such frames, asked of the machine when samples are made of them: it logs
 *    them. Where a source has none there is silence.
 * 4. The codec's analogue part (volumes, switches) is behind this point: its registers can be
 *    written and change no sample.
 * 5. There is no MIDI or joystick: the transmitter is always ready, and nothing is received.
 */
#include "machine/devices/es1370.h"

#include "machine/machine.h"

#include <string.h>

#define CLOCK_HZ    1411200u
#define FRAME_TICKS (CLOCK_HZ / ES1370_RATE)
#define SLICE_TICKS (CLOCK_HZ / 100)
#define SLICE_MAX   512u /* frames put out or asked for at a time */
G_STATIC_ASSERT(SLICE_MAX <= MACHINE_AUDIO_FRAMES_MAX);

/* Frames that pass during one sample of the slowest rate. */
#define CAPTURE_DUE_MAX ((0x2001 + FRAME_TICKS - 1) / FRAME_TICKS)
G_STATIC_ASSERT(CAPTURE_DUE_MAX < SLICE_MAX);

#define PORTS_SIZE 64
enum {
    REG_CONTROL = 0x00,
    REG_STATUS = 0x04,
    REG_UART = 0x08,
    REG_PAGE = 0x0c,
    REG_CODEC = 0x10,
    REG_SERIAL = 0x20,
    REG_COUNT = 0x24, /* of each channel */
    REG_PAGED = 0x30,
};
enum { PAGE_DAC = 0x0c, PAGE_ADC = 0x0d };

#define CONTROL_ADC_STOP  0x80000000u
#define CONTROL_DIVIDER   16
#define CONTROL_DIVIDER_M 0x1fffu
#define CONTROL_DAC1_RATE 12
#define CONTROL_WRITABLE  0xdfffffffu
#define STATUS_INTERRUPT  0x80000000u
#define UART_READY        0x02u
#define CODEC_REGISTERS   32

/* Of the serial interface register: per channel. */
#define SERIAL_RELOAD_DAC1 0x80u
#define SERIAL_LAST_DAC2   0x40u /* in stop mode the last sample stands, not zero */
#define SERIAL_WRITABLE    0x007fffffu

enum { DAC1, DAC2, ADC, CHANNELS };

typedef struct {
    uint32_t enable;    /* in the control register */
    uint32_t interrupt; /* in the status register */
    uint32_t serial_interrupt, serial_pause, serial_stop;
    unsigned mode; /* where its two bits are: 1 stereo, 2 16-bit */
    unsigned page, offset;
} ChannelBits;

static const ChannelBits bits[CHANNELS] = {
    [DAC1] = { 0x40, 4, 0x100, 0x800, 0x2000, 0, PAGE_DAC, 0 },
    [DAC2] = { 0x20, 2, 0x200, 0x1000, 0x4000, 2, PAGE_DAC, 8 },
    [ADC] = { 0x10, 1, 0x400, 0, 0x8000, 4, PAGE_ADC, 0 },
};

typedef struct {
    uint64_t end_tick; /* when the present sample ends; of a running channel */
    uint32_t frame;    /* bus address of the ring buffer */
    uint32_t size;     /* of it, in 4-byte words, minus one */
    uint32_t position; /* in it, in bytes */
    uint16_t count;    /* samples to an interrupt, minus one */
    uint16_t left;     /* of these, to come after the present one */
    int16_t sample[2]; /* left and right, as they stand at the converter */
    uint8_t is_running;
    uint8_t is_fetched; /* the present sample is in SAMPLE */
    uint8_t has_ended;  /* stop mode: the count was used up */
    uint8_t zero;
} ChannelState;

typedef struct {
    PciState pci;
    TimerState timer;
    uint64_t frame_tick;                 /* of the next frame to put out */
    uint64_t played;                     /* frames put out */
    uint64_t captured;                   /* frames taken in */
    uint32_t capture_phase, capture_due; /* ticks past the last frame; frames due before a sample */
    uint32_t control, serial, page, pending;
    uint32_t phantom[2];
    ChannelState channel[CHANNELS];
    uint8_t codec[CODEC_REGISTERS];
} Es1370State;

typedef struct {
    Device parent;
    Es1370State s;
    PciFunction pci;
    Irq irq;
    Timer timer;
    unsigned waiting;                            /* frames in OUT; 0 outside of catch_up() */
    uint8_t out[SLICE_MAX * ES1370_FRAME_BYTES]; /* scratch */
    int16_t in[SLICE_MAX * 2];                   /* scratch */
} Es1370;

static const StateTable channel_state = {
    "es1370-channel", 1, sizeof(ChannelState),
    (const StateField[]){
        STATE_FIELD(ChannelState, end_tick, "tick at which the present sample ends"),
        STATE_FIELD(ChannelState, frame, "bus address of the ring buffer"),
        STATE_FIELD_MAX(ChannelState, size, 0xffff, "its size in words, minus one"),
        STATE_FIELD_MAX(ChannelState, position, 0x3ffff, "place in it, in bytes"),
        STATE_FIELD(ChannelState, count, "samples to an interrupt, minus one"),
        STATE_FIELD(ChannelState, left, "of these, still to come after the present one"),
        STATE_ARRAY(ChannelState, sample, "left and right sample at the converter"),
        STATE_FIELD_MAX(ChannelState, is_running, 1, "whether it is enabled and not paused"),
        STATE_FIELD_MAX(ChannelState, is_fetched, 1, "whether the present sample was fetched"),
        STATE_FIELD_MAX(ChannelState, has_ended, 1, "whether it has stopped at its count"),
        STATE_FIELD_MAX(ChannelState, zero, 0, "always 0"), STATE_DONE }
};

static const StateTable es1370_state = {
    "es1370", 1, sizeof(Es1370State),
    (const StateField[]){
        STATE_STRUCT(Es1370State, pci, &pci_state_table, "PCI function"),
        STATE_STRUCT(Es1370State, timer, &timer_state_table, "next moment to look"),
        STATE_FIELD(Es1370State, frame_tick, "tick of the next frame to put out"),
        STATE_FIELD(Es1370State, played, "frames put out"),
        STATE_FIELD(Es1370State, captured, "frames taken in"),
        STATE_FIELD_MAX(Es1370State, capture_phase, FRAME_TICKS - 1, "ticks past the last of them"),
        STATE_FIELD_MAX(Es1370State, capture_due, CAPTURE_DUE_MAX,
                        "frames to take before the next sample"),
        STATE_FIELD(Es1370State, control, "control register"),
        STATE_FIELD(Es1370State, serial, "serial interface register"),
        STATE_FIELD_MAX(Es1370State, page, 15, "which registers the last four are"),
        STATE_FIELD_MAX(Es1370State, pending, 7, "interrupts: bit 0 ADC, 1 DAC2, 2 DAC1"),
        STATE_ARRAY(Es1370State, phantom, "address and count of the phantom frame"),
        STATE_STRUCT_ARRAY(Es1370State, channel, &channel_state, "DAC1, DAC2, ADC"),
        STATE_BYTES(Es1370State, codec, "registers of the codec, as written"), STATE_DONE }
};

/* --- formats ---------------------------------------------------------------------------------- */

static unsigned mode_of(const Es1370State *s, unsigned channel)
{
    return s->serial >> bits[channel].mode & 3;
}

static unsigned sample_bytes(unsigned mode)
{
    return (mode & 1 ? 2 : 1) * (mode & 2 ? 2 : 1);
}

static unsigned sample_ticks(const Es1370State *s, unsigned channel)
{
    if (channel == DAC1)
        return 256u >> (s->control >> CONTROL_DAC1_RATE & 3);
    return (s->control >> CONTROL_DIVIDER & CONTROL_DIVIDER_M) + 2;
}

static int16_t decode_one(const uint8_t *bytes, bool is_wide)
{
    return is_wide ? (int16_t)(uint16_t)(bytes[0] | bytes[1] << 8)
                   : (int16_t)((bytes[0] - 128) * 256);
}

static void encode_one(uint8_t *bytes, bool is_wide, int value)
{
    bytes[0] = is_wide ? (uint8_t)value : (uint8_t)((value >> 8) + 128);
    if (is_wide)
        bytes[1] = (uint8_t)(value >> 8);
}

/* --- channels --------------------------------------------------------------------------------- */

/* The ring buffer is as long as it says now: POSITION may lie behind a size that was written. */
static uint32_t place(const ChannelState *channel)
{
    return channel->frame + channel->position % (4 * (channel->size + 1));
}

static void fetch(Es1370 *card, unsigned which)
{
    ChannelState *channel = &card->s.channel[which];
    unsigned mode = mode_of(&card->s, which), bytes = sample_bytes(mode);
    uint8_t data[4] = { 0 };
    channel->is_fetched = 1;
    if (!pci_function_dma_read(&card->pci, place(channel), data, bytes)) {
        channel->sample[0] = channel->sample[1] = 0;
        return;
    }
    channel->sample[0] = decode_one(data, mode & 2);
    channel->sample[1] = mode & 1 ? decode_one(data + bytes / 2, mode & 2) : channel->sample[0];
}

static void store(Es1370 *card, const int16_t *frame)
{
    unsigned mode = mode_of(&card->s, ADC), bytes = sample_bytes(mode);
    uint8_t data[4];
    if (card->s.control & CONTROL_ADC_STOP)
        return;
    encode_one(data, mode & 2, mode & 1 ? frame[0] : (frame[0] + frame[1]) >> 1);
    if (mode & 1)
        encode_one(data + bytes / 2, mode & 2, frame[1]);
    pci_function_dma_write(&card->pci, place(&card->s.channel[ADC]), data, bytes);
}

static void update_irq(Es1370 *card)
{
    irq_set(&card->irq, card->s.pending != 0);
}

static bool asserts(Device *device)
{
    return ((const Es1370 *)device)->s.pending != 0;
}

/* The present sample of a channel has ended. */
static void next_sample(Es1370 *card, unsigned which)
{
    Es1370State *s = &card->s;
    ChannelState *channel = &s->channel[which];
    channel->end_tick += sample_ticks(s, which);
    if (channel->has_ended)
        return;
    channel->is_fetched = 0;
    channel->position =
        (channel->position + sample_bytes(mode_of(s, which))) % (4 * (channel->size + 1));
    if (channel->left--)
        return;
    channel->left = channel->count;
    if (s->serial & bits[which].serial_interrupt) {
        s->pending |= bits[which].interrupt;
        update_irq(card);
    }
    if (s->serial & bits[which].serial_stop) {
        channel->has_ended = channel->is_fetched = 1;
        if (which != DAC2 || !(s->serial & SERIAL_LAST_DAC2))
            channel->sample[0] = channel->sample[1] = 0;
    }
}

/* What a DAC shows at TICK, which lies before the end of the slice that is worked on. */
static void play_to(Es1370 *card, unsigned which, uint64_t tick)
{
    ChannelState *channel = &card->s.channel[which];
    while (channel->is_running && channel->end_tick <= tick)
        next_sample(card, which);
}

static void flush(Es1370 *card)
{
    unsigned frames = card->waiting;
    card->waiting = 0;
    if (!frames)
        return;
    machine_output(&card->parent, card->out, (size_t)frames * ES1370_FRAME_BYTES);
    card->s.played += frames;
}

static void put_out(Es1370 *card)
{
    int sum[2] = { 0, 0 };
    for (unsigned which = DAC1; which <= DAC2; which++) {
        const ChannelState *channel = &card->s.channel[which];
        if (!channel->is_running)
            continue;
        if (!channel->is_fetched)
            fetch(card, which);
        sum[0] += channel->sample[0];
        sum[1] += channel->sample[1];
    }
    uint8_t *out = card->out + (size_t)card->waiting * ES1370_FRAME_BYTES;
    encode_one(out, true, CLAMP(sum[0], INT16_MIN, INT16_MAX));
    encode_one(out + 2, true, CLAMP(sum[1], INT16_MIN, INT16_MAX));
    if (++card->waiting == SLICE_MAX)
        flush(card);
}

static bool dac_runs(const Es1370State *s)
{
    return s->channel[DAC1].is_running || s->channel[DAC2].is_running;
}

static void play(Es1370 *card, uint64_t now)
{
    Es1370State *s = &card->s;
    for (; dac_runs(s) && s->frame_tick < now; s->frame_tick += FRAME_TICKS) {
        play_to(card, DAC1, s->frame_tick);
        play_to(card, DAC2, s->frame_tick);
        put_out(card);
    }
    play_to(card, DAC1, now);
    play_to(card, DAC2, now);
    if (s->frame_tick < now) /* nothing ran: the next frame is the first from now on */
        s->frame_tick = (now + FRAME_TICKS - 1) / FRAME_TICKS * FRAME_TICKS;
    flush(card);
}

/* --- capture ---------------------------------------------------------------------------------- */

/* How many of the SAMPLES that are complete can be made of one slice of frames; FRAMES: of how
 * many. At least one sample always can: DUE is no more than CAPTURE_DUE_MAX. */
static uint64_t fit_slice(const Es1370State *s, uint64_t samples, uint64_t *frames)
{
    uint64_t ticks = sample_ticks(s, ADC), room = SLICE_MAX;
    samples = MIN(samples,
                  1 + ((room - s->capture_due + 1) * FRAME_TICKS - 1 - s->capture_phase) / ticks);
    *frames = s->capture_due + (s->capture_phase + (samples - 1) * ticks) / FRAME_TICKS;
    return samples;
}

static void make_samples(Es1370 *card, uint64_t samples)
{
    Es1370State *s = &card->s;
    ChannelState *channel = &s->channel[ADC];
    uint64_t ticks = sample_ticks(s, ADC);
    unsigned taken = 0;
    for (uint64_t i = 0; i < samples; i++) {
        taken += s->capture_due;
        if (s->capture_due)
            memcpy(channel->sample, card->in + 2 * (taken - 1), sizeof channel->sample);
        if (!channel->has_ended)
            store(card, channel->sample);
        s->capture_due = (uint32_t)((s->capture_phase + ticks) / FRAME_TICKS);
        s->capture_phase = (uint32_t)((s->capture_phase + ticks) % FRAME_TICKS);
        next_sample(card, ADC);
    }
    s->captured += taken;
}

static void capture(Es1370 *card, uint64_t now)
{
    Es1370State *s = &card->s;
    ChannelState *channel = &s->channel[ADC];
    while (channel->is_running && channel->end_tick <= now) {
        uint64_t frames, samples = (now - channel->end_tick) / sample_ticks(s, ADC) + 1;
        samples = fit_slice(s, samples, &frames);
        if (frames)
            machine_audio_in(&card->parent, s->captured, card->in, (unsigned)frames);
        make_samples(card, samples);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t now_tick(Es1370 *card)
{
    return clock_ticks_from_ns(machine_now_ns(card->parent.machine), CLOCK_HZ);
}

static bool is_near(uint64_t tick, uint64_t now)
{
    return tick <= now + CLOCK_HZ && now <= tick + CLOCK_HZ;
}

/* A running channel is looked at every slice, and no sample lasts longer than one: only a forged
 * snapshot is further behind, or ahead. */
static void forget_the_rest(Es1370State *s, uint64_t now)
{
    if (dac_runs(s) && !is_near(s->frame_tick, now))
        s->frame_tick = now / FRAME_TICKS * FRAME_TICKS;
    for (unsigned which = 0; which < CHANNELS; which++)
        if (s->channel[which].is_running && !is_near(s->channel[which].end_tick, now))
            s->channel[which].end_tick = now;
}

static void catch_up(Es1370 *card)
{
    uint64_t now = now_tick(card);
    forget_the_rest(&card->s, now);
    play(card, now);
    capture(card, now);
}

static void plan(Es1370 *card)
{
    const Es1370State *s = &card->s;
    uint64_t next = UINT64_MAX, now = now_tick(card);
    for (unsigned which = 0; which < CHANNELS; which++) {
        const ChannelState *channel = &s->channel[which];
        if (!channel->is_running)
            continue;
        next = MIN(next, now + SLICE_TICKS);
        if (s->serial & bits[which].serial_interrupt && !(s->pending & bits[which].interrupt) &&
            !channel->has_ended)
            next = MIN(next, channel->end_tick + (uint64_t)channel->left * sample_ticks(s, which));
    }
    if (next == UINT64_MAX)
        timer_disarm(&card->timer);
    else
        timer_arm(&card->timer, clock_ns_from_ticks(next, CLOCK_HZ));
}

static void look(Device *device, unsigned which)
{
    catch_up((Es1370 *)device);
    plan((Es1370 *)device);
}

/* --- registers -------------------------------------------------------------------------------- */

/* After a change of the control or serial register. */
static void follow_enables(Es1370 *card, uint32_t old_control)
{
    Es1370State *s = &card->s;
    for (unsigned which = 0; which < CHANNELS; which++) {
        ChannelState *channel = &s->channel[which];
        bool is_enabled = s->control & bits[which].enable;
        bool runs = is_enabled && !(s->serial & bits[which].serial_pause);
        if (is_enabled && !(old_control & bits[which].enable)) {
            channel->left = channel->count;
            channel->has_ended = 0;
            if (which == ADC) {
                s->capture_due = 1;
                s->capture_phase = 0;
            }
        }
        if (runs && !channel->is_running) {
            channel->end_tick = now_tick(card) + sample_ticks(s, which);
            channel->is_fetched = channel->has_ended;
        }
        channel->is_running = runs;
        if (!(s->serial & bits[which].serial_interrupt))
            s->pending &= ~bits[which].interrupt;
    }
    update_irq(card);
}

static ChannelState *paged_channel(Es1370State *s, unsigned offset)
{
    for (unsigned which = 0; which < CHANNELS; which++)
        if (bits[which].page == s->page && bits[which].offset == (offset & 8))
            return &s->channel[which];
    return NULL;
}

static uint32_t paged_read(Es1370State *s, unsigned offset)
{
    const ChannelState *channel = paged_channel(s, offset);
    if (channel && offset & 4)
        return channel->position / 4 << 16 | channel->size;
    if (channel)
        return channel->frame;
    return s->page == PAGE_ADC ? s->phantom[offset >> 2 & 1] : 0;
}

static void paged_write(Es1370State *s, unsigned offset, uint32_t value)
{
    ChannelState *channel = paged_channel(s, offset);
    if (channel && offset & 4) {
        channel->size = value & 0xffff;
        channel->position = (value >> 16) * 4 % (4 * (channel->size + 1));
    } else if (channel) {
        channel->frame = value & ~3u;
    } else if (s->page == PAGE_ADC) {
        s->phantom[offset >> 2 & 1] = value;
    }
}

/* OFFSET is that of a 32-bit register. */
static uint32_t register_read(Es1370 *card, unsigned offset)
{
    Es1370State *s = &card->s;
    switch (offset) {
    case REG_CONTROL: return s->control;
    case REG_STATUS: return s->pending | (s->pending ? STATUS_INTERRUPT : 0);
    case REG_UART: return UART_READY << 8;
    case REG_PAGE: return s->page;
    case REG_SERIAL: return s->serial;
    case REG_COUNT:
    case REG_COUNT + 4:
    case REG_COUNT + 8: {
        const ChannelState *channel = &s->channel[(offset - REG_COUNT) / 4];
        return (uint32_t)channel->left << 16 | channel->count;
    }
    default: return offset >= REG_PAGED ? paged_read(s, offset) : 0;
    }
}

static void count_write(Es1370State *s, unsigned which, uint32_t value)
{
    ChannelState *channel = &s->channel[which];
    channel->count = (uint16_t)value;
    if (!(s->control & bits[which].enable))
        channel->left = channel->count;
}

static void serial_write(Es1370State *s, uint32_t value)
{
    s->serial = value & SERIAL_WRITABLE;
    if (s->serial & SERIAL_RELOAD_DAC1)
        s->channel[DAC1].left = s->channel[DAC1].count;
}

static void register_write(Es1370 *card, unsigned offset, uint32_t value)
{
    Es1370State *s = &card->s;
    uint32_t old_control = s->control;
    switch (offset) {
    case REG_CONTROL: s->control = value & CONTROL_WRITABLE; break;
    case REG_STATUS: break; /* read only */
    case REG_UART: break;   /* nothing is connected */
    case REG_PAGE: s->page = value & 15; break;
    case REG_CODEC: s->codec[value >> 8 & (CODEC_REGISTERS - 1)] = (uint8_t)value; break;
    case REG_SERIAL: serial_write(s, value); break;
    case REG_COUNT:
    case REG_COUNT + 4:
    case REG_COUNT + 8: count_write(s, (offset - REG_COUNT) / 4, value); break;
    default:
        if (offset >= REG_PAGED)
            paged_write(s, offset, value);
        else
            device_note_unknown(&card->parent, "ES1370 register write", offset);
    }
    follow_enables(card, old_control);
}

static uint64_t ports_read(Device *device, uint64_t offset, unsigned size)
{
    Es1370 *card = (Es1370 *)device;
    uint64_t value = 0;
    catch_up(card);
    for (unsigned i = 0; i < size; i++) {
        unsigned at = (unsigned)offset + i;
        value |= (uint64_t)(uint8_t)(register_read(card, at & ~3u) >> 8 * (at & 3)) << 8 * i;
    }
    plan(card);
    return value;
}

/* Bytes of a register that the access leaves out keep their value. */
static void ports_write(Device *device, uint64_t offset, unsigned size, uint64_t value)
{
    Es1370 *card = (Es1370 *)device;
    catch_up(card);
    for (unsigned done = 0; done < size;) {
        unsigned at = (unsigned)offset + done, within = at & 3, part = MIN(4 - within, size - done);
        uint32_t mask = (uint32_t)(UINT64_C(0xffffffff) >> (32 - 8 * part)) << 8 * within;
        uint32_t bytes = (uint32_t)(value >> 8 * done) << 8 * within;
        uint32_t old = register_read(card, at & ~3u);
        register_write(card, at & ~3u, (old & ~mask) | (bytes & mask));
        done += part;
    }
    plan(card);
}

/* --- life ------------------------------------------------------------------------------------- */

static void es1370_reset(Device *device)
{
    Es1370 *card = (Es1370 *)device;
    pci_function_reset(&card->pci, 0);
    timer_disarm(&card->timer);
    update_irq(card);
}

/* Only a forged snapshot has places that do not fit together. */
static void es1370_after_load(Device *device)
{
    Es1370State *s = &((Es1370 *)device)->s;
    s->frame_tick -= s->frame_tick % FRAME_TICKS;
    for (unsigned which = 0; which < CHANNELS; which++)
        s->channel[which].position %= 4 * (s->channel[which].size + 1);
}

uint64_t es1370_played(const Device *device)
{
    return ((const Es1370 *)device)->s.played;
}

PciFunction *es1370_function(Device *device)
{
    return &((Es1370 *)device)->pci;
}

void es1370_connect(Device *device, Irq irq)
{
    ((Es1370 *)device)->irq = irq;
}

Device *es1370_new(Machine *machine, const char *id)
{
    static const PciIdentity identity = {
        .vendor = 0x1274,
        .device = 0x5000,
        .subsystem_vendor = 0x4942,
        .subsystem = 0x4c4c,
        .class_code = 0x040100,
        .revision = 1,
        .bar_size = { PORTS_SIZE },
        .io_bars = 1,
    };
    static const BusOps ports = { ports_read, ports_write };
    Es1370 *card = (Es1370 *)device_new(machine, &es1370_class, id);
    card->pci = (PciFunction){ .device = &card->parent,
                               .state = &card->s.pci,
                               .identity = &identity,
                               .node_name = "sound",
                               .asserts = asserts };
    card->pci.bar_ops[0] = &ports;
    timer_init(&card->timer, &card->parent, &card->s.timer, look, 0);
    return &card->parent;
}

const DeviceClass es1370_class = {
    .name = "es1370",
    .behaviour_version = 1,
    .size = sizeof(Es1370),
    .state = &es1370_state,
    .state_offset = offsetof(Es1370, s),
    .reset = es1370_reset,
    .after_load = es1370_after_load,
};
