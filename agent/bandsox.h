/* SPDX-License-Identifier: MIT */
/*
 * The guest agent of a Bandsox host (protocol Bandsox, part 2): mote answers the requests that
 * come by a serial line, several at once, and what is large goes by transfers over vsock. Only
 * when mote.bandsox=LINE is given; LINE as serial_open() has it.
 */
#ifndef AGENT_BANDSOX_H
#define AGENT_BANDSOX_H

#include <stdint.h>

/* The longest request. A host that can't reach us by vsock writes files in pieces of 512 KiB,
 * which base64 makes 683: the Linux program takes them. */
#ifndef BANDSOX_LINE_MAX
#define BANDSOX_LINE_MAX 8192
#endif

/* Opens the line and says `ready`; MOTE_ERR_INVALID when there is no such line: the console says
 * why. MOTE_OK without the option. */
int bandsox_start(void);

/* Takes requests, goes on with what is under way and writes events, as far as that goes at
 * once. */
void bandsox_tick(uint64_t now);

/* When bandsox_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t bandsox_deadline(void);

/* Ends every command that still runs. */
void bandsox_stop(void);

#endif
