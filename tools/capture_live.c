// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern capture of a running host: what its links carry, packet by packet.
 *
 * The host only copies (control/control_capture.c); what costs is done here:
 * large packets are cut and checksums finished as the wire would have them, and
 * libpcap's filter looks at each. A signal asks for the end, and what the host
 * has gathered until then still comes.
 */
#define _GNU_SOURCE
#include "tools/capture_live.h"

#include "tools/capture_read.h"

#include "control/control_packet.h"
#include "link/heap.h"
#include "wire/wire_print.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct live {
	struct capture_live *config;
	struct bpf_program filter;
	struct tern_pool *pool;
	struct pcapng_note note;
	char comment[160];
	int64_t first_at; /* 0: none yet */
	uint64_t n_shown;
	uint64_t n_seen, n_lost; /* at the host */
	bool done, failed;
};

/* What a signal hangs up; -1: nothing. */
static volatile sig_atomic_t asked_fd = -1;

static void on_signal(int number)
{
	if (asked_fd >= 0)
		shutdown(asked_fd, SHUT_WR);
}

static void watch_signals(int fd)
{
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = SA_RESTART };

	asked_fd = fd;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = SIG_IGN; /* whoever reads a pipe may go */
	sigaction(SIGPIPE, &act, NULL);
}

void capture_print(int64_t since, const struct tern_pkt *pkt,
		   const char *comment)
{
	char line[512];

	wire_print(pkt, line, sizeof(line));
	printf("%3" PRId64 ".%06" PRId64 " %s", since / 1000000000,
	       since / 1000 % 1000000, line);
	if (comment && comment[0])
		printf("  (%s)", comment);
	putchar('\n');
}

static bool compile(const struct command *command, const char *filter,
		    struct bpf_program *out)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 65535);
	bool good = capture_compile(command, pcap, filter, out);

	if (pcap)
		pcap_close(pcap);
	return good;
}

static void write_comment(struct live *l, const struct control_packet *p)
{
	char *at = l->comment, *end = at + sizeof(l->comment);

	*at = '\0';
	if (p->state)
		at += snprintf(at, (size_t)(end - at), "%s",
			       tern_tcp_state_name(p->state));
	if (p->cwnd)
		at += snprintf(at, (size_t)(end - at), " cwnd %" PRIu32,
			       p->cwnd);
	if (p->drop)
		snprintf(at, (size_t)(end - at), "%sdropped: %s: %s",
			 at > l->comment ? ", " : "", tern_drop_name(p->drop),
			 tern_drop_help(p->drop));
	l->note.comment = l->comment[0] ? l->comment : NULL;
}

static bool passes(const struct live *l, const struct tern_pkt *pkt)
{
	struct pcap_pkthdr h = { .caplen = pkt->len, .len = pkt->len };

	/* The pool's packets here are in one piece. */
	return pcap_offline_filter(&l->filter, &h, pkt->data) != 0;
}

/* One packet as the wire has it. */
static void on_wire(void *ctx, const struct tern_pkt *seg)
{
	struct live *l = ctx;
	struct tern_pkt *whole = NULL;

	if (l->done)
		return;
	if (seg->head_len != seg->len) {
		whole = tern_pkt_clone(l->pool, seg);
		if (!whole)
			return;
		seg = whole;
	}
	if (passes(l, seg)) {
		l->first_at = l->first_at ? l->first_at : l->note.at;
		if (!l->config->file.path)
			capture_print(l->note.at - l->first_at, seg,
				      l->comment);
		else if (!capture_file_put(&l->config->file, seg, &l->note))
			l->done = true;
		l->n_shown += !l->done;
		l->done |= l->n_shown == l->config->count;
	}
	if (whole)
		tern_pkt_put(whole);
}

static bool on_packet(void *ctx, const struct control_packet *p)
{
	struct live *l = ctx;
	struct tern_pkt *pkt = tern_pkt_new(l->pool, 0, p->len);

	l->n_lost += p->lost;
	if (!pkt)
		return false;
	memcpy(tern_pkt_append(pkt, p->len), p + 1, p->len);
	pkt->gso_size = p->gso_size;
	pkt->csum = p->csum;
	pkt->csum_start = p->csum_start;
	pkt->csum_off = p->csum_off;
	l->note = (struct pcapng_note){
		.interface = p->link,
		.direction = p->out ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
		.at = p->at,
	};
	write_comment(l, p);
	pcapng_each_wire(l->pool, pkt, on_wire, l);
	tern_pkt_put(pkt);
	return !l->done;
}

static bool on_batch(void *ctx)
{
	struct live *l = ctx;

	if (!l->config->file.path)
		return fflush(stdout) == 0;
	return capture_file_flush(&l->config->file);
}

static bool on_row(void *ctx, const json_t *row)
{
	struct live *l = ctx;

	if (row_text(row, "begin")[0])
		fprintf(stderr, "tern capture: watching %s\n",
			row_text(row, "begin"));
	if (json_object_get(row, "seen")) {
		l->n_seen = (uint64_t)row_number(row, "seen");
		l->n_lost = (uint64_t)row_number(row, "lost");
	}
	return true;
}

static void on_link(void *ctx, const json_t *row)
{
	struct capture_file *f = ctx;
	int64_t link = row_number(row, "link");

	if (link >= 0 && link < CAPTURE_LINKS)
		snprintf(f->links[link], sizeof(f->links[link]), "%s",
			 row_text(row, "name"));
}

static void on_name(void *ctx, const json_t *row)
{
	capture_file_name(ctx, row_text(row, "addr"), row_text(row, "name"));
}

/* What the files begin with. 0, or the exit status. */
static int ask_names(struct capture_live *c, int fd)
{
	char why[256];
	int error = control_ask(fd, "links", NULL, on_link, &c->file, why);

	if (!error)
		error = control_ask(fd, "names", NULL, on_name, &c->file, why);
	return ask_tell(&c->ask, error, why);
}

static int watch(struct live *l, int fd)
{
	struct capture_live *c = l->config;
	const struct control_capture calls = {
		.packet = on_packet,
		.row = on_row,
		.batch = on_batch,
		.ctx = l,
	};
	char why[256];
	int error, status;

	watch_signals(fd);
	error = control_ask_capture(
		fd, json_pack("{s:I}", "buffer", (json_int_t)c->buffer), &calls,
		why);
	asked_fd = -1;
	if (error == -TERN_EPROTO && !why[0])
		snprintf(why, sizeof(why), "the host has gone");
	status = ask_tell(&c->ask, error, why);
	fprintf(stderr,
		"tern capture: %" PRIu64 " packets, %" PRIu64
		" came too fast and are lost\n",
		l->n_shown, l->n_lost);
	return status;
}

static int64_t epoch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int open_and_watch(struct live *l, int fd)
{
	struct capture_live *c = l->config;
	int status = ask_names(c, fd);

	if (!status && c->file.path &&
	    !capture_file_open(&c->file, epoch_now()))
		status = TOOL_FAILED;
	if (!status)
		status = watch(l, fd);
	if (!capture_file_close(&c->file))
		status = TOOL_FAILED;
	return status;
}

int capture_live_run(struct capture_live *c)
{
	struct live l = { .config = c };
	int fd, status;

	if (!compile(c->ask.command, c->filter, &l.filter))
		return TOOL_USAGE;
	status = ask_connect(&c->ask, &fd);
	if (!status) {
		l.pool = tern_pool_new(&heap_allocator);
		if (l.pool)
			status = open_and_watch(&l, fd);
		if (l.pool)
			tern_pool_free(l.pool);
		close(fd);
	}
	pcap_freecode(&l.filter);
	return status;
}
