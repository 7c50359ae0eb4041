// SPDX-License-Identifier: BSD-2-Clause
#include "net_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void net_open(struct net *n)
{
	*n = (struct net){ .now = S };
	kit_init(&n->kit);
	kit_open(&n->kit, n->now);
	n->st = n->kit.st;
}

static void put_last(struct net *n)
{
	if (n->pkt)
		tern_pkt_put(n->pkt);
	n->pkt = NULL;
}

void net_close(struct net *n)
{
	put_last(n);
	kit_close(&n->kit);
}

void net_wait(struct net *n, int64_t ns)
{
	n->now += ns;
	tern_stack_advance(n->st, n->now);
}

struct tern_addr net_addr(const char *text)
{
	struct tern_addr a;

	assert_int_equal(tern_addr_parse(text, NULL, &a), strlen(text));
	return a;
}

struct tern_sockaddr net_name(const char *text, uint16_t port)
{
	struct tern_sockaddr sa = { .addr = net_addr(text), .port = port };

	sa.family = tern_addr_is_v4(&sa.addr) ? TERN_AF_INET : TERN_AF_INET6;
	return sa;
}

size_t net_ip(uint8_t *out, const struct wire_ip *h, const void *payload,
	      size_t n)
{
	static struct check_alloc alloc;
	struct tern_allocator a;
	struct tern_pool *pool;
	struct tern_pkt *pkt;
	struct wire_ip ip = *h;
	size_t len;

	check_alloc_init(&alloc);
	a = check_allocator(&alloc);
	pool = tern_pool_new(&a);
	pkt = tern_pkt_new(pool, 64, n);
	assert_non_null(pkt);
	if (n)
		memcpy(tern_pkt_append(pkt, n), payload, n);
	ip.v6 = !tern_addr_is_v4(&ip.dst);
	if (!ip.ttl)
		ip.ttl = 64;
	assert_non_null(wire_ip_emit(pkt, &ip));
	len = pkt->len;
	memcpy(out, pkt->data, len);
	tern_pkt_put(pkt);
	tern_pool_free(pool);
	return len;
}

static void finish(uint8_t *msg, size_t n, size_t field, uint64_t sum)
{
	uint16_t v;

	put_be16(msg + field, 0);
	v = csum_fold(csum_add(sum, msg, n));
	put_be16(msg + field, v ? v : 0xffff);
}

size_t net_udp(uint8_t *out, const char *src, uint16_t sport, const char *dst,
	       uint16_t dport, const void *data, size_t n)
{
	struct wire_ip h = {
		.src = net_addr(src),
		.dst = net_addr(dst),
		.protocol = WIRE_PROTO_UDP,
	};
	struct wire_udp u = { sport, dport, (uint16_t)(n + 8), 0 };
	uint8_t *msg = malloc(n + 8);
	size_t len;

	wire_udp_emit(msg, &u);
	if (n)
		memcpy(msg + 8, data, n);
	finish(msg, n + 8, 6,
	       csum_pseudo(&h.src, &h.dst, h.protocol, (uint32_t)n + 8));
	len = net_ip(out, &h, msg, n + 8);
	free(msg);
	return len;
}

size_t net_icmp(uint8_t *out, const char *src, const char *dst,
		const struct wire_icmp *icmp, const void *body, size_t n)
{
	struct wire_ip h = { .src = net_addr(src), .dst = net_addr(dst) };
	bool v6 = !tern_addr_is_v4(&h.dst);
	uint8_t *msg = malloc(n + 8);
	uint64_t sum = 0;
	size_t len;

	h.protocol = v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP;
	wire_icmp_emit(msg, icmp);
	if (n)
		memcpy(msg + 8, body, n);
	if (v6)
		sum = csum_pseudo(&h.src, &h.dst, h.protocol, (uint32_t)n + 8);
	finish(msg, n + 8, 2, sum);
	len = net_ip(out, &h, msg, n + 8);
	free(msg);
	return len;
}

size_t net_frag(uint8_t *out, const uint8_t *whole, size_t len, uint32_t id,
		uint32_t off, uint32_t n)
{
	size_t hdr = whole[0] >> 4 == 4 ? 20 : 40;
	struct wire_ip h = {
		.ttl = 64,
		.is_frag = true,
		.frag_off = (uint16_t)off,
		.more_frags = hdr + off + n < len,
		.id = id,
	};

	if (hdr == 20) {
		h.src = tern_addr_v4(whole[12], whole[13], whole[14],
				     whole[15]);
		h.dst = tern_addr_v4(whole[16], whole[17], whole[18],
				     whole[19]);
		h.protocol = whole[9];
		h.tos = whole[1];
	} else {
		memcpy(h.src.b, whole + 8, 16);
		memcpy(h.dst.b, whole + 24, 16);
		h.protocol = whole[6];
	}
	return net_ip(out, &h, whole + hdr + off, n);
}

void net_fix_ip4(uint8_t *bytes)
{
	put_be16(bytes + 10, 0);
	put_be16(bytes + 10,
		 csum_fold(csum_add(0, bytes, (bytes[0] & 15u) * 4)));
}

void net_in_by(struct net *n, int link, const void *bytes, size_t len)
{
	struct tern_pkt *pkt = kit_pkt(&n->kit, bytes, len);

	tern_stack_input(n->st, link, &pkt, 1, n->now);
}

void net_in(struct net *n, const void *bytes, size_t len)
{
	net_in_by(n, n->kit.link, bytes, len);
}

bool net_out_by(struct net *n, int link)
{
	put_last(n);
	if (tern_stack_output(n->st, link, &n->pkt, 1, n->now) != 1) {
		n->pkt = NULL;
		return false;
	}
	assert_true(tern_pkt_pull(n->pkt, n->pkt->len));
	assert_int_equal(wire_ip_parse(n->pkt, &n->ip), WIRE_IP_OK);
	assert_int_equal(n->ip.len, n->pkt->len);
	n->p = n->pkt->data + n->ip.hdr_len;
	n->n = n->ip.len - n->ip.hdr_len;
	return true;
}

bool net_out(struct net *n)
{
	return net_out_by(n, n->kit.link);
}

void net_silence(struct net *n)
{
	assert_false(net_out(n));
}

void net_out_icmp(struct net *n, uint8_t type, uint8_t code)
{
	assert_true(net_out(n));
	assert_int_equal(n->ip.protocol,
			 n->ip.v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP);
	assert_in_range(n->n, 8, UINT16_MAX);
	assert_int_equal(n->p[0], type);
	assert_int_equal(n->p[1], code);
	net_check_sums(n);
}

void net_check_sums(const struct net *n)
{
	uint64_t sum = 0;

	/* The IPv4 header's was checked by wire_ip_parse(). */
	if (n->ip.protocol != WIRE_PROTO_ICMP)
		sum = csum_pseudo(&n->ip.src, &n->ip.dst, n->ip.protocol, n->n);
	assert_int_equal(csum_fold(csum_add(sum, n->p, n->n)), 0);
}

/* Moves what waits in a to b; how many packets that was. */
static int carry(struct net *a, struct net *b)
{
	struct tern_pkt *pkt, *copy;
	int n = 0;

	while (tern_stack_output(a->st, a->kit.link, &pkt, 1, a->now) == 1) {
		copy = tern_pkt_clone(b->kit.pool, pkt);
		assert_non_null(copy);
		tern_pkt_put(pkt);
		tern_stack_input(b->st, b->kit.link, &copy, 1, b->now);
		n++;
	}
	return n;
}

void net_talk(struct net *a, struct net *b)
{
	while (carry(a, b) + carry(b, a))
		;
}

int net_socket(struct net *n, int family)
{
	int s = tern_socket(n->st, family, TERN_SOCK_DGRAM, 0, n->now);

	assert_true(s >= 0);
	return s;
}

int net_bound(struct net *n, int family, const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = net_name(addr, port);
	int s = net_socket(n, family);

	sa.family = (uint16_t)family;
	assert_int_equal(tern_bind(n->st, s, &sa, n->now), 0);
	return s;
}

int64_t net_send(struct net *n, int s, const char *addr, uint16_t port,
		 const void *data, size_t len)
{
	struct tern_iov iov = { (void *)(uintptr_t)data, len };
	struct tern_msg msg = { .iov = &iov, .n_iov = 1 };
	struct tern_sockaddr to;

	if (addr) {
		to = net_name(addr, port);
		msg.name = &to;
	}
	return tern_sendmsg(n->st, s, &msg, 0, n->now);
}

void net_recv_is(struct net *n, int s, const char *text, const char *from,
		 uint16_t port)
{
	struct tern_sockaddr name = { 0 }, want = net_name(from, port);
	char data[2000] = { 0 };
	struct tern_iov iov = { data, sizeof(data) - 1 };
	struct tern_msg msg = { .name = &name, .iov = &iov, .n_iov = 1 };

	assert_int_equal(tern_recvmsg(n->st, s, &msg, 0, n->now), strlen(text));
	assert_string_equal(data, text);
	assert_int_equal(name.port, port);
	assert_memory_equal(&name.addr, &want.addr, 16);
}

void net_recv_nothing(struct net *n, int s)
{
	char byte;

	assert_int_equal(tern_recv(n->st, s, &byte, 1, 0, n->now),
			 -TERN_EAGAIN);
}

int net_get(struct net *n, int s, int level, int name)
{
	size_t len = sizeof(int);
	int v = -1;

	assert_int_equal(
		tern_getsockopt(n->st, s, level, name, &v, &len, n->now), 0);
	assert_int_equal(len, sizeof(int));
	return v;
}

void net_set(struct net *n, int s, int level, int name, int value)
{
	assert_int_equal(tern_setsockopt(n->st, s, level, name, &value,
					 sizeof(value), n->now),
			 0);
}

int net_error(struct net *n, int s)
{
	return net_get(n, s, TERN_SOL_SOCKET, TERN_SO_ERROR);
}

uint64_t net_counter(const struct net *n, const char *name)
{
	return kit_counter(&n->kit, name);
}
