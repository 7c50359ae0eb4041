// SPDX-License-Identifier: BSD-2-Clause
/*
 * The least program that embeds libtern: one stack, a TCP connection to
 * itself over the loopback, and a clock that jumps from one deadline to the
 * next. There is no socket, no thread and no timer of the system's in it.
 *
 *	cc hello_stack.c $(pkg-config --cflags --libs tern)
 */
#include <stdio.h>
#include <stdlib.h>
#include <tern/stack.h>

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	free(ptr);
}

static struct tern_stack *new_stack(void)
{
	struct tern_config config = {
		.seed = { 1, 2, 3 }, /* real programs: sixteen secret bytes */
		.alloc = { NULL, give, take },
	};

	return tern_stack_new(&config, 0);
}

int main(void)
{
	struct tern_stack *stack = new_stack();
	struct tern_sockaddr here = {
		.addr = tern_addr_v4(127, 0, 0, 1),
		.family = TERN_AF_INET,
		.port = 7,
	};
	int64_t now = 0, n = -TERN_EAGAIN;
	int listener, client, peer = -1;
	char got[32];

	listener = tern_socket(stack, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	client = tern_socket(stack, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	tern_bind(stack, listener, &here, now);
	tern_listen(stack, listener, 1, now);
	tern_connect(stack, client, &here, now);

	while (n == -TERN_EAGAIN && now < TERN_NEVER) {
		tern_stack_advance(stack, now);
		if (peer < 0)
			peer = tern_accept(stack, listener, NULL, now);
		if (peer >= 0 && tern_poll(stack, client) & TERN_POLLOUT)
			tern_send(stack, client, "hello, tern\n", 12, 0, now);
		if (peer >= 0)
			n = tern_recv(stack, peer, got, sizeof(got), 0, now);
		now = tern_stack_deadline(stack);
	}
	if (n > 0)
		fwrite(got, 1, (size_t)n, stdout);
	else
		fprintf(stderr, "nothing came: %s\n", tern_error_name((int)n));
	tern_stack_free(stack);
	return n > 0 ? 0 : 1;
}
