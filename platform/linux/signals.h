/* SPDX-License-Identifier: MIT */
/* Signals: they come as events, but for those of a fault, which end the agent with a word. */
#ifndef PLATFORM_LINUX_SIGNALS_H
#define PLATFORM_LINUX_SIGNALS_H

/* Blocks what can be taken as an event and watches for it; needs events_start(). 0 or -errno. */
long signals_start(void);

/* Makes signals what a new program expects. For a forked process. */
void signals_reset(void);

#endif
