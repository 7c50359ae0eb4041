// SPDX-License-Identifier: BSD-2-Clause
/*
 * What one direction of a path does to packets: delay, jitter, loss,
 * reordering, duplication, corruption, a rate and a bounded queue.
 *
 * The model has no clock and no packets: it is asked, at an instant, what will
 * become of a packet of so many bytes, and answers with the instants at which
 * copies of it arrive. Who asks keeps the packets: the lab in virtual time,
 * links in real time.
 *
 *	offered -> queue (tail drop, CE mark) -> rate -> loss -> delay -> arrives
 *
 * Equal seeds and equal questions give equal answers. Each answer takes the
 * same number of random numbers, so changing one knob leaves the dice of the
 * others alone.
 */
#ifndef LINK_IMPAIR_H
#define LINK_IMPAIR_H

#include "base/rng.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

#define IMPAIR_MILLION 1000000u
#define IMPAIR_DROPS_MAX 32

struct impair_config {
	int64_t delay_ns;
	int64_t jitter_ns;   /* up to this much more; the order is kept */
	uint32_t loss;	     /* packets in a million, independently */
	uint32_t loss_every; /* the n-th, the 2n-th, ...; 0: none */
	/* Bursts (Gilbert): a good packet begins one with this chance, and
	 * each packet within it ends it with that; all in it are lost. */
	uint32_t burst_begin, burst_end;
	uint64_t drops[IMPAIR_DROPS_MAX]; /* numbers of packets, from 1 */
	int n_drops;
	uint32_t reorder; /* in a million: late by reorder_ns, others pass */
	int64_t reorder_ns;
	uint32_t duplicate, corrupt; /* in a million */
	uint64_t rate;		     /* bits a second; 0: without end */
	uint32_t queue_len;	     /* packets that wait; 0: 1,000 */
	uint64_t queue_bytes;	     /* bytes that wait; 0: not counted */
	uint32_t mark_len; /* CE is set on who finds so many waiting; 0: no */
};

enum impair_loss {
	IMPAIR_KEPT,
	IMPAIR_RANDOM,	 /* by chance */
	IMPAIR_PERIODIC, /* its turn */
	IMPAIR_BURST,	 /* in a burst */
	IMPAIR_CHOSEN,	 /* by number */
	IMPAIR_QUEUE,	 /* the queue was full */
	IMPAIR_N_LOSSES,
};

struct impair_fate {
	enum impair_loss lost;
	int n;		   /* copies that arrive: 0, 1 or 2 */
	int64_t at[2];	   /* when */
	bool mark;	   /* CE is to be set, if it is ECN-capable */
	bool corrupt;	   /* a bit is to be flipped in the first copy */
	uint64_t dice;	   /* which bit: dice modulo their number */
	int64_t leaves_at; /* when the last bit is on the wire */
};

struct impair {
	struct impair_config config;
	struct rng rng;
	uint64_t n; /* packets so far */
	bool in_burst;
	int64_t busy_until;   /* the rate: when the last packet has left */
	int64_t last_at;      /* the latest ordinary arrival */
	int64_t *leaves;      /* ring: when those in the queue leave */
	uint32_t first, used; /* of the ring */
};

/* False without memory. */
bool impair_init(struct impair *, const struct impair_config *, uint64_t seed);
void impair_fini(struct impair *);

/* What becomes of a packet that is offered now. */
struct impair_fate impair_meet(struct impair *, size_t len, int64_t now);

/* Packets that wait or are being sent at this instant. */
uint32_t impair_queued(struct impair *, int64_t now);

/* "lost by chance" and its kin; static. */
const char *impair_loss_text(enum impair_loss);

/*
 * Takes one setting from words, as "delay 10ms", "loss 1%", "loss every 100",
 * "loss burst 0.1% 30%", "drop 3,5,9", "jitter 2ms", "reorder 1% 5ms",
 * "duplicate 1%", "corrupt 1%", "rate 10mbit", "queue 100" or "queue 64kB",
 * "mark 20". Returns the words used; 0: the first is no setting; negative: it
 * is, and its value is wrong (*why then says what is expected).
 */
int impair_parse(struct impair_config *, const char *const *words, int n,
		 const char **why);

/* "10ms", "1.5s", "20us", "3" (seconds), "2h", "5min"; false: it is none. */
bool impair_parse_time(const char *text, int64_t *ns);

#endif
