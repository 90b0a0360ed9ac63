/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interrupt line from a device to whatever it is wired to. The level is state of the receiver;
 * senders call irq_set with what their own state says and need not remember what they sent.
 */
#ifndef MACHINE_IRQ_H
#define MACHINE_IRQ_H

#include <stdbool.h>

typedef struct Device Device;

typedef struct {
    void (*set)(Device *receiver, unsigned line, bool level);
    Device *receiver; /* NULL: not connected */
    unsigned line;
} Irq;

static inline void irq_set(const Irq *irq, bool level)
{
    if (irq->receiver)
        irq->set(irq->receiver, irq->line, level);
}

#endif
