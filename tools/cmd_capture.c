// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern capture: packets of a capture file, one a line, by libpcap's filters.
 *
 * Not here yet: watching a running host (tern run --capture writes a file).
 */
#include "tools/tool.h"

#include "wire/wire_print.h"
#include "link/heap.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_READ };

static const struct option_row rows[] = {
	[OPT_READ] = { "read", "FILE", "a capture that tern run has written" },
	{ 0 },
};

static void print_packet(struct tern_pool *pool, int64_t at, const uint8_t *b,
			 uint32_t len)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, 0, len);
	char line[512];

	if (!pkt)
		return;
	memcpy(tern_pkt_append(pkt, len), b, len);
	wire_print(pkt, line, sizeof(line));
	printf("%3" PRId64 ".%06" PRId64 " %s\n", at / 1000000000,
	       at / 1000 % 1000000, line);
	tern_pkt_put(pkt);
}

static int print_all(const struct command *command, pcap_t *pcap)
{
	struct tern_pool *pool = tern_pool_new(&heap_allocator);
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int64_t first = 0;
	int got = PCAP_ERROR_BREAK;

	/* libpcap was asked for nanoseconds in tv_usec. */
	while (pool && (got = pcap_next_ex(pcap, &h, &bytes)) == 1) {
		int64_t at = h->ts.tv_sec * INT64_C(1000000000) + h->ts.tv_usec;

		first = first ? first : at;
		if (h->caplen)
			print_packet(pool, at - first, bytes, h->caplen);
	}
	if (pool)
		tern_pool_free(pool);
	if (got == PCAP_ERROR_BREAK)
		return TOOL_OK;
	tool_error(command, "%s", pcap_geterr(pcap));
	return TOOL_FAILED;
}

static int set_filter(const struct command *command, pcap_t *pcap, int argc,
		      char **argv)
{
	struct bpf_program program;
	char text[1024] = "";
	int status = TOOL_OK;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
			 argv[i]);
	}
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		tool_error(command, "filter \"%s\": %s", text,
			   pcap_geterr(pcap));
		return TOOL_USAGE;
	}
	if (pcap_setfilter(pcap, &program) < 0)
		status = TOOL_USAGE;
	pcap_freecode(&program);
	return status;
}

static int capture_main(struct options *o)
{
	const char *path = NULL;
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	int row, status;

	while ((row = options_next(o)) >= 0)
		path = o->value;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (!path) {
		tool_error(o->command, "--read FILE is missing (tern run "
				       "--capture FILE writes one)");
		return TOOL_USAGE;
	}
	pcap = pcap_open_offline_with_tstamp_precision(
		path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap || pcap_datalink(pcap) != DLT_RAW) {
		tool_error(o->command, "%s: %s", path,
			   pcap ? "not a capture of raw IP" : why);
		if (pcap)
			pcap_close(pcap);
		return TOOL_USAGE;
	}
	status = set_filter(o->command, pcap, o->argc, o->argv);
	if (status == TOOL_OK)
		status = print_all(o->command, pcap);
	pcap_close(pcap);
	return status;
}

const struct command cmd_capture = {
	.name = "capture",
	.summary = "the packets of a capture, one a line",
	.usage = "--read FILE [FILTER]",
	.options = rows,
	.more = "  tern capture --read run.pcapng tcp port 80\n",
	.usage_status = TOOL_USAGE,
	.run = capture_main,
};
