// SPDX-License-Identifier: BSD-2-Clause
/* Writing pcapng: by the link that captures, and by tern capture. */
#ifndef LINK_PCAPNG_WRITER_H
#define LINK_PCAPNG_WRITER_H

#include "base/pkt.h"

/* epb_flags */
enum { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_writer {
	int fd;	   /* the caller's */
	int error; /* negative once something has failed */
	uint8_t *buf;
	size_t len, cap;
	uint64_t flushed; /* bytes written to fd */
};

/* What a file tells of a packet besides its bytes. */
struct pcapng_note {
	uint32_t interface; /* counted from 0, as they were put */
	uint32_t direction;
	uint32_t snaplen;    /* bytes kept; 0: all */
	int64_t at;	     /* since the Unix epoch */
	const char *comment; /* (optional) */
};

/* All zero but fd: an empty one. A file begins with a section and goes on with
 * its interfaces. */
void pcapng_writer_section(struct pcapng_writer *);
void pcapng_writer_interface(struct pcapng_writer *, const char *name,
			     uint32_t snaplen);
void pcapng_writer_name(struct pcapng_writer *, const struct tern_addr *,
			const char *name);
void pcapng_writer_packet(struct pcapng_writer *, const struct tern_pkt *,
			  const struct pcapng_note *);
void pcapng_writer_flush(struct pcapng_writer *);
/* Frees the buffer; fd stays open, error stays. */
void pcapng_writer_fini(struct pcapng_writer *);

/* Calls fn with each packet that a wire would carry for this one. */
typedef void pcapng_wire_fn(void *ctx, const struct tern_pkt *);
void pcapng_each_wire(struct tern_pool *, const struct tern_pkt *,
		      pcapng_wire_fn *, void *ctx);

#endif
