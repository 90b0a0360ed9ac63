/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_MACHINE_CONFIG_H
#define POWERPLAY_MACHINE_CONFIG_H

/*
 * The machine definition as the machine core reads it: parsed, checked, defaults filled in.
 *
 * A definition is one JSON object, the same in a file and in `machine-create`. Parsing is strict:
 * an unknown member, a wrong type or a value out of range is an error that names its path
 * ("disks[0].formt"). Parsing opens nothing. Files come in afterwards as descriptors, either from
 * the daemon (machine_config_attach) or, when a worker runs alone, by machine_config_open_files.
 */

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MACHINE_CONFIG_MAX_VTYS     4u
#define MACHINE_CONFIG_MAX_PORTS    8u /* of the virtio-console */
#define MACHINE_CONFIG_MAX_SERIAL   12 /* both together */
#define MACHINE_CONFIG_MAX_DISKS    8
#define MACHINE_CONFIG_MAX_MEDIA    7 /* of a disk, beside its file */
#define MACHINE_CONFIG_MAX_NICS     4
#define MACHINE_CONFIG_MAX_FORWARDS 32
#define MACHINE_CONFIG_PCAP_MAGIC   0xa1b23c4du /* of a dump with nanoseconds */
#define MACHINE_CONFIG_MAX_INPUTS   3
#define MACHINE_CONFIG_MAX_APPEND   4095

/* Ids of devices that a board has by itself, and names of the other parts of a state
 * (machine-state.c): a definition may give them to nothing. */
#define CONFIG_HYPERVISOR_ID "hypervisor"
#define CONFIG_XICS_ID       "xics"
#define CONFIG_PCI_ID        "pci"
#define CONFIG_RNG_ID        "rng"
#define CONFIG_CONSOLE_ID    "virtio-console" /* behind all its ports */
#define CONFIG_AUDIO_ID      "sound"          /* reserved where there is one */
#define CONFIG_RESERVED_IDS                                                                        \
    CONFIG_HYPERVISOR_ID, CONFIG_XICS_ID, CONFIG_PCI_ID, CONFIG_RNG_ID, CONFIG_CONSOLE_ID,         \
        "machine", "cpu0", "ram", "translations", "disks"

#define MACHINE_CONFIG_ERROR (machine_config_error_quark())

typedef enum {
    MACHINE_CONFIG_ERROR_SYNTAX, /* not a JSON object */
    MACHINE_CONFIG_ERROR_MEMBER, /* unknown, missing or repeated member */
    MACHINE_CONFIG_ERROR_VALUE,  /* wrong type or value */
    MACHINE_CONFIG_ERROR_FILE,   /* a named file cannot be opened or is not usable */
} MachineConfigError;

typedef enum { CONFIG_SERIAL_RING, CONFIG_SERIAL_NULL } ConfigSerialBackend;
typedef enum {
    CONFIG_SERIAL_VTY,            /* a console of the board */
    CONFIG_SERIAL_VIRTIO_CONSOLE, /* a port of the virtio-console that is a console */
    CONFIG_SERIAL_VIRTIO_PORT,    /* one that is a file of the guest, by its name */
} ConfigSerialInterface;
#define CONFIG_PORT_NAME_MAX 63
/* All but raw are read through a server: see machine/block/nbd.h. */
typedef enum { CONFIG_DISK_RAW, CONFIG_DISK_QCOW2, CONFIG_DISK_VDI } ConfigDiskFormat;
/* "qcow2" */
const char *config_disk_format_name(ConfigDiskFormat format);
typedef enum { CONFIG_DISK_VIRTIO } ConfigDiskInterface;
/* When a request completes: at a position computed from virtual time, or when the host is done. */
typedef enum { CONFIG_COMPLETION_VIRTUAL, CONFIG_COMPLETION_HOST } ConfigCompletion;
typedef enum { CONFIG_NIC_VIRTIO } ConfigNicModel;
typedef enum {
    CONFIG_NIC_NULL,
    CONFIG_NIC_USER,
    CONFIG_NIC_SOCKET,
    CONFIG_NIC_TAP
} ConfigNicBackend;
/* "user" */
const char *config_nic_backend_name(ConfigNicBackend backend);

typedef struct {
    char *id; /* unique over all devices, [A-Za-z][A-Za-z0-9_-]{0,31} */
    ConfigSerialBackend backend;
    ConfigSerialInterface interface;
    char *name; /* of a virtio port; NULL: none */
} ConfigSerial;

typedef struct {
    char *id;
    char *file; /* as written; for messages and manifests, never opened by the core */
    int fd; /* the image; opened read-only always (writes go to the overlay); -1 until attached */
    int nbd_fd; /* connected to the image's server; -1 for raw, or until attached */
    ConfigDiskFormat format;
    ConfigDiskInterface interface;
    ConfigCompletion completion;
    bool readonly; /* as the guest sees it */
    /* A removable disk's other media, which it may hold instead of `file`; all are raw. */
    bool is_removable;
    char *media[MACHINE_CONFIG_MAX_MEDIA];
    int media_fd[MACHINE_CONFIG_MAX_MEDIA];
    unsigned media_count;
} ConfigDisk;

/* A port of the host that leads to one of the guest. Addresses as numbers, 10.0.2.15 is 0x0a00020f.
 */
typedef struct {
    bool is_udp;
    uint32_t host_address;
    uint16_t host_port; /* 0: any that is free */
    uint32_t guest_address;
    uint16_t guest_port;
} ConfigForward;

typedef struct {
    char *id;
    ConfigNicModel model;
    ConfigNicBackend backend;
    uint8_t mac[6];
    /* All below is no part of the canonical text: no guest sees it. Of "user"; the daemon reads the
     * last two itself: they are its policy. */
    ConfigForward forwards[MACHINE_CONFIG_MAX_FORWARDS];
    unsigned forward_count;
    bool is_restricted, has_host_loopback;
    /* Of "socket" and "tap": the other end of the wire, as the daemon reads it. NULL: not given. */
    char *listen, *connect, *tap;
    char *pcap;  /* file for all frames, or NULL; as written */
    int pcap_fd; /* -1 until attached */
} ConfigNic;

typedef enum {
    CONFIG_DISPLAY_NONE,
    CONFIG_DISPLAY_VGA,
    CONFIG_DISPLAY_VIRTIO_GPU
} ConfigDisplayDevice;
typedef enum { CONFIG_VNC_NONE, CONFIG_VNC_UNIX, CONFIG_VNC_TCP } ConfigVncListen;
typedef enum { CONFIG_INPUT_KEYBOARD, CONFIG_INPUT_MOUSE, CONFIG_INPUT_TABLET } ConfigInput;

/* VNC is the daemon's: no part of the machine that a guest could notice. */
typedef struct {
    ConfigVncListen listen;
    unsigned port; /* of 127.0.0.1; 0: any that is free */
} ConfigVnc;

typedef struct {
    ConfigDisplayDevice device;
    unsigned width, height; /* of the mode at power-on, and what the monitor prefers */
    ConfigVnc vnc;
} ConfigDisplay;

typedef enum { CONFIG_AUDIO_NONE, CONFIG_AUDIO_ES1370 } ConfigAudioDevice;
typedef enum { CONFIG_SOUND_NULL, CONFIG_SOUND_WAV, CONFIG_SOUND_SOCKET } ConfigSound;

/* Where sound goes and comes from is the worker's: no part of the machine that a guest could
 * notice. */
typedef struct {
    ConfigAudioDevice device;
    ConfigSound playback, capture;
    char *playback_file; /* of "wav": a name in the machine's folder; else NULL */
    char *replay_file;   /* likewise, what replays play; NULL: nowhere */
    char *capture_file;  /* of "wav": a path, as written; else NULL */
    int capture_fd;      /* -1 until attached, or if it could not be opened */
} ConfigAudio;

/* Id of the device that shows the screen. */
const char *config_display_id(const ConfigDisplay *display);

typedef struct {
    unsigned shift;        /* one instruction = 2^shift ns, 0..10 */
    bool sleep;            /* idle warps are paced by real time */
    bool rtc_is_host;      /* each read of the date is the host's, and logged */
    int64_t rtc_epoch_sec; /* else the date at power-on, seconds since 1970-01-01 UTC */
} ConfigClock;

typedef struct {
    char *name;            /* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
    char *board;           /* one of the known boards ("pseries") */
    char *cpu;             /* one of that board's CPU models ("power9") */
    uint64_t memory_bytes; /* a multiple of 1 MiB, 64 MiB..64 GiB */
    char *kernel;          /* path as written */
    int kernel_fd;         /* -1 until attached */
    char *initrd;          /* NULL: none */
    int initrd_fd;
    char *append; /* never NULL */
    ConfigClock clock;
    ConfigSerial serial[MACHINE_CONFIG_MAX_SERIAL];
    unsigned serial_count;
    ConfigDisk disks[MACHINE_CONFIG_MAX_DISKS];
    unsigned disk_count;
    ConfigNic nics[MACHINE_CONFIG_MAX_NICS];
    unsigned nic_count;
    bool rng;
    ConfigDisplay display;
    ConfigInput
        inputs[MACHINE_CONFIG_MAX_INPUTS]; /* each at most once; their ids are their names */
    unsigned input_count;
    ConfigAudio audio;
    char *keymap; /* layout for those who type texts or characters; checked by the worker */
    /* The definition with every default written out, one line of JSON with sorted members: goes
     * into manifests, and parses again to the same configuration. */
    char *canonical;
} MachineConfig;

GQuark machine_config_error_quark(void);

/* Reads a forwarded port in QEMU's form; false if it is none. Without an address the host's is
 * 127.0.0.1, the guest's the one that it gets by DHCP. */
#define MACHINE_CONFIG_FORWARD_FORM "a port as \"tcp:127.0.0.1:2222-:22\" (host port 0: any)"
bool machine_config_forward(const char *text, ConfigForward *forward);

/* "keyboard", "mouse", "tablet". */
const char *config_input_name(ConfigInput input);

/* Parses and checks `json` (`length` bytes, UTF-8, or -1 when NUL-terminated). The caller owns the
 * result. NULL with `error` set if anything is wrong. */
MachineConfig *machine_config_parse(const char *json, gssize length, GError **error);

/* The same from a tree. machine_config_parse() reads with json-glib, which lets some sloppy JSON
 * pass; who has a stricter reader uses it and comes here. */
MachineConfig *machine_config_from_node(JsonNode *node, GError **error);

/* Closes the descriptors it holds. Takes NULL. */
void machine_config_free(MachineConfig *config);

/* Gives `config` the open file for the member at `path` ("kernel", "initrd", "disks[0].file"), or
 * the socket to an image's server ("disks[0].nbd");
 * takes ownership of `fd`, also when it fails (no such member, attached twice, not a file). */
bool machine_config_attach(MachineConfig *config, const char *path, int fd, GError **error);

/* Opens, read-only, every named file that is not attached yet; relative names start at
 * `directory_fd`. For a worker that runs alone, before it starts. */
bool machine_config_open_files(MachineConfig *config, int directory_fd, GError **error);

/* True when every named file has its descriptor; else the error names the first without one. */
bool machine_config_is_complete(const MachineConfig *config, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MachineConfig, machine_config_free)

#endif
