// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP's options: control messages, the error queue (N5), ranges and lengths.
 */
#include "net_kit.h"

#include <string.h>

#define V4 TERN_AF_INET
#define V6 TERN_AF_INET6
#define SOL TERN_SOL_SOCKET
#define IP TERN_IPPROTO_IP
#define IP6 TERN_IPPROTO_IPV6

static struct net n;
static uint8_t bytes[NET_ROOM], in[NET_ROOM];

/* What recv() below got last. */
static uint8_t control[256];
static struct tern_msg msg;
static struct tern_sockaddr name;
static struct tern_iov iov;

static int set_up(void **state)
{
	net_open(&n);
	return 0;
}

static int tear_down(void **state)
{
	net_close(&n);
	return 0;
}

static void udp_in(const char *src, uint16_t sport, const char *dst,
		   uint16_t dport, const char *text)
{
	net_in(&n, bytes,
	       net_udp(bytes, src, sport, dst, dport, text, strlen(text)));
}

static int64_t recv_with(int s, size_t room, int flags)
{
	iov = (struct tern_iov){ in, sizeof(in) };
	msg = (struct tern_msg){ .name = &name,
				 .iov = &iov,
				 .n_iov = 1,
				 .control = control,
				 .control_len = room };
	memset(control, 0xee, sizeof(control));
	return tern_recvmsg(n.st, s, &msg, flags, n.now);
}

/* The data of a control message; fails the test without it. */
static const uint8_t *find(int level, int type, size_t len)
{
	size_t off = 0, head = sizeof(size_t) + 8, k;
	int l, t;

	while (off < msg.control_len) {
		memcpy(&k, control + off, sizeof(k));
		memcpy(&l, control + off + sizeof(k), 4);
		memcpy(&t, control + off + sizeof(k) + 4, 4);
		if (l == level && t == type) {
			assert_int_equal(k, head + len);
			return control + off + head;
		}
		off += (k + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
	}
	fail_msg("no control message %d/%d", level, type);
	return NULL;
}

static int as_int(const uint8_t *p)
{
	int v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static size_t put(uint8_t *at, int level, int type, const void *data,
		  size_t len)
{
	size_t k = sizeof(size_t) + 8 + len;

	memcpy(at, &k, sizeof(k));
	memcpy(at + sizeof(k), &level, 4);
	memcpy(at + sizeof(k) + 4, &type, 4);
	memcpy(at + sizeof(k) + 8, data, len);
	return (k + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
}

static int64_t send_with(int s, const char *addr, uint16_t port, size_t len)
{
	struct tern_sockaddr to = net_name(addr, port);
	struct tern_iov text = { "x", 1 };
	struct tern_msg m = { .name = &to,
			      .iov = &text,
			      .n_iov = 1,
			      .control = control,
			      .control_len = len };

	return tern_sendmsg(n.st, s, &m, 0, n.now);
}

static void what_is_asked_for_comes_beside_the_data(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	const uint8_t *p;
	size_t len;

	net_set(&n, s, IP, TERN_IP_PKTINFO, 1);
	net_set(&n, s, IP, TERN_IP_RECVTTL, 1);
	net_set(&n, s, IP, TERN_IP_RECVTOS, 1);
	net_set(&n, s, IP, TERN_IP_RECVORIGDSTADDR, 1);
	len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.255", 5000, "x", 1);
	bytes[1] = 0xb8;
	bytes[8] = 33;
	net_fix_ip4(bytes);
	net_in(&n, bytes, len);
	assert_int_equal(recv_with(s, sizeof(control), 0), 1);
	assert_int_equal(msg.flags, 0);
	p = find(IP, TERN_IP_PKTINFO, 12);
	assert_int_equal(as_int(p), 2); /* the first link's index */
	assert_int_equal(p[7], 1);	/* where an answer would come from */
	assert_int_equal(p[11], 255);	/* where it was sent */
	assert_int_equal(as_int(find(IP, TERN_IP_TTL, 4)), 33);
	assert_int_equal(*find(IP, TERN_IP_TOS, 1), 0xb8);
	p = find(IP, TERN_IP_RECVORIGDSTADDR, 16);
	assert_int_equal(get_be16(p + 2), 5000);
	assert_int_equal(p[7], 255);
}

static void the_same_for_ipv6(void **state)
{
	int s = net_bound(&n, V6, "::", 5000);
	const uint8_t *p;
	size_t len;

	net_set(&n, s, IP6, TERN_IPV6_RECVPKTINFO, 1);
	net_set(&n, s, IP6, TERN_IPV6_RECVHOPLIMIT, 1);
	net_set(&n, s, IP6, TERN_IPV6_RECVTCLASS, 1);
	len = net_udp(bytes, "fd00::2", 7, "fd00::1", 5000, "x", 1);
	bytes[1] = 0x80;
	bytes[0] = 0x6b;
	bytes[7] = 33;
	net_in(&n, bytes, len);
	assert_int_equal(recv_with(s, sizeof(control), 0), 1);
	p = find(IP6, TERN_IPV6_PKTINFO, 20);
	assert_memory_equal(p, net_addr("fd00::1").b, 16);
	assert_int_equal(as_int(p + 16), 2);
	assert_int_equal(as_int(find(IP6, TERN_IPV6_HOPLIMIT, 4)), 33);
	assert_int_equal(as_int(find(IP6, TERN_IPV6_TCLASS, 4)), 0xb8);
	/* IPv4 comes with a mapped address. */
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "x");
	assert_int_equal(recv_with(s, sizeof(control), 0), 1);
	p = find(IP6, TERN_IPV6_PKTINFO, 20);
	assert_memory_equal(p, net_addr("10.0.0.1").b, 16);
}

static void control_messages_are_cut_to_the_room(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	size_t head = sizeof(size_t) + 8, room;

	net_set(&n, s, IP, TERN_IP_PKTINFO, 1);
	for (room = 0; room < head + 12; room++) {
		udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "x");
		assert_int_equal(recv_with(s, room, 0), 1);
		assert_int_equal(msg.flags, TERN_MSG_CTRUNC);
		assert_int_equal(msg.control_len, room < head ? 0 : room);
		assert_int_equal(control[room], 0xee);
	}
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "x");
	assert_int_equal(recv_with(s, head + 12, 0), 1);
	assert_int_equal(msg.flags, 0);
}

static void a_datagram_may_say_where_it_starts(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	const struct tern_addr other = net_addr("10.0.0.77");
	uint8_t info[12] = { [4] = 10, [7] = 77 };
	int ttl = 9, bad = 300;
	size_t len;

	assert_int_equal(tern_addr_add(n.st, 1, &other, 24, n.now), 0);
	len = put(control, IP, TERN_IP_PKTINFO, info, sizeof(info));
	len += put(control + len, IP, TERN_IP_TTL, &ttl, 4);
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.src.b[15], 77);
	assert_int_equal(n.ip.ttl, 9);
	info[7] = 78; /* not ours */
	len = put(control, IP, TERN_IP_PKTINFO, info, sizeof(info));
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), -TERN_EINVAL);
	len = put(control, IP, TERN_IP_TTL, &bad, 4);
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), -TERN_EINVAL);
	len = put(control, IP, 4711, &ttl, 4);
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), -TERN_EINVAL);
	/* A length that is none. */
	len = put(control, IP, TERN_IP_TTL, &ttl, 4);
	memset(control, 0xff, sizeof(size_t));
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), -TERN_EINVAL);
	memset(control, 0, sizeof(size_t));
	assert_int_equal(send_with(s, "10.0.0.2", 7, len), -TERN_EINVAL);
	net_silence(&n);
}

static void refuse_last(const char *from, const char *to)
{
	bool v6 = net_addr(from).b[0] == 0xfd;
	struct wire_icmp icmp = { ICMP4_UNREACH, ICMP4_PORT_UNREACH, 0 };

	if (v6)
		icmp = (struct wire_icmp){ ICMP6_UNREACH, ICMP6_PORT_UNREACH };
	assert_true(net_out(&n));
	memcpy(in, n.pkt->data, n.pkt->len);
	net_in(&n, bytes, net_icmp(bytes, from, to, &icmp, in, n.pkt->len));
}

/* covers: N5 X3 */
static void errors_wait_in_a_queue(void **state)
{
	static const uint8_t want[] = {
		TERN_ECONNREFUSED, 0, 0, 0, 2, 3, 3, 0
	};
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	const uint8_t *p;

	net_set(&n, s, IP, TERN_IP_RECVERR, 1);
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), -TERN_EAGAIN);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "first", 5), 5);
	refuse_last("10.0.0.9", "10.0.0.1");
	assert_int_equal(net_send(&n, s, "10.0.0.3", 8, "second", 6),
			 -TERN_ECONNREFUSED);
	assert_int_equal(net_send(&n, s, "10.0.0.3", 8, "second", 6), 6);
	refuse_last("10.0.0.3", "10.0.0.1");
	assert_true(tern_poll(n.st, s) & TERN_POLLERR);
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), 5);
	assert_memory_equal(in, "first", 5);
	assert_int_equal(msg.flags, TERN_MSG_ERRQUEUE);
	assert_int_equal(name.port, 7);
	assert_int_equal(name.addr.b[15], 2);
	p = find(IP, TERN_IP_RECVERR, 32);
	if (p[0]) /* little-endian */
		assert_memory_equal(p, want, sizeof(want));
	assert_int_equal(as_int(p), TERN_ECONNREFUSED);
	assert_int_equal(p[16 + 7], 9); /* who said so */
	/* The next one's error is pending now. */
	assert_int_equal(net_error(&n, s), TERN_ECONNREFUSED);
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), 6);
	assert_int_equal(net_error(&n, s), 0);
	assert_int_equal(tern_poll(n.st, s) & TERN_POLLERR, 0);
	/* It stays open: forged errors end nothing. */
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "on");
	net_recv_is(&n, s, "on", "10.0.0.2", 7);
}

static void errors_of_our_own_wait_there_too(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	const uint8_t *p;

	net_set(&n, s, IP, TERN_IP_RECVERR, 1);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, bytes, 65508),
			 -TERN_EMSGSIZE);
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), 0);
	p = find(IP, TERN_IP_RECVERR, 32);
	assert_int_equal(as_int(p), TERN_EMSGSIZE);
	assert_int_equal(p[4], 1);
	assert_int_equal(as_int(p + 8), 65535);
	assert_int_equal(net_error(&n, s), 0);
	net_set(&n, s, IP, TERN_IP_MTU_DISCOVER, 2);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, bytes, 2000),
			 -TERN_EMSGSIZE);
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), 0);
	assert_int_equal(as_int(find(IP, TERN_IP_RECVERR, 32) + 8), 1500);
}

static void the_error_queue_of_ipv6(void **state)
{
	int s = net_bound(&n, V6, "::", 5000), i;
	const uint8_t *p;

	net_set(&n, s, IP6, TERN_IPV6_RECVERR, 1);
	assert_int_equal(net_send(&n, s, "fd00::2", 7, "six", 3), 3);
	refuse_last("fd00::2", "fd00::1");
	assert_int_equal(recv_with(s, 256, TERN_MSG_ERRQUEUE), 3);
	p = find(IP6, TERN_IPV6_RECVERR, 44);
	assert_int_equal(p[4], 3);
	assert_memory_equal(p + 16 + 8, net_addr("fd00::2").b, 16);
	/* And it is bounded, as the receive buffer is. */
	for (i = 0; i < 1000; i++) {
		net_error(&n, s);
		assert_int_equal(net_send(&n, s, "fd00::2", 7, "x", 1), 1);
		refuse_last("fd00::2", "fd00::1");
	}
	for (i = 0; recv_with(s, 256, TERN_MSG_ERRQUEUE) >= 0; i++)
		;
	assert_int_equal(i, 256);
}

/* covers: S8 */
/* covers: O19 */
/* Ranges as Linux 6.18 takes them. */
static void options_take_what_linuxs_take(void **state)
{
	static const struct {
		int level, opt, value;
		bool ok;
	} rows[] = {
		{ IP, TERN_IP_TTL, -2, false },
		{ IP, TERN_IP_TTL, -1, true },
		{ IP, TERN_IP_TTL, 0, false },
		{ IP, TERN_IP_TTL, 255, true },
		{ IP, TERN_IP_TTL, 256, false },
		{ IP, TERN_IP_TOS, -1, true },
		{ IP, TERN_IP_TOS, 511, true },
		{ IP, TERN_IP_MULTICAST_TTL, -2, false },
		{ IP, TERN_IP_MULTICAST_TTL, -1, true },
		{ IP, TERN_IP_MULTICAST_TTL, 0, true },
		{ IP, TERN_IP_MULTICAST_TTL, 256, false },
		{ IP, TERN_IP_MTU_DISCOVER, -1, false },
		{ IP, TERN_IP_MTU_DISCOVER, 5, true },
		{ IP, TERN_IP_MTU_DISCOVER, 6, false },
		{ IP, TERN_IP_MULTICAST_LOOP, 2, true },
		{ IP6, TERN_IPV6_UNICAST_HOPS, -2, false },
		{ IP6, TERN_IPV6_UNICAST_HOPS, -1, true },
		{ IP6, TERN_IPV6_UNICAST_HOPS, 0, true },
		{ IP6, TERN_IPV6_UNICAST_HOPS, 256, false },
		{ IP6, TERN_IPV6_TCLASS, -2, false },
		{ IP6, TERN_IPV6_TCLASS, -1, true },
		{ IP6, TERN_IPV6_TCLASS, 256, false },
		{ IP6, TERN_IPV6_MULTICAST_LOOP, 2, false },
		{ IP6, TERN_IPV6_MTU_DISCOVER, 6, false },
		{ SOL, TERN_SO_RCVLOWAT, -5, true },
	};
	int s = net_socket(&n, V6);
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(tern_setsockopt(n.st, s, rows[i].level,
						 rows[i].opt, &rows[i].value, 4,
						 n.now),
				 rows[i].ok ? 0 : -TERN_EINVAL);
}

/* A byte will do for level IP alone. */
static void lengths_are_taken_as_on_linux(void **state)
{
	int s = net_socket(&n, V6);
	size_t len;

	for (len = 0; len < 6; len++) {
		int five = 5;

		/* A whole int, or a byte of that value. */
		memset(in, 0, 8);
		if (len < 4)
			in[0] = 5;
		else
			memcpy(in, &five, sizeof(five));
		assert_int_equal(tern_setsockopt(n.st, s, IP, TERN_IP_TOS, in,
						 len, n.now),
				 0);
		assert_int_equal(tern_setsockopt(n.st, s, IP, TERN_IP_TTL, in,
						 len, n.now),
				 len ? 0 : -TERN_EINVAL);
		assert_int_equal(tern_setsockopt(n.st, s, IP6,
						 TERN_IPV6_UNICAST_HOPS, in,
						 len, n.now),
				 len < 4 ? -TERN_EINVAL : 0);
	}
	for (len = 1; len < 9; len++) {
		size_t k = len;

		assert_int_equal(tern_getsockopt(n.st, s, IP, TERN_IP_TTL, in,
						 &k, n.now),
				 0);
		assert_int_equal(k, len < 4 ? 1 : 4);
		k = len;
		assert_int_equal(tern_getsockopt(n.st, s, IP6,
						 TERN_IPV6_UNICAST_HOPS, in, &k,
						 n.now),
				 0);
		assert_int_equal(k, len < 4 ? len : 4);
	}
	assert_int_equal(tern_setsockopt(n.st, s, IP, 999, in, 4, n.now),
			 -TERN_ENOPROTOOPT);
	len = 4;
	assert_int_equal(tern_getsockopt(n.st, s, SOL, 999, in, &len, n.now),
			 -TERN_ENOPROTOOPT);
	assert_int_equal(tern_setsockopt(n.st, s, SOL, TERN_SO_ERROR, in, 4,
					 n.now),
			 -TERN_ENOPROTOOPT);
}

static void buffer_sizes_are_doubled_and_bounded(void **state)
{
	static const struct {
		int set, rcv, snd;
	} rows[] = {
		{ 0, 2304, 4608 },	    { 1000, 2304, 4608 },
		{ 2303, 4606, 4608 },	    { 5000, 10000, 10000 },
		{ 300000, 600000, 600000 }, { 10000000, 8388608, 8388608 },
		{ -1, 8388608, 8388608 },
	};
	int s = net_socket(&n, V4);
	size_t i;

	assert_int_equal(net_get(&n, s, SOL, TERN_SO_RCVBUF), 212992);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		net_set(&n, s, SOL, TERN_SO_RCVBUF, rows[i].set);
		net_set(&n, s, SOL, TERN_SO_SNDBUF, rows[i].set);
		assert_int_equal(net_get(&n, s, SOL, TERN_SO_RCVBUF),
				 rows[i].rcv);
		assert_int_equal(net_get(&n, s, SOL, TERN_SO_SNDBUF),
				 rows[i].snd);
	}
}

static void a_socket_can_be_held_to_a_link(void **state)
{
	const struct tern_link_config cfg = { .name = "two", .mtu = 1500 };
	int two = tern_link_add(n.st, &cfg, n.now);
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	size_t len;

	assert_int_equal(tern_setsockopt(n.st, s, SOL, TERN_SO_BINDTODEVICE,
					 "two", 3, n.now),
			 0);
	len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000, "x", 1);
	net_in_by(&n, 1, bytes, len);
	net_recv_nothing(&n, s);
	net_in_by(&n, two, bytes, len);
	net_recv_is(&n, s, "x", "10.0.0.2", 7);
	assert_int_equal(tern_setsockopt(n.st, s, SOL, TERN_SO_BINDTODEVICE,
					 "six", 3, n.now),
			 -TERN_ENODEV);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(what_is_asked_for_comes_beside_the_data),
		CASE(the_same_for_ipv6),
		CASE(control_messages_are_cut_to_the_room),
		CASE(a_datagram_may_say_where_it_starts),
		CASE(errors_wait_in_a_queue),
		CASE(errors_of_our_own_wait_there_too),
		CASE(the_error_queue_of_ipv6),
		CASE(options_take_what_linuxs_take),
		CASE(lengths_are_taken_as_on_linux),
		CASE(buffer_sizes_are_doubled_and_bounded),
		CASE(a_socket_can_be_held_to_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
