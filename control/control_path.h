// SPDX-License-Identifier: BSD-2-Clause
/* Where control sockets are. */
#ifndef CONTROL_CONTROL_PATH_H
#define CONTROL_CONTROL_PATH_H

#include <stdbool.h>
#include <sys/un.h>

/* The directory, made if `make` and it is not there yet. 0 or -errno; -EPERM if
 * others may write into what is there. */
int control_dir(char *out, int size, bool make);

/* The socket's address for a host's name. 0 or -errno. */
int control_path(const char *name, bool make, struct sockaddr_un *out);

/* Where `tern nstat` keeps what it has shown of that host, so that it can tell
 * what came since; gone with the host. 0 or -errno. */
int control_history_path(const char *name, char *out, int size);

/* Is this the socket of one that we speak with: ourselves or root? */
bool control_peer_is_owner(int fd);

#endif
