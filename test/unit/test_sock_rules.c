// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include <stdio.h>
#include <string.h>

#include "sock_rules.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct kit k;

static int open_kit(void **state)
{
	kit_init(&k);
	kit_open(&k, 0);
	return 0;
}

static int close_kit(void **state)
{
	kit_close(&k);
	return 0;
}

static void kinds_of_sockets_are_linuxs(void **state)
{
	const struct kind_rule *r;
	int s;

	for (r = kind_rules; r < kind_rules + LEN(kind_rules); r++) {
		s = tern_socket(k.st, r->family, r->type, r->protocol, 0);
		if (s != (r->error ? -r->error : 0))
			fail_msg("socket(%d, %d, %d): %d", r->family, r->type,
				 r->protocol, s);
		if (!s)
			tern_close(k.st, s, 0);
	}
}

static int make(const struct addr_rule *r)
{
	int s = tern_socket(k.st, r->family, r->type, 0, 0);
	int on = 1;

	assert_true(s >= 0);
	if (r->v6only)
		assert_int_equal(tern_setsockopt(k.st, s, TERN_IPPROTO_IPV6,
						 TERN_IPV6_V6ONLY, &on,
						 sizeof(on), 0),
				 0);
	return s;
}

static void expect(const struct addr_rule *r, const char *call, int64_t got,
		   int error)
{
	if (got != -error)
		fail_msg("socket %d type %d v6only %d: %s(%d, %s): %d, not %d",
			 r->family, r->type, r->v6only, call, r->addr_family,
			 r->addr, (int)got, -error);
}

static void kinds_of_addresses_are_linuxs(void **state)
{
	struct tern_iov iov = { "x", 1 };
	struct tern_sockaddr to;
	struct tern_msg msg = { .name = &to, .iov = &iov, .n_iov = 1 };
	const struct addr_rule *r;
	int64_t n;
	int s;

	for (r = addr_rules; r < addr_rules + LEN(addr_rules); r++) {
		to = (struct tern_sockaddr){
			.family = (uint16_t)r->addr_family,
		};
		assert_true(tern_addr_parse(r->addr, NULL, &to.addr) > 0);
		s = make(r);
		expect(r, "bind", tern_bind(k.st, s, &to, 0), r->bind);
		tern_close(k.st, s, 0);
		to.port = 9;
		s = make(r);
		expect(r, "connect", tern_connect(k.st, s, &to, 0), r->connect);
		tern_close(k.st, s, 0);
		if (r->type != TERN_SOCK_DGRAM)
			continue;
		s = make(r);
		n = tern_sendmsg(k.st, s, &msg, 0, 0);
		expect(r, "send", n == 1 ? 0 : n, r->send);
		tern_close(k.st, s, 0);
	}
}

static void an_address_left_zero_is_any(void **state)
{
	struct tern_sockaddr any = { .family = TERN_AF_INET, .port = 5 }, got;
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);

	assert_int_equal(tern_bind(k.st, s, &any, 0), 0);
	assert_int_equal(tern_getsockname(k.st, s, &got), 0);
	assert_int_equal(got.port, 5);
	assert_true(tern_addr_is_v4(&got.addr));
	assert_true(tern_addr_is_any(&got.addr));
}

static void an_ipv6_address_is_no_ipv4_address(void **state)
{
	struct tern_sockaddr v6 = { .addr = { { 0xfd, [15] = 1 } },
				    .family = TERN_AF_INET };
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);

	assert_int_equal(tern_bind(k.st, s, &v6, 0), -TERN_EAFNOSUPPORT);
	assert_int_equal(tern_connect(k.st, s, &v6, 0), -TERN_EAFNOSUPPORT);
}

static int get(int s, int name, size_t room, size_t *len, int *value)
{
	*value = 0x55555555;
	*len = room;
	return tern_getsockopt(k.st, s, TERN_SOL_SOCKET, name, value, len, 0);
}

static void a_socket_tells_what_it_is(void **state)
{
	static const int rows[][3] = {
		{ TERN_AF_INET, TERN_SOCK_STREAM, TERN_IPPROTO_TCP },
		{ TERN_AF_INET6, TERN_SOCK_STREAM, TERN_IPPROTO_TCP },
		{ TERN_AF_INET, TERN_SOCK_DGRAM, TERN_IPPROTO_UDP },
		{ TERN_AF_INET6, TERN_SOCK_DGRAM, TERN_IPPROTO_UDP },
	};
	static const int names[] = { TERN_SO_DOMAIN, TERN_SO_TYPE,
				     TERN_SO_PROTOCOL };
	size_t i, j, len;
	int s, value;

	for (i = 0; i < 4; i++) {
		s = tern_socket(k.st, rows[i][0], rows[i][1], 0, 0);
		for (j = 0; j < 3; j++) {
			assert_int_equal(get(s, names[j], 8, &len, &value), 0);
			assert_int_equal(len, 4);
			assert_int_equal(value, rows[i][j]);
			/* Less room cuts the value, as Linux does. */
			assert_int_equal(get(s, names[j], 0, &len, &value), 0);
			assert_int_equal(value, 0x55555555);
			value = 0;
			assert_int_equal(tern_setsockopt(k.st, s, 1, names[j],
							 &value, 4, 0),
					 -TERN_ENOPROTOOPT);
			assert_int_equal(tern_setsockopt(k.st, s, 1, names[j],
							 &value, 2, 0),
					 -TERN_EINVAL);
		}
	}
}

static void a_level_is_a_protocols(void **state)
{
	static const int levels[] = { 17, 41, 1000, -1 };
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	int value = 0;
	size_t i, len;

	for (i = 0; i < LEN(levels); i++) {
		len = 4;
		assert_int_equal(tern_getsockopt(k.st, s, levels[i], 250,
						 &value, &len, 0),
				 -TERN_EOPNOTSUPP);
		assert_int_equal(tern_setsockopt(k.st, s, levels[i], 250,
						 &value, 4, 0),
				 -TERN_ENOPROTOOPT);
	}
	len = 4;
	assert_int_equal(tern_getsockopt(k.st, s, 6, 250, &value, &len, 0),
			 -TERN_ENOPROTOOPT);
	assert_int_equal(tern_getsockopt(k.st, s, 0, 250, &value, &len, 0),
			 -TERN_ENOPROTOOPT);
	assert_int_equal(tern_getsockopt(k.st, s, 1, 1000, &value, &len, 0),
			 -TERN_ENOPROTOOPT);
}

static void datagrams_are_not_listened_for(void **state)
{
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);
	struct tern_frag frag;
	struct tern_syn syn;
	int value;

	assert_int_equal(tern_listen(k.st, s, 1, 0), -TERN_EOPNOTSUPP);
	assert_int_equal(tern_accept(k.st, s, NULL, 0), -TERN_EOPNOTSUPP);
	assert_int_equal(tern_recv_frags(k.st, s, &frag, 1, 0),
			 -TERN_EOPNOTSUPP);
	assert_int_equal(tern_syn_next(k.st, s, &syn), -TERN_EOPNOTSUPP);
	assert_int_equal(tern_ioctl(k.st, s, TERN_SIOCATMARK, &value, 0),
			 -TERN_ENOTTY);
	assert_int_equal(tern_ioctl(k.st, s, 0x1234, &value, 0), -TERN_ENOTTY);
}

static void what_is_no_argument_is_refused(void **state)
{
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	struct tern_iov iov[2] = { { NULL, 1 }, { NULL, SIZE_MAX } };
	struct tern_msg msg = { .iov = iov, .n_iov = 1 };
	int value = 0;

	assert_int_equal(tern_accept(k.st, s, NULL, 0), -TERN_EINVAL);
	assert_int_equal(tern_shutdown(k.st, s, 3, 0), -TERN_EINVAL);
	assert_int_equal(tern_shutdown(k.st, s, -1, 0), -TERN_EINVAL);
	assert_int_equal(tern_shutdown(k.st, s, 0, 0), -TERN_ENOTCONN);
	assert_int_equal(tern_bind(k.st, s, NULL, 0), -TERN_EFAULT);
	assert_int_equal(tern_connect(k.st, s, NULL, 0), -TERN_EFAULT);
	assert_int_equal(tern_sendmsg(k.st, s, NULL, 0, 0), -TERN_EFAULT);
	assert_int_equal(tern_sendmsg(k.st, s, &msg, 0, 0), -TERN_EFAULT);
	assert_int_equal(tern_recvmsg(k.st, s, &msg, 0, 0), -TERN_EFAULT);
	iov[0].base = iov[1].base = &value;
	msg.n_iov = 1025;
	assert_int_equal(tern_sendmsg(k.st, s, &msg, 0, 0), -TERN_EMSGSIZE);
	msg.n_iov = -1;
	assert_int_equal(tern_recvmsg(k.st, s, &msg, 0, 0), -TERN_EMSGSIZE);
	assert_int_equal(tern_setsockopt(k.st, s, 1, 2, NULL, 4, 0),
			 -TERN_EFAULT);
	assert_int_equal(tern_getsockopt(k.st, s, 1, 2, &value, NULL, 0),
			 -TERN_EFAULT);
	assert_int_equal(tern_ioctl(k.st, s, TERN_SIOCINQ, NULL, 0),
			 -TERN_EFAULT);
	assert_int_equal(tern_syn_answer(k.st, 1, TERN_SYN_DROP, 0),
			 -TERN_ENOENT);
	assert_int_equal(tern_syn_answer(k.st, 1, (enum tern_syn_answer)6, 0),
			 -TERN_EINVAL);
}

static void a_number_not_in_use_is_no_socket(void **state)
{
	static const int numbers[] = { -1, 0, 1, 5000, INT32_MAX, INT32_MIN };
	struct tern_sockaddr a = kit_v4(127, 0, 0, 1, 7);
	int value = 0, s;
	size_t i, len = 4;

	for (i = 0; i < LEN(numbers); i++) {
		s = numbers[i];
		assert_int_equal(tern_bind(k.st, s, &a, 0), -TERN_EBADF);
		assert_int_equal(tern_listen(k.st, s, 1, 0), -TERN_EBADF);
		assert_int_equal(tern_connect(k.st, s, &a, 0), -TERN_EBADF);
		assert_int_equal(tern_accept(k.st, s, &a, 0), -TERN_EBADF);
		assert_int_equal(tern_send(k.st, s, "", 1, 0, 0), -TERN_EBADF);
		assert_int_equal(tern_recv(k.st, s, &a, 1, 0, 0), -TERN_EBADF);
		assert_int_equal(tern_shutdown(k.st, s, 2, 0), -TERN_EBADF);
		assert_int_equal(tern_close(k.st, s, 0), -TERN_EBADF);
		assert_int_equal(tern_getsockname(k.st, s, &a), -TERN_EBADF);
		assert_int_equal(tern_getpeername(k.st, s, &a), -TERN_EBADF);
		assert_int_equal(tern_getsockopt(k.st, s, 1, 3, &value, &len,
						 0),
				 -TERN_EBADF);
		assert_int_equal(tern_setsockopt(k.st, s, 1, 2, &value, 4, 0),
				 -TERN_EBADF);
		assert_int_equal(tern_ioctl(k.st, s, TERN_SIOCINQ, &value, 0),
				 -TERN_EBADF);
		assert_int_equal(tern_poll(k.st, s), 0);
	}
}

static void the_lowest_free_number_is_given(void **state)
{
	int i;

	for (i = 0; i < 5; i++)
		assert_int_equal(
			tern_socket(k.st, TERN_AF_INET, 1 + i % 2, 0, 0), i);
	assert_int_equal(tern_close(k.st, 3, 0), 0);
	assert_int_equal(tern_close(k.st, 1, 0), 0);
	assert_int_equal(tern_close(k.st, 1, 0), -TERN_EBADF);
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, 1, 0, 0), 1);
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, 1, 0, 0), 3);
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, 1, 0, 0), 5);
}

static void each_socket_is_listed_once(void **state)
{
	bool seen[7] = { false };
	struct tern_sock_info info;
	uint64_t cursor = 0;
	int i, n = 0;

	for (i = 0; i < 7; i++)
		tern_socket(k.st, TERN_AF_INET, 1 + i % 2, 0, 0);
	while (tern_sock_next(k.st, &cursor, &info)) {
		assert_in_range(info.s, 0, 6);
		assert_false(seen[info.s]);
		seen[info.s] = true;
		assert_int_equal(info.protocol, info.s % 2 ? 17 : 6);
		n++;
	}
	assert_int_equal(n, 7);
	assert_false(tern_sock_next(k.st, &cursor, &info));
}

static void sockets_are_counted_by_kind_in_steps(void **state)
{
	struct tern_sock_counts sum = { 0 };
	uint64_t cursor = 0;
	int i, n_steps = 1;

	for (i = 0; i < 3; i++)
		tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	for (i = 0; i < 2; i++)
		tern_listen(k.st,
			    tern_socket(k.st, TERN_AF_INET6, TERN_SOCK_STREAM,
					0, 0),
			    5, 0);
	tern_socket(k.st, TERN_AF_INET6, TERN_SOCK_DGRAM, 0, 0);
	while (tern_sock_count(k.st, &cursor, 2, &sum))
		n_steps++;
	assert_int_equal(n_steps, 4); /* the last finds the end */
	assert_int_equal(sum.states[TERN_TCP_CLOSE], 3);
	assert_int_equal(sum.states[TERN_TCP_LISTEN], 2);
	assert_int_equal(sum.tcp[0], 0);
	assert_int_equal(sum.tcp[1], 2);
	assert_int_equal(sum.udp[0], 0);
	assert_int_equal(sum.udp[1], 1);
	assert_int_equal(sum.orphans, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)
	const struct CMUnitTest tests[] = {
		CASE(kinds_of_sockets_are_linuxs),
		CASE(kinds_of_addresses_are_linuxs),
		CASE(an_address_left_zero_is_any),
		CASE(an_ipv6_address_is_no_ipv4_address),
		CASE(a_socket_tells_what_it_is),
		CASE(a_level_is_a_protocols),
		CASE(datagrams_are_not_listened_for),
		CASE(what_is_no_argument_is_refused),
		CASE(a_number_not_in_use_is_no_socket),
		CASE(the_lowest_free_number_is_given),
		CASE(each_socket_is_listed_once),
		CASE(sockets_are_counted_by_kind_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
