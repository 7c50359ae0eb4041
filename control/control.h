// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket of a host: how `tern ss` and its kin look into a running
 * stack, and set its tunables.
 *
 * A stream socket by the host's name in a directory that only its owner may
 * enter. Question and answer are lines of JSON:
 *
 *	{"tern": 2, "ask": "sockets", "args": {...}}
 *	{"state": "ESTAB", ...}			a row, any number of them
 *	{"block": 640, "record": 64}		or records: 640 bytes of them
 *	{"end": 0}				or {"end": -2, "text": "..."}
 *
 * The number is the version of the protocol: a server answers questions of its
 * own alone. control_messages.c has the table of questions.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "host/host.h"

#include <jansson.h>

#define CONTROL_VERSION 2
#define CONTROL_NAME_MAX 63

/* Serves a host under a name. 0 and *out, or -errno: -TERN_EADDRINUSE if a live
 * host has the name. */
struct control_server;
int control_server_open(struct host *, const char *name,
			struct control_server **out);
void control_server_close(struct control_server *);
/* Whose wires the message "impair" changes; copied. */
struct control_links;
void control_server_set_links(struct control_server *,
			      const struct control_links *);
/* Whom to ask for the processes of sockets; copied. */
struct control_owners;
void control_server_set_owners(struct control_server *,
			       const struct control_owners *);

/* What names are known there: lines as of /etc/hosts, which stay the caller's,
 * or NULL. */
void control_server_set_hosts(struct control_server *, const char *hosts);

/* One line that says what an error of this header's calls means. */
const char *control_error_text(int error);

/* A connection to the host of that name; NULL: to the only one there is
 * (-TERN_ENOENT: none; -TERN_ERANGE: several). 0 and *fd, or -errno. */
int control_connect(const char *name, int *fd);

/* Asks, and hands each row of the answer to fn (a borrowed reference). args is
 * taken over and may be NULL. 0; -errno from the server, with its words in
 * why; -TERN_EPROTO if it speaks otherwise. Blocks. */
typedef void control_row_fn(void *ctx, const json_t *row);
int control_ask(int fd, const char *question, json_t *args, control_row_fn *fn,
		void *ctx, char why[256]);

/* The same for an answer that does not end: until fn says false. */
typedef bool control_until_fn(void *ctx, const json_t *row);
int control_ask_until(int fd, const char *question, json_t *args,
		      control_until_fn *fn, void *ctx, char why[256]);

/* The same for answers that are records: hands fn the sockets, which live as
 * long as the call. Records are `len` bytes or more of a struct
 * control_socket; the rest is zero. -TERN_EPROTO: another version of tern. */
struct control_socket;
typedef void control_socket_fn(void *ctx, const struct control_socket *);
int control_ask_sockets(int fd, json_t *args, control_socket_fn *fn, void *ctx,
			char why[256]);

/* The same for the packets of the host's links, until a function says false:
 * packet is handed each, with its bytes behind it, row each row, and batch is
 * called after some packets. After shutdown(fd, SHUT_WR) the host tells what it
 * has, its sums as a row, and ends. */
struct control_packet;
struct control_capture {
	bool (*packet)(void *ctx, const struct control_packet *);
	control_until_fn *row;
	bool (*batch)(void *ctx);
	void *ctx;
};
int control_ask_capture(int fd, json_t *args, const struct control_capture *,
			char why[256]);

/* Calls fn with the name of each host that answers. */
void control_each_host(void (*fn)(void *ctx, const char *name), void *ctx);

#endif
