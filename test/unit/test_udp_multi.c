// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams to many and to anybody: broadcast and multicast (S8), sockets for
 * any address (O19).
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

static void broadcast_must_be_asked_for(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000);
	int t = net_socket(&n, V4);

	assert_int_equal(net_send(&n, s, "10.0.0.255", 5000, "x", 1),
			 -TERN_EACCES);
	net_set(&n, s, SOL, TERN_SO_BROADCAST, 1);
	assert_int_equal(net_send(&n, s, "10.0.0.255", 5000, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.dst.b[15], 255);
	/* Ourselves are meant too. */
	net_recv_is(&n, s, "x", "10.0.0.1", 5000);
	/* All sockets at the port hear it. */
	net_set(&n, s, SOL, TERN_SO_REUSEADDR, 1);
	net_set(&n, t, SOL, TERN_SO_REUSEADDR, 1);
	name = net_name("0.0.0.0", 5000);
	assert_int_equal(tern_bind(n.st, t, &name, n.now), 0);
	udp_in("10.0.0.2", 7, "255.255.255.255", 5000, "all");
	net_recv_is(&n, s, "all", "10.0.0.2", 7);
	net_recv_is(&n, t, "all", "10.0.0.2", 7);
	net_recv_nothing(&n, s);
	net_silence(&n);
}

static void join(int s, const char *group, bool in_or_out)
{
	struct tern_addr a = net_addr(group);
	uint8_t mreq[20] = { 0 };
	int index = n.kit.link + 1; /* 1 is the loopback */
	bool v6 = !tern_addr_is_v4(&a);

	memcpy(mreq, v6 ? a.b : a.b + 12, v6 ? 16 : 4);
	memcpy(mreq + (v6 ? 16 : 8), &index, 4);
	assert_int_equal(
		tern_setsockopt(n.st, s, v6 ? IP6 : IP,
				v6 ? (in_or_out ? TERN_IPV6_ADD_MEMBERSHIP :
						  TERN_IPV6_DROP_MEMBERSHIP) :
				     (in_or_out ? TERN_IP_ADD_MEMBERSHIP :
						  TERN_IP_DROP_MEMBERSHIP),
				mreq, v6 ? 20 : 12, n.now),
		0);
}

static void members_hear_their_group(void **state)
{
	int a = net_bound(&n, V4, "0.0.0.0", 5000), b = net_socket(&n, V4);
	int c = net_bound(&n, V6, "::", 6000);

	net_set(&n, a, SOL, TERN_SO_REUSEADDR, 1);
	net_set(&n, b, SOL, TERN_SO_REUSEADDR, 1);
	name = net_name("0.0.0.0", 5000);
	assert_int_equal(tern_bind(n.st, b, &name, n.now), 0);
	net_set(&n, b, IP, TERN_IP_MULTICAST_ALL, 0);
	udp_in("10.0.0.2", 7, "239.1.2.3", 5000, "nobody");
	net_recv_nothing(&n, a);
	join(a, "239.1.2.3", true);
	udp_in("10.0.0.2", 7, "239.1.2.3", 5000, "a");
	net_recv_is(&n, a, "a", "10.0.0.2", 7);
	net_recv_nothing(&n, b);
	join(b, "239.1.2.3", true);
	udp_in("10.0.0.2", 7, "239.1.2.3", 5000, "both");
	net_recv_is(&n, a, "both", "10.0.0.2", 7);
	net_recv_is(&n, b, "both", "10.0.0.2", 7);
	/* Linux's default: who has not joined hears what others have. */
	join(a, "239.1.2.3", false);
	udp_in("10.0.0.2", 7, "239.1.2.3", 5000, "still");
	net_recv_is(&n, a, "still", "10.0.0.2", 7);
	net_recv_is(&n, b, "still", "10.0.0.2", 7);
	tern_close(n.st, b, n.now);
	udp_in("10.0.0.2", 7, "239.1.2.3", 5000, "nobody");
	net_recv_nothing(&n, a);
	join(c, "ff05::99", true);
	udp_in("fd00::2", 7, "ff05::99", 6000, "six");
	net_recv_is(&n, c, "six", "fd00::2", 7);
	net_silence(&n);
}

/* MCAST_JOIN_GROUP and its end, of either family. */
static void groups_are_joined_by_either_call(void **state)
{
	struct {
		uint32_t link;
		_Alignas(long) uint8_t addr[128];
	} req = { (uint32_t)n.kit.link + 1, { 0 } };
	int s = net_bound(&n, V6, "::", 6000), i;
	struct tern_addr groups[] = { net_addr("ff05::99"),
				      net_addr("239.1.2.3") };

	for (i = 0; i < 2; i++) {
		uint16_t family = i ? V4 : V6;
		int level = i ? IP : IP6;

		memcpy(req.addr, &family, 2);
		memcpy(req.addr + (i ? 4 : 8), groups[i].b + (i ? 12 : 0),
		       i ? 4 : 16);
		assert_int_equal(tern_setsockopt(n.st, s, level,
						 TERN_MCAST_JOIN_GROUP, &req,
						 sizeof(req) - 1, n.now),
				 -TERN_EINVAL);
		assert_int_equal(tern_setsockopt(n.st, s, i ? IP6 : IP,
						 TERN_MCAST_JOIN_GROUP, &req,
						 sizeof(req), n.now),
				 i ? -TERN_EADDRNOTAVAIL : -TERN_EINVAL);
		assert_int_equal(tern_setsockopt(n.st, s, level,
						 TERN_MCAST_JOIN_GROUP, &req,
						 sizeof(req), n.now),
				 0);
		udp_in(i ? "10.0.0.2" : "fd00::2", 7,
		       i ? "239.1.2.3" : "ff05::99", 6000, "all");
		net_recv_is(&n, s, "all", i ? "10.0.0.2" : "fd00::2", 7);
		assert_int_equal(tern_setsockopt(n.st, s, level,
						 TERN_MCAST_LEAVE_GROUP, &req,
						 sizeof(req), n.now),
				 0);
		udp_in(i ? "10.0.0.2" : "fd00::2", 7,
		       i ? "239.1.2.3" : "ff05::99", 6000, "nobody");
		net_recv_nothing(&n, s);
	}
}

static void multicast_leaves_with_its_own_ttl(void **state)
{
	int s = net_bound(&n, V4, "0.0.0.0", 5000), index = 2;
	uint8_t mreqn[12] = { 0 };

	assert_int_equal(net_send(&n, s, "239.1.2.3", 5000, "x", 1),
			 -TERN_ENETUNREACH);
	memcpy(mreqn + 8, &index, 4);
	assert_int_equal(tern_setsockopt(n.st, s, IP, TERN_IP_MULTICAST_IF,
					 mreqn, 12, n.now),
			 0);
	assert_int_equal(net_send(&n, s, "239.1.2.3", 5000, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.ttl, 1);
	assert_int_equal(n.ip.src.b[15], 1);
	net_recv_nothing(&n, s);
	join(s, "239.1.2.3", true);
	net_set(&n, s, IP, TERN_IP_MULTICAST_TTL, 5);
	assert_int_equal(net_send(&n, s, "239.1.2.3", 5000, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.ttl, 5);
	net_recv_is(&n, s, "x", "10.0.0.1", 5000);
	net_set(&n, s, IP, TERN_IP_MULTICAST_LOOP, 0);
	assert_int_equal(net_send(&n, s, "239.1.2.3", 5000, "x", 1), 1);
	assert_true(net_out(&n));
	net_recv_nothing(&n, s);
	s = net_socket(&n, V6);
	assert_int_equal(net_send(&n, s, "ff02::1", 5000, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.ttl, 1);
	net_check_sums(&n);
}

static void a_socket_may_stand_for_any_address_and_port(void **state)
{
	struct tern_route r = { .link = 1 };
	int s = net_socket(&n, V4), flow;
	size_t head = sizeof(size_t) + 8;
	const uint8_t *p;
	uint8_t sa[16];

	assert_int_equal(tern_route_add(n.st, &r, n.now), 0);
	net_set(&n, s, TERN_SOL_TERN, TERN_SO_ANY, 1);
	net_set(&n, s, IP, TERN_IP_RECVORIGDSTADDR, 1);
	name = net_name("0.0.0.0", 0);
	assert_int_equal(tern_bind(n.st, s, &name, n.now), 0);
	udp_in("10.0.0.2", 7, "8.8.8.8", 53, "query");
	assert_int_equal(recv_with(s, 256, 0), 5);
	p = find(IP, TERN_IP_RECVORIGDSTADDR, 16);
	assert_int_equal(get_be16(p + 2), 53);
	assert_int_equal(p[4], 8);
	/* The answer comes from there: the message given back. */
	memcpy(sa, p, 16);
	put(control, IP, TERN_IP_RECVORIGDSTADDR, sa, 16);
	assert_int_equal(send_with(s, "10.0.0.2", 7, head + 16), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.ip.src.b[15], 8);
	assert_int_equal(get_be16(n.p), 53);
	assert_int_equal(get_be16(n.p + 2), 7);
	net_check_sums(&n);
	/* Or a socket for the flow alone, that goes before. */
	flow = net_socket(&n, V4);
	net_set(&n, flow, TERN_SOL_TERN, TERN_SO_ANY, 1);
	name = net_name("8.8.8.8", 53);
	assert_int_equal(tern_bind(n.st, flow, &name, n.now), 0);
	name = net_name("10.0.0.2", 7);
	assert_int_equal(tern_connect(n.st, flow, &name, n.now), 0);
	udp_in("10.0.0.2", 7, "8.8.8.8", 53, "more");
	net_recv_is(&n, flow, "more", "10.0.0.2", 7);
	udp_in("10.0.0.2", 8, "8.8.8.8", 53, "other");
	net_recv_is(&n, s, "other", "10.0.0.2", 8);
	/* One for our own address takes what is ours. */
	flow = net_bound(&n, V4, "10.0.0.1", 53);
	udp_in("10.0.0.2", 7, "10.0.0.1", 53, "ours");
	net_recv_is(&n, flow, "ours", "10.0.0.2", 7);
	udp_in("10.0.0.2", 7, "8.8.4.4", 53, "theirs");
	net_recv_is(&n, s, "theirs", "10.0.0.2", 7);
	/* Without it nobody takes what is not ours. */
	tern_close(n.st, s, n.now);
	tern_close(n.st, 1, n.now);
	udp_in("10.0.0.2", 9, "8.8.8.8", 53, "query");
	net_silence(&n);
	assert_int_equal(n.st->ip.n_any_udp, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(broadcast_must_be_asked_for),
		CASE(members_hear_their_group),
		CASE(groups_are_joined_by_either_call),
		CASE(multicast_leaves_with_its_own_ttl),
		CASE(a_socket_may_stand_for_any_address_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
