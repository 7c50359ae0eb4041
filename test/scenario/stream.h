// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs that talk: many connections from host 0 to host 1, each end with a
 * plan of what it writes and reads, how fast, through which calls, and how it
 * ends. What a byte must be follows from its place in its stream, so each is
 * compared as it arrives.
 *
 * A program acts only when its socket had an event or its own clock rings: an
 * event that is not told shows as a connection that never ends.
 */
#ifndef SCENARIO_STREAM_H
#define SCENARIO_STREAM_H

#include "world.h"

enum ending {
	END_HALF_CLOSE, /* shutdown(WR), read to the end, close */
	END_SHUT_BOTH,	/* shutdown(RDWR), close */
	END_CLOSE,	/* close at once, unread or not */
	END_LINGER,	/* SO_LINGER with a time, close */
	END_RESET,	/* SO_LINGER of 0, close, maybe in mid-stream */
	ENDINGS,
};

struct plan {
	uint64_t to_send;
	uint32_t write_max, read_max;	   /* bytes a call */
	int64_t write_gap_ns, read_gap_ns; /* between calls; 0: none */
	int sndbuf, rcvbuf;		   /* 0: as they are */
	bool nodelay, more, peek, lend, scatter;
	enum ending ending;
};

struct stream {
	struct plan plan;
	int host, s; /* s is -1 before and after */
	bool is_open, is_connected, is_ready;
	bool sent_all, got_end;
	uint64_t key_out, key_in;
	uint64_t n_sent, n_got;
	int64_t write_at, read_at, start_at;
	int error; /* that ended it, or 0 */
};

#define CROWD_MAX 400
#define CROWD_SOCKETS (CROWD_MAX + 8)

/* Stream 2i is the client of connection i, 2i + 1 its server. */
struct crowd {
	struct world *w;
	struct rng rng;
	bool v6;
	int n;
	struct stream streams[2 * CROWD_MAX];
	struct stream *by_socket[2][CROWD_SOCKETS];
	int by_port[65536];  /* client's port: connection + 1 */
	uint16_t first_port; /* of the clients; 0: any */
	int listener, backlog;
	int64_t accept_gap_ns, accept_at;
	bool accept_ready;
	uint8_t *bytes;
};

/* n connections with plans still to be filled in: half-close, nothing sent. */
struct crowd *crowd_new(struct world *, int n, bool v6);
/* A listener on host 1; false without memory. */
bool crowd_listen(struct crowd *);
/* Runs until all ends have closed; fails the test if they never do. */
void crowd_run(struct crowd *);
/* Runs until all have been connected. */
void crowd_connect(struct crowd *);
/* Both ends were told all of it, in order, and no error. */
void crowd_want_whole(const struct crowd *, int i);
/* Closes the listener, and lets the last TIME_WAIT pass. */
void crowd_settle(struct crowd *);
void crowd_free(struct crowd *);
/* How each stream is, for a run that failed. */
void crowd_tell(const struct world *);

/* The bytes [off, off + n) of a stream. */
void content(uint64_t key, uint64_t off, uint8_t *out, size_t n);

/* What a program may do, by the die. */
struct plan plan_random(struct rng *, uint64_t most_bytes);

#endif
