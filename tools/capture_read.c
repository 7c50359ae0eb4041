// SPDX-License-Identifier: BSD-2-Clause
#include "tools/capture_read.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_ip.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 65575u /* IPv6's header and 64 KiB */

/* Where a link's header has the protocol, and how long it is. */
struct capture_link {
	int dlt;
	uint8_t len;
	uint8_t at;
	bool has_ethertype; /* else: 4 bytes of a BSD's address family, or none
			     * where len is 0 */
};

static const struct capture_link links[] = {
	{ DLT_RAW, 0, 0, false },	 { DLT_IPV4, 0, 0, false },
	{ DLT_IPV6, 0, 0, false },	 { DLT_EN10MB, 14, 12, true },
	{ DLT_LINUX_SLL, 16, 14, true }, { DLT_LINUX_SLL2, 20, 0, true },
	{ DLT_NULL, 4, 0, false },	 { DLT_LOOP, 4, 0, false },
};

bool capture_compile(const struct command *command, struct pcap *pcap,
		     const char *filter, struct bpf_program *out)
{
	bool good = pcap && pcap_compile(pcap, out, filter, 1,
					 PCAP_NETMASK_UNKNOWN) == 0;

	if (!good)
		tool_error(command, "filter \"%s\": %s", filter,
			   pcap ? pcap_geterr(pcap) : "no memory");
	return good;
}

bool capture_join_words(const struct command *command, int argc, char **argv,
			char out[CAPTURE_FILTER_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; i < argc && len < CAPTURE_FILTER_MAX; i++)
		len += (size_t)snprintf(out + len, CAPTURE_FILTER_MAX - len,
					"%s%s", i ? " " : "", argv[i]);
	if (len >= CAPTURE_FILTER_MAX)
		tool_error(command, "the filter is too long");
	return len < CAPTURE_FILTER_MAX;
}

static bool set_filter(struct capture_read *f, const char *filter)
{
	struct bpf_program program;
	bool good;

	if (!capture_compile(f->command, f->pcap, filter, &program))
		return false;
	good = pcap_setfilter(f->pcap, &program) == 0;
	pcap_freecode(&program);
	return good;
}

static const struct capture_link *find_link(int dlt)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (links[i].dlt == dlt)
			return &links[i];
	return NULL;
}

int capture_read_open(struct capture_read *f, const struct command *command,
		      const char *path, const char *filter)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	*f = (struct capture_read){ .command = command, .path = path };
	f->pcap = pcap_open_offline_with_tstamp_precision(
		path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!f->pcap) {
		/* libpcap begins some of its errors with the path. */
		if (!strncmp(why, path, strlen(path)))
			tool_error(command, "%s", why);
		else
			tool_error(command, "%s: %s", path, why);
		return TOOL_USAGE;
	}
	f->link = find_link(pcap_datalink(f->pcap));
	if (!f->link) {
		const char *name =
			pcap_datalink_val_to_name(pcap_datalink(f->pcap));

		tool_error(command,
			   "%s: its link is %s; raw IP, Ethernet, loopback and "
			   "Linux's cooked ones can be read",
			   path, name ? name : "an unknown one");
		capture_read_close(f);
		return TOOL_USAGE;
	}
	if (!set_filter(f, filter)) {
		capture_read_close(f);
		return TOOL_USAGE;
	}
	f->whole = malloc(PACKET_MAX);
	if (f->whole)
		return TOOL_OK;
	tool_error(command, "no memory");
	capture_read_close(f);
	return TOOL_FAILED;
}

void capture_read_close(struct capture_read *f)
{
	if (f->pcap)
		pcap_close(f->pcap);
	free(f->whole);
	f->pcap = NULL;
	f->whole = NULL;
}

/* Where the IP header begins; n if there is none. */
static uint32_t skip_link(const struct capture_link *link, const uint8_t *b,
			  uint32_t n)
{
	uint32_t at = link->len, type_at = link->at;
	uint16_t type;

	if (n < at + 1)
		return n;
	if (!link->has_ethertype)
		return at;
	type = get_be16(b + type_at);
	/* 802.1Q, 802.1ad; a type behind each tag. */
	while ((type == 0x8100 || type == 0x88a8) && n >= at + 5) {
		type = get_be16(b + at + 2);
		at += 4;
	}
	return type == 0x0800 || type == 0x86dd ? at : n;
}

/* The length that the IP header names; 0 if that is none. */
static uint32_t ip_len(const uint8_t *b, uint32_t n)
{
	if (n >= 20 && b[0] >> 4 == 4)
		return get_be16(b + 2);
	if (n >= 40 && b[0] >> 4 == 6)
		return get_be16(b + 4) + 40u;
	return 0;
}

/* Linux says 0 of what its device is going to cut. */
static uint32_t set_len(uint8_t *b, uint32_t wire_len)
{
	uint32_t len = min_u32(wire_len, 65535);

	if (b[0] >> 4 == 4)
		put_be16(b + 2, (uint16_t)len);
	else
		put_be16(b + 4, (uint16_t)(len - 40));
	return len;
}

/* Bytes of headers that have to be there: IP's and the ports, or TCP's. */
static uint32_t head_len(const uint8_t *b, uint32_t n)
{
	bool v6 = b[0] >> 4 == 6;
	uint32_t ip = v6 ? 40 : (b[0] & 15u) * 4;
	uint8_t protocol = b[v6 ? 6 : 9];

	if (protocol == WIRE_PROTO_TCP)
		return n >= ip + 13 ? ip + (b[ip + 12] >> 4) * 4u : ip + 20;
	return ip + 8;
}

/* What of the packet was not kept becomes zero. False: too little was. */
static bool make_whole(struct capture_read *f, struct capture_packet *p)
{
	bool v6 = p->bytes[0] >> 4 == 6, is_cut = p->wire_len > p->len;
	uint32_t want = ip_len(p->bytes, p->len);

	if (p->len < (v6 ? 40u : 20u) ||
	    (is_cut && p->len < head_len(p->bytes, p->len)))
		return false;
	p->len = min_u32(p->len, PACKET_MAX);
	memcpy(f->whole, p->bytes, p->len);
	if (want == (v6 ? 40u : 0u) && p->wire_len > want)
		want = set_len(f->whole, p->wire_len);
	if (is_cut && p->len < want) {
		memset(f->whole + p->len, 0, want - p->len);
		p->len = want;
	}
	p->bytes = f->whole;
	return true;
}

/* A damaged file has any time. */
static int64_t time_of(const struct pcap_pkthdr *h)
{
	int64_t most = INT64_MAX / 4 / NS_PER_S;
	int64_t s = max_i64(0, min_i64(h->ts.tv_sec, most));

	/* libpcap was asked for nanoseconds in tv_usec. */
	return s * NS_PER_S + max_i64(0, min_i64(h->ts.tv_usec, NS_PER_S - 1));
}

int capture_read_next(struct capture_read *f, struct capture_packet *p)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	uint32_t at;
	int got;

	while ((got = pcap_next_ex(f->pcap, &h, &bytes)) == 1) {
		f->n_packets++;
		at = skip_link(f->link, bytes, h->caplen);
		if (at >= h->caplen) {
			f->n_other++;
			continue;
		}
		*p = (struct capture_packet){
			.bytes = bytes + at,
			.len = h->caplen - at,
			.wire_len = max_u32(h->len, h->caplen) - at,
			.at = time_of(h),
		};
		if (make_whole(f, p))
			return 1;
		f->n_cut++;
	}
	if (got == PCAP_ERROR_BREAK)
		return 0;
	tool_error(f->command, "%s: %s", f->path, pcap_geterr(f->pcap));
	return -1;
}
