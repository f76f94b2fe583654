/* SPDX-License-Identifier: MIT */
/* What the TPM gives to the random generator (drivers/random.h), besides the sources that answer at
 * once. */
#ifndef AGENT_SEED_H
#define AGENT_SEED_H

/* The TPM is to be asked for a seed, as soon as its turn comes. */
void seed_want(void);

/* The guest was moved or restored: no byte is given before there is a new seed, and the TPM is to
 * add one, too. */
void seed_renew(void);

/* Asks, and takes what was given. */
void seed_tick(void);

#endif
