// SPDX-License-Identifier: BSD-2-Clause
/* UDP sockets (S8): datagrams, ports, buffers, errors, readiness. */
#include "net_kit.h"

#include <string.h>

#define V4 TERN_AF_INET
#define V6 TERN_AF_INET6
#define SOL TERN_SOL_SOCKET

static struct net n;
static uint8_t bytes[NET_ROOM], data[NET_ROOM], in[NET_ROOM];

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

static int connect_to(int s, const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = net_name(addr, port);

	return tern_connect(n.st, s, &sa, n.now);
}

static int bind_to(int s, int family, const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = net_name(addr, port);

	sa.family = (uint16_t)family;
	return tern_bind(n.st, s, &sa, n.now);
}

/* covers: S8 */
static void a_datagram_has_eight_bytes_of_header(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);

	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "hello", 5), 5);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.protocol, WIRE_PROTO_UDP);
	assert_int_equal(n.ip.ttl, 64);
	assert_true(n.ip.df);
	assert_int_equal(n.n, 13);
	assert_int_equal(get_be16(n.p), 5000);
	assert_int_equal(get_be16(n.p + 2), 7);
	assert_int_equal(get_be16(n.p + 4), 13);
	assert_memory_equal(n.p + 8, "hello", 5);
	net_check_sums(&n);
	net_silence(&n);
	s = net_bound(&n, V6, "::", 5001);
	assert_int_equal(net_send(&n, s, "fd00::2", 7, "hello", 5), 5);
	assert_true(net_out(&n));
	net_check_sums(&n);
	assert_int_equal(net_counter(&n, "UdpOutDatagrams"), 2);
}

static void boundaries_are_kept(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);

	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "one");
	udp_in("10.0.0.3", 8, "10.0.0.1", 5000, "");
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "three");
	net_recv_is(&n, s, "one", "10.0.0.2", 7);
	net_recv_is(&n, s, "", "10.0.0.3", 8);
	net_recv_is(&n, s, "three", "10.0.0.2", 7);
	net_recv_nothing(&n, s);
	assert_int_equal(net_counter(&n, "UdpInDatagrams"), 3);
}

static void a_small_buffer_cuts_the_datagram(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000), waiting;
	struct tern_iov iov[2] = { { in, 2 }, { in + 10, 2 } };
	struct tern_msg msg = { .iov = iov, .n_iov = 2 };

	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "datagram");
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "next");
	assert_int_equal(tern_ioctl(n.st, s, TERN_SIOCINQ, &waiting, n.now), 0);
	assert_int_equal(waiting, 8);
	assert_int_equal(tern_recvmsg(n.st, s, &msg, TERN_MSG_PEEK, n.now), 4);
	assert_int_equal(msg.flags, TERN_MSG_TRUNC);
	assert_memory_equal(in, "da", 2);
	assert_memory_equal(in + 10, "ta", 2);
	assert_int_equal(tern_recvmsg(n.st, s, &msg, TERN_MSG_TRUNC, n.now), 8);
	assert_int_equal(msg.flags, TERN_MSG_TRUNC);
	net_recv_is(&n, s, "next", "10.0.0.2", 7);
	assert_int_equal(tern_ioctl(n.st, s, TERN_SIOCINQ, &waiting, n.now), 0);
	assert_int_equal(waiting, 0);
}

static void a_connected_socket_hears_its_peer_alone(void **state)
{
	int all = net_socket(&n, V4), one = net_socket(&n, V4);
	struct tern_sockaddr name;

	net_set(&n, all, SOL, TERN_SO_REUSEADDR, 1);
	net_set(&n, one, SOL, TERN_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(all, V4, "0.0.0.0", 5000), 0);
	assert_int_equal(bind_to(one, V4, "0.0.0.0", 5000), 0);
	assert_int_equal(tern_getpeername(n.st, one, &name), -TERN_ENOTCONN);
	assert_int_equal(connect_to(one, "10.0.0.2", 7), 0);
	udp_in("10.0.0.2", 8, "10.0.0.1", 5000, "other port");
	udp_in("10.0.0.3", 7, "10.0.0.1", 5000, "other host");
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "the peer");
	net_recv_is(&n, one, "the peer", "10.0.0.2", 7);
	net_recv_nothing(&n, one);
	net_recv_is(&n, all, "other port", "10.0.0.2", 8);
	net_recv_is(&n, all, "other host", "10.0.0.3", 7);
	assert_int_equal(tern_getsockname(n.st, one, &name), 0);
	assert_int_equal(name.addr.b[12], 10);
	assert_int_equal(tern_getpeername(n.st, one, &name), 0);
	assert_int_equal(name.port, 7);
	/* Without a name it sends there; with one elsewhere. */
	assert_int_equal(net_send(&n, one, NULL, 0, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.dst.b[15], 2);
	assert_int_equal(net_send(&n, one, "10.0.0.9", 9, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.dst.b[15], 9);
	/* Dissolved, the address that connect() chose goes too. */
	name = (struct tern_sockaddr){ .family = TERN_AF_UNSPEC };
	assert_int_equal(tern_connect(n.st, one, &name, n.now), 0);
	assert_int_equal(tern_getsockname(n.st, one, &name), 0);
	assert_int_equal(name.port, 5000);
	assert_true(tern_addr_is_any(&name.addr));
	assert_int_equal(net_send(&n, one, NULL, 0, "x", 1),
			 -TERN_EDESTADDRREQ);
}

/* S8: and an unconnected sender learns nothing. */
static void a_closed_port_refuses_a_connected_sender(void **state)
{
	const struct wire_icmp refused = { ICMP4_UNREACH, ICMP4_PORT_UNREACH,
					   0 };
	int s = net_socket(&n, V4), i;
	size_t len;

	for (i = 0; i < 2; i++) {
		if (i)
			assert_int_equal(connect_to(s, "10.0.0.2", 7), 0);
		assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1), 1);
		assert_true(net_out(&n));
		memcpy(in, n.pkt->data, n.pkt->len);
		len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &refused, in,
			       n.pkt->len);
		net_in(&n, bytes, len);
		assert_int_equal(tern_poll(n.st, s) & TERN_POLLERR,
				 i ? TERN_POLLERR : 0);
	}
	/* Told once, by whichever call comes first. */
	assert_int_equal(net_send(&n, s, NULL, 0, "x", 1), -TERN_ECONNREFUSED);
	assert_int_equal(net_send(&n, s, NULL, 0, "x", 1), 1);
	net_in(&n, bytes, len);
	assert_int_equal(tern_recv(n.st, s, in, 1, 0, n.now),
			 -TERN_ECONNREFUSED);
	net_in(&n, bytes, len);
	assert_int_equal(net_error(&n, s), TERN_ECONNREFUSED);
	net_recv_nothing(&n, s);
}

/* covers: S13 */
static void lengths_that_lie_are_dropped(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	static const uint8_t lies[] = { 0, 7, 13, 255 };
	size_t i, len;

	for (i = 0; i < sizeof(lies); i++) {
		len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000, "data",
			      4);
		bytes[25] = lies[i];
		bytes[26] = bytes[27] = 0;
		net_in(&n, bytes, len);
	}
	/* No whole header. */
	bytes[3] = 27;
	net_fix_ip4(bytes);
	net_in(&n, bytes, 27);
	net_recv_nothing(&n, s);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "UdpInErrors"), 5);
	/* What IP carries beyond UDP's length is padding. */
	len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000, "data", 4);
	bytes[25] = 10;
	bytes[26] = bytes[27] = 0;
	net_in(&n, bytes, len);
	net_recv_is(&n, s, "da", "10.0.0.2", 7);
}

static void checksums_are_verified(void **state)
{
	int s = net_bound(&n, V6, "::", 5000);
	size_t len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000, "data", 4);

	bytes[26] ^= 1;
	net_in(&n, bytes, len);
	net_recv_nothing(&n, s);
	assert_int_equal(net_counter(&n, "UdpInCsumErrors"), 1);
	assert_int_equal(net_counter(&n, "UdpInErrors"), 1);
	bytes[26] = bytes[27] = 0; /* none */
	net_in(&n, bytes, len);
	net_recv_is(&n, s, "data", "10.0.0.2", 7);
	len = net_udp(bytes, "fd00::2", 7, "fd00::1", 5000, "data", 4);
	bytes[46] = bytes[47] = 0; /* not in IPv6 */
	net_in(&n, bytes, len);
	net_recv_nothing(&n, s);
	/* Nor does anything leave without one, unless asked for. */
	net_set(&n, s, SOL, TERN_SO_NO_CHECK, 1);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(get_be16(n.p + 6), 0);
}

/* Which second bind() is refused: as Linux 6.18 answers. */
/* Of several sockets that fit one gets it: as Linux 6.18 chooses. */
/* How many of a size fit a buffer: what Linux 6.18 took on its loopback. */
static void a_receive_buffer_holds_what_linuxs_holds(void **state)
{
	static const struct {
		uint32_t size;
		int in_default, in_least, in_10000;
	} rows[] = {
		{ 0, 256, 2, 12 },   { 1, 256, 2, 12 },	 { 100, 256, 2, 12 },
		{ 500, 166, 1, 7 },  { 600, 166, 1, 7 }, { 1000, 92, 1, 4 },
		{ 1472, 92, 1, 4 },  { 2000, 48, 1, 2 }, { 3600, 48, 1, 2 },
		{ 4000, 25, 1, 1 },  { 5000, 25, 1, 1 }, { 9000, 12, 1, 1 },
		{ 16000, 12, 1, 1 }, { 32000, 6, 1, 1 }, { 65507, 3, 1, 1 },
	};
	size_t i;
	int s, t, k, got, want, size;

	t = net_socket(&n, V4);
	for (i = 0; i < 3 * ARRAY_LEN(rows); i++) {
		s = net_bound(&n, V4, "127.0.0.1", 5000);
		size = i % 3 == 1 ? 0 : 5000;
		if (i % 3)
			net_set(&n, s, SOL, TERN_SO_RCVBUF, size);
		want = i % 3 == 0 ? rows[i / 3].in_default :
		       i % 3 == 1 ? rows[i / 3].in_least :
				    rows[i / 3].in_10000;
		for (k = 0; k < 300; k++)
			assert_int_equal(net_send(&n, t, "127.0.0.1", 5000,
						  data, rows[i / 3].size),
					 rows[i / 3].size);
		for (got = 0; tern_recv(n.st, s, in, 1, 0, n.now) >= 0; got++)
			;
		assert_int_equal(got, want);
		tern_close(n.st, s, n.now);
	}
	assert_true(net_counter(&n, "UdpRcvbufErrors") > 0);
	assert_int_equal(net_counter(&n, "UdpRcvbufErrors"),
			 net_counter(&n, "UdpInErrors"));
}

static void a_full_send_buffer_says_so_until_half_has_left(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000), k, waiting;
	struct tern_event event;

	net_set(&n, s, SOL, TERN_SO_SNDBUF, 10000);
	for (k = 0; net_send(&n, s, "10.0.0.2", 7, data, 1000) == 1000; k++)
		;
	assert_int_equal(k, 9); /* 9 x 2,304 >= 20,000 */
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 1000),
			 -TERN_EAGAIN);
	assert_int_equal(tern_poll(n.st, s), 0);
	assert_int_equal(tern_ioctl(n.st, s, TERN_SIOCOUTQ, &waiting, n.now),
			 0);
	assert_int_equal(waiting, 9 * 2304);
	while (tern_events(n.st, &event, 1))
		;
	for (k = 0; k < 4; k++)
		assert_true(net_out(&n));
	assert_int_equal(tern_events(n.st, &event, 1), 0);
	assert_true(net_out(&n));
	assert_int_equal(tern_events(n.st, &event, 1), 1);
	assert_int_equal(event.s, s);
	assert_true(event.ready & TERN_POLLOUT);
	/* A socket that is gone is not told. */
	tern_close(n.st, s, n.now);
	s = net_bound(&n, V4, "0.0.0.0", 5000);
	while (net_out(&n))
		;
	assert_int_equal(tern_ioctl(n.st, s, TERN_SIOCOUTQ, &waiting, n.now),
			 0);
	assert_int_equal(waiting, 0);
}

/* The bits are those that Linux 6.18's poll() gave. */
static void readiness_is_linuxs(void **state)
{
	int s = net_socket(&n, V4);
	struct tern_event event;

	assert_int_equal(tern_poll(n.st, s), 0x304);
	assert_int_equal(tern_shutdown(n.st, s, TERN_SHUT_RDWR, n.now),
			 -TERN_ENOTCONN);
	assert_int_equal(tern_poll(n.st, s), 0x2355);
	assert_int_equal(tern_recv(n.st, s, in, 1, TERN_MSG_DONTWAIT, n.now),
			 -TERN_EAGAIN);
	assert_int_equal(tern_recv(n.st, s, in, 1, 0, n.now), 0);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1), -TERN_EPIPE);
	s = net_socket(&n, V4);
	assert_int_equal(connect_to(s, "10.0.0.2", 7), 0);
	assert_int_equal(tern_shutdown(n.st, s, TERN_SHUT_RD, n.now), 0);
	assert_int_equal(tern_poll(n.st, s), 0x2345);
	assert_int_equal(tern_shutdown(n.st, s, TERN_SHUT_WR, n.now), 0);
	assert_int_equal(tern_poll(n.st, s), 0x2355);
	s = net_bound(&n, V4, "0.0.0.0", 5000);
	while (tern_events(n.st, &event, 1))
		;
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "x");
	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "y");
	assert_int_equal(tern_events(n.st, &event, 1), 1);
	assert_int_equal(event.s, s);
	assert_int_equal(event.ready, 0x345);
	assert_int_equal(tern_events(n.st, &event, 1), 0);
}

static void sending_is_refused_as_on_linux(void **state)
{
	int s = net_socket(&n, V4);

	assert_int_equal(net_send(&n, s, NULL, 0, "x", 1), -TERN_EDESTADDRREQ);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 0, "x", 1), -TERN_EINVAL);
	assert_int_equal(net_send(&n, s, "8.8.8.8", 7, "x", 1),
			 -TERN_ENETUNREACH);
	assert_int_equal(net_send(&n, s, "255.255.255.255", 7, "x", 1),
			 -TERN_ENETUNREACH);
	assert_int_equal(net_send(&n, s, "10.0.0.255", 7, "x", 1),
			 -TERN_EACCES);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 65508),
			 -TERN_EMSGSIZE);
	assert_int_equal(net_send(&n, s, "127.0.0.1", 7, data, 65508),
			 -TERN_EMSGSIZE);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 66000),
			 -TERN_EMSGSIZE);
	net_set(&n, s, TERN_IPPROTO_IP, TERN_IP_MTU_DISCOVER, 2);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 1473),
			 -TERN_EMSGSIZE);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 1472), 1472);
	assert_int_equal(tern_send(n.st, s, "x", 1, TERN_MSG_OOB, n.now),
			 -TERN_EOPNOTSUPP);
}

/* covers: S9 */
static void a_datagram_over_the_mtu_crosses_in_pieces(void **state)
{
	static const uint32_t sizes[] = { 1472, 1473, 3000, 8192, 65507 };
	static struct net m;
	struct tern_addr a = net_addr("10.0.0.2"), b = net_addr("fd00::2");
	size_t i;
	int s, t, v6;

	net_open(&m);
	assert_int_equal(tern_addr_add(m.st, 1, &a, 24, m.now), 0);
	assert_int_equal(tern_addr_add(m.st, 1, &b, 64, m.now), 0);
	a = net_addr("10.0.0.1");
	b = net_addr("fd00::1");
	assert_int_equal(tern_addr_del(m.st, 1, &a, m.now), 0);
	assert_int_equal(tern_addr_del(m.st, 1, &b, m.now), 0);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	s = net_bound(&n, V6, "::", 5000);
	t = net_bound(&m, V6, "::", 5000);
	for (i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		v6 = i & 1;
		assert_int_equal(net_send(&n, s, v6 ? "fd00::2" : "10.0.0.2",
					  5000, data, sizes[i / 2]),
				 sizes[i / 2]);
		net_talk(&n, &m);
		memset(in, 0, sizeof(in));
		assert_int_equal(tern_recv(m.st, t, in, sizeof(in), 0, m.now),
				 sizes[i / 2]);
		assert_memory_equal(in, data, sizes[i / 2]);
	}
	assert_int_equal(net_counter(&n, "IpFragOKs"),
			 net_counter(&m, "IpReasmOKs"));
	assert_int_equal(net_counter(&m, "UdpInErrors"), 0);
	net_close(&m);
}

/* Each fragment fits, and the datagram counts until the last has left. */
static void fragments_fit_the_mtu(void **state)
{
	int s = net_socket(&n, V4), waiting;
	uint32_t total = 0;

	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, data, 4000), 4000);
	while (net_out(&n)) {
		assert_in_range(n.ip.len, 21, 1500);
		assert_int_equal(n.ip.frag_off, total);
		total += n.n;
		assert_int_equal(n.ip.more_frags, total < 4008);
		assert_int_equal(
			tern_ioctl(n.st, s, TERN_SIOCOUTQ, &waiting, n.now), 0);
		assert_int_equal(waiting > 0, total < 4008);
	}
	assert_int_equal(total, 4008);
}

/* UDP_SEGMENT: what Linux 6.18 gave for the same calls. */
static void one_call_may_send_many_datagrams(void **state)
{
	int v4 = net_socket(&n, V4), v6 = net_socket(&n, V6), i;

	net_set(&n, v4, TERN_IPPROTO_UDP, TERN_UDP_SEGMENT, 1000);
	for (i = 0; i < 3500; i++)
		data[i] = (uint8_t)(i / 1000);
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 3500), 3500);
	for (i = 0; i < 4; i++) {
		assert_true(net_out(&n));
		assert_int_equal(n.ip.len, 20 + 8 + (i < 3 ? 1000 : 500));
		assert_memory_equal(n.p + 8, data + 1000 * i, n.ip.len - 28u);
		net_check_sums(&n);
	}
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 0), 0);
	assert_true(net_out(&n));
	net_set(&n, v4, TERN_IPPROTO_UDP, TERN_UDP_SEGMENT, 1);
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 129),
			 -TERN_EINVAL);
	/* Datagrams of a batch are never cut by IP. */
	net_set(&n, v4, TERN_IPPROTO_IP, TERN_IP_MTU_DISCOVER, 0);
	net_set(&n, v4, TERN_IPPROTO_UDP, TERN_UDP_SEGMENT, 1473);
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 1472), 1472);
	assert_true(net_out(&n));
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 1473),
			 -TERN_EMSGSIZE);
	net_set(&n, v4, SOL, TERN_SO_NO_CHECK, 1);
	assert_int_equal(net_send(&n, v4, "10.0.0.2", 7, data, 10),
			 -TERN_EINVAL);
	/* Nor is one that asks not to be. */
	assert_int_equal(net_send(&n, v6, "fd00::2", 7, data, 1453), 1453);
	while (net_out(&n))
		;
	net_set(&n, v6, TERN_IPPROTO_IPV6, TERN_IPV6_DONTFRAG, 1);
	assert_int_equal(net_send(&n, v6, "fd00::2", 7, data, 1453),
			 -TERN_EMSGSIZE);
	net_silence(&n);
}

/* covers: X6 */
static void memory_that_fails_does_no_harm(void **state)
{
	int i, s;

	for (i = 0; i < 200; i++) {
		struct tern_pkt *pkt;
		size_t len =
			net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000, "x", 1);

		pkt = kit_pkt(&n.kit, bytes, len);
		n.kit.alloc.n_left = i % 10;
		s = tern_socket(n.st, V4, TERN_SOCK_DGRAM, 0, n.now);
		if (s >= 0) {
			(void)bind_to(s, V4, "0.0.0.0", 5000);
			(void)net_send(&n, s, "10.0.0.2", 7, data, 4000);
			(void)net_send(&n, s, "127.0.0.1", 5000, data, 4000);
		}
		tern_stack_input(n.st, 1, &pkt, 1, n.now);
		n.kit.alloc.n_left = -1;
		if (s >= 0)
			tern_close(n.st, s, n.now);
		kit_drain(&n.kit, n.now);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_datagram_has_eight_bytes_of_header),
		CASE(boundaries_are_kept),
		CASE(a_small_buffer_cuts_the_datagram),
		CASE(a_connected_socket_hears_its_peer_alone),
		CASE(a_closed_port_refuses_a_connected_sender),
		CASE(lengths_that_lie_are_dropped),
		CASE(checksums_are_verified),
		CASE(a_receive_buffer_holds_what_linuxs_holds),
		CASE(a_full_send_buffer_says_so_until_half_has_left),
		CASE(readiness_is_linuxs),
		CASE(sending_is_refused_as_on_linux),
		CASE(a_datagram_over_the_mtu_crosses_in_pieces),
		CASE(fragments_fit_the_mtu),
		CASE(one_call_may_send_many_datagrams),
		CASE(memory_that_fails_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
