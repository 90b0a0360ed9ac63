/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERPLAY_API_MESSAGE_H
#define POWERPLAY_API_MESSAGE_H

/*
 * Messages between a machine's process and the daemon. Not JSON: fixed size, versioned, checked
 * before anything is used.
 *
 * They travel on a SOCK_SEQPACKET socket, one message a packet, always sizeof(Message) bytes. A
 * message may carry one descriptor. Integers are in host order: both ends run on one host, from one
 * build; MESSAGE_VERSION refuses another build.
 */

#include "api/packet.h"

#include <stdint.h>

#define MESSAGE_MAGIC     0x50504d31u /* "PPM1" */
#define MESSAGE_VERSION   1
#define MESSAGE_DATA_SIZE 2048

typedef enum {
    MESSAGE_FILE = 1,       /* to the machine: fd; data is what it is, see worker.c */
    MESSAGE_START = 2,      /* to the machine: all files are there */
    MESSAGE_READY = 3,      /* from the machine: it answers on its socket */
    MESSAGE_FAILED = 4,     /* from the machine: data says why it ends */
    MESSAGE_CLIENT = 5,     /* to the machine: fd of a new client of its QMP socket */
    MESSAGE_PORT_OPEN = 6,  /* to the machine: port `port` is a new console on serial `device` */
    MESSAGE_PORT_DATA = 7,  /* both ways: bytes typed, bytes to show */
    MESSAGE_PORT_CLOSE = 8, /* both ways: the console has gone, or is refused (data says why) */
    MESSAGE_DISPLAY =
        9,            /* to the machine: fd of a new display helper; data: where viewers come in */
    MESSAGE_NET = 10, /* to the machine: fd of a new network helper */
    MESSAGE_GDB_LISTEN = 11, /* from the machine: debuggers shall come in; data: unix or tcp:PORT */
    MESSAGE_GDB_ADDRESS = 12, /* to the machine: they come in; data: where */
    MESSAGE_GDB_REFUSED = 13, /* to the machine: they do not; data says why */
    MESSAGE_GDB_CLIENT = 14,  /* to the machine: fd of a debugger */
    MESSAGE_GDB_CLOSE = 15,   /* from the machine: no more of them */
    MESSAGE_GDB_CLOSED = 16,  /* to the machine: that is so */
    MESSAGE_SOUND = 17,       /* to the machine: fd of who listens (port 1) or plays (2) */
    MESSAGE_BUSY = 18,        /* from the machine: it is to end, and still writes what is kept */
    MESSAGE_TYPE_END = 19
} MessageType;

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t type;   /* MessageType */
    uint32_t port;   /* chosen by the sender of PORT_OPEN; 0 in messages without a port */
    uint16_t device; /* index of the serial port, in PORT_OPEN */
    uint16_t length; /* bytes of data that are used */
    uint8_t data[MESSAGE_DATA_SIZE]; /* zero after `length` */
} Message;

/* A complete message; `length` must fit. */
void message_init(Message *message, MessageType type, uint32_t port, const void *data,
                  gsize length);

/* Whether `bytes` received is a message that may be used; the error says what is wrong with it. */
bool message_check(const Message *message, gsize bytes, bool has_fd, GError **error);

/* Sends one message, with `fd` if it is not -1 (which stays the caller's). Never blocks: a full
 * socket is an error with G_IO_ERROR_WOULD_BLOCK. */
bool message_send(int socket, const Message *message, int fd, GError **error);

/* Receives one message and its descriptor (or -1), which is the caller's. `error` is set only for
 * PACKET_WRONG: a message that did not pass message_check(). */
PacketResult message_receive(int socket, Message *message, int *fd, GError **error);

/* The data as a string; the caller frees it. */
char *message_text(const Message *message);

#endif
