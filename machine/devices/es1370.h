/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ensoniq AudioPCI ES1370: two playback channels, one for capture.
 */
#ifndef MACHINE_DEVICES_ES1370_H
#define MACHINE_DEVICES_ES1370_H

#include "machine/devices/pci.h"

/* What comes out, and what goes in: 16 bits, two channels, little-endian, at this rate. */
#define ES1370_RATE        44100u
#define ES1370_FRAME_BYTES 4u

extern const DeviceClass es1370_class;

/* The board plugs it in, and sets its interrupt line by es1370_connect(). */
Device *es1370_new(Machine *machine, const char *id);
PciFunction *es1370_function(Device *device);
void es1370_connect(Device *device, Irq irq);

/* How many frames DEVICE had put out before those that it is putting out now. */
uint64_t es1370_played(const Device *device);

#endif
