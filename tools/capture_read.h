// SPDX-License-Identifier: BSD-2-Clause
/*
 * Capture files, pcap or pcapng, of any link that carries IP: raw, Ethernet
 * (with VLAN tags), loopback, Linux's cooked ones. What is handed out begins
 * at the IP header.
 */
#ifndef TOOLS_CAPTURE_READ_H
#define TOOLS_CAPTURE_READ_H

#include "tools/tool.h"

#include <stdint.h>

struct capture_read {
	const struct command *command; /* who is told of errors */
	const char *path;
	struct pcap *pcap;
	const struct capture_link *link;
	uint64_t n_packets; /* in the file, as far as the filter lets them */
	uint64_t n_other;   /* of those not IP */
	uint64_t n_cut;	    /* of those without a whole header */
	uint8_t *whole;
};

struct capture_packet {
	const uint8_t *bytes; /* until the next one */
	uint32_t len;
	uint32_t wire_len; /* what of it was not kept is zero */
	int64_t at;	   /* ns since the epoch */
};

/* A filter for that link. False after telling what is wrong with it. */
struct bpf_program;
bool capture_compile(const struct command *, struct pcap *, const char *filter,
		     struct bpf_program *);
/* A command line's words as one filter. False after telling it is too long. */
#define CAPTURE_FILTER_MAX 4096
bool capture_join_words(const struct command *, int argc, char **argv,
			char out[CAPTURE_FILTER_MAX]);

/* Opens a file ("-": standard input) with a filter of libpcap's. 0, or the exit
 * status after having told what is wrong. */
int capture_read_open(struct capture_read *, const struct command *,
		      const char *path, const char *filter);
/* The next packet that is IP. 1; 0 at the end; -1 if the file is damaged from
 * here on, which has been told. */
int capture_read_next(struct capture_read *, struct capture_packet *);
void capture_read_close(struct capture_read *);

#endif
