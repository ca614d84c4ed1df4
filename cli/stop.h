/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending by a signal, but tidily: for processes that hold leases or build an
 * output. The signal interrupts whatever waits, the verb cleans up, and then
 * the process ends by that signal, so that its parent sees what happened.
 */
#ifndef CLI_STOP_H
#define CLI_STOP_H

/* From now on these signals, ended by 0, interrupt and are remembered. One that
 * was ignored stays ignored. */
void cli_stop_on(const int *signals);

/* The first one that came; 0: none. */
int cli_stop_signal(void);

/* Ends the process by the signal that came; returns if none did. */
void cli_stop_die(void);

/* Ends the process by this signal. */
void cli_die_by(int number);

#endif
