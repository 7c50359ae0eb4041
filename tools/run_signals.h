// SPDX-License-Identifier: BSD-2-Clause
/* Signals, as bytes that a loop reads. */
#ifndef TOOLS_RUN_SIGNALS_H
#define TOOLS_RUN_SIGNALS_H

/* From now on SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 come as bytes
 * out of the descriptor returned, which does not block; SIGPIPE does not end
 * us. What we were told to ignore stays so. Negative: -errno. Once a process. */
int run_signals_open(void);

#endif
