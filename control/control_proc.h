// SPDX-License-Identifier: BSD-2-Clause
/* The lines of /proc/net/tcp, tcp6, udp and udp6 (proc(5)). */
#ifndef CONTROL_CONTROL_PROC_H
#define CONTROL_CONTROL_PROC_H

#include "control/control_socket.h"

#include <stdio.h>

void control_proc_header(FILE *, bool tcp, bool v6);
/* n counts the lines. */
void control_proc_row(FILE *, const struct control_socket *, int n);

#endif
