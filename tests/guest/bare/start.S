/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is entered first: position-independent, big-endian, real mode. Finds out how the machine was
 * started, copies the payload to its place and enters it in its own byte order with
 * r3 = the flattened device tree or 0, r4 = the RTAS token of power-off if there is no tree, and what
 * was found: r5 = the MSR, r6 = r4, r7 = r6, r8 = the address of this code.
 *
 * Entered directly (r5 = 0): r3 is the flattened tree. Entered by Open Firmware: r5 is its client
 * interface, which is asked for the token; from then on the firmware's memory is ours.
 */
#define PAYLOAD_PLACE 0x1000000

    .machine power9
    .section .text.start, "ax"
    .globl start
start:
    mr 29, 3
    mr 30, 5
    mr 26, 4
    mr 25, 6
    mfmsr 24
    bcl 20, 31, 1f
1:  mflr 31
    addi 31, 31, start - 1b
    li 28, 0
    cmpdi 30, 0
    beq copy

    /* finddevice("/rtas"), then getprop(that, "power-off", token, 4). */
    li 29, 0
    addi 1, 31, stack_top - start - 256
    addi 3, 31, device_name - start
    stw 3, device_argument - start(31)
    addi 3, 31, find_name - start
    addi 4, 31, find_call - start
    bl client_call
    lwz 3, device_result - start(31)
    stw 3, property_device - start(31)
    addi 3, 31, property_name - start
    stw 3, property_argument - start(31)
    addi 3, 31, token - start
    stw 3, property_place - start(31)
    addi 3, 31, get_name - start
    addi 4, 31, get_call - start
    bl client_call
    lwz 28, token - start(31)
    b copy

/* r3: name of the service; r4: its cells. */
client_call:
    mflr 27
    stw 3, 0(4)
    mr 3, 4
    mtctr 30
    bctrl
    mtlr 27
    blr

copy:
    addi 3, 31, payload - start - 8
    lis 4, PAYLOAD_PLACE@h
    addi 5, 4, -8
    lis 6, (payload_end - payload + 7)@h
    ori 6, 6, (payload_end - payload + 7)@l
    srdi 6, 6, 3
    mtctr 6
2:  ldu 7, 8(3)
    stdu 7, 8(5)
    dcbst 0, 5
    sync
    icbi 0, 5
    bdnz 2b
    sync
    isync
    li 7, 1
    sldi 7, 7, 63
    ori 7, 7, 0x1000 + LITTLE
    mtsrr0 4
    mtsrr1 7
    mr 3, 29
    mr 4, 28
    mr 5, 24
    mr 6, 26
    mr 7, 25
    mr 8, 31
    rfid

    .balign 8
find_call: .long 0, 1, 1
device_argument: .long 0
device_result: .long 0
get_call: .long 0, 4, 1
property_device: .long 0
property_argument: .long 0
property_place: .long 0
    .long 4, 0
token: .long 0
find_name: .asciz "finddevice"
get_name: .asciz "getprop"
device_name: .asciz "/rtas"
property_name: .asciz "power-off"
    .balign 16
    .skip 8192
stack_top:
payload:
    .incbin PAYLOAD
payload_end:
    .balign 8
