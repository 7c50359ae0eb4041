// SPDX-License-Identifier: BSD-2-Clause
#include "fuzz_kit.h"

#include <stdio.h>
#include <stdlib.h>

/* Operations of one input: what more could show shows in another. */
#define MOST_OPS 400
/* No one allocation is larger, whatever a damaged record says. */
#define MOST_BYTES (16u << 20)

_Noreturn void fuzz_die(const char *what, const char *file, int line)
{
	fflush(stdout);
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

uint8_t fuzz_u8(struct fuzz *f)
{
	return f->p < f->end ? *f->p++ : 0;
}

uint16_t fuzz_u16(struct fuzz *f)
{
	uint16_t hi = fuzz_u8(f);

	return (uint16_t)(hi << 8 | fuzz_u8(f));
}

uint32_t fuzz_u32(struct fuzz *f)
{
	uint32_t hi = fuzz_u16(f);

	return hi << 16 | fuzz_u16(f);
}

uint32_t fuzz_len(struct fuzz *f, uint32_t most)
{
	uint8_t b = fuzz_u8(f);

	if (b < 0xc0)
		return min_u32(b, most);
	return (b < 0xf0 ? fuzz_u16(f) : fuzz_u32(f)) % (most + 1);
}

uint32_t fuzz_near(struct fuzz *f)
{
	uint8_t b = fuzz_u8(f);

	if (b < 0xa0)
		return 0;
	if (b < 0xd0)
		return (uint32_t)(int8_t)fuzz_u8(f);
	if (b < 0xf8)
		return (uint32_t)(int16_t)fuzz_u16(f);
	return fuzz_u32(f);
}

void fuzz_fill(struct fuzz *f, uint8_t *out, size_t n)
{
	while (n--)
		*out++ = fuzz_u8(f);
}

int fuzz_sock(struct fuzz *f)
{
	uint8_t b = fuzz_u8(f);

	/* Seldom a number that is no socket's. */
	if (b >= 0xf8)
		return (int8_t)b;
	return f->n_socks ? f->socks[b % min_u32(f->n_socks, FUZZ_SOCKETS)] :
			    -1;
}

struct flow *fuzz_flow(struct fuzz *f)
{
	uint8_t b = fuzz_u8(f);

	if (!f->n_flows)
		return NULL;
	/* 0 is the one that spoke last. */
	b = (uint8_t)(f->n_flows - 1 - b % min_u32(f->n_flows, FUZZ_FLOWS));
	return &f->flows[b % FUZZ_FLOWS];
}

struct tern_addr fuzz_us(bool v6)
{
	struct tern_addr a = { { 0xfd, [15] = 1 } };

	return v6 ? a : tern_addr_v4(10, 0, 0, 1);
}

struct tern_addr fuzz_peer(bool v6)
{
	struct tern_addr a = { { 0xfd, [15] = 2 } };

	return v6 ? a : tern_addr_v4(10, 0, 0, 2);
}

struct tern_addr fuzz_addr(struct fuzz *f, bool v6)
{
	uint8_t b = fuzz_u8(f);
	struct tern_addr a = { { 0 } };

	if (b < 0x60)
		return fuzz_us(v6);
	if (b < 0xb0)
		return fuzz_peer(v6);
	if (b < 0xd0)
		return v6 ? a : tern_addr_v4(0, 0, 0, 0);
	if (b < 0xe8) {
		a.b[15] = 1;
		return v6 ? a : tern_addr_v4(127, 0, 0, 1);
	}
	if (b < 0xf0)
		return v6 ? (struct tern_addr){ { 0xff, 2, [15] = 1 } } :
			    tern_addr_v4(224, 0, 0, fuzz_u8(f));
	fuzz_fill(f, a.b, 16);
	return a;
}

static void *take(void *ctx, size_t size)
{
	struct fuzz *f = ctx;
	void *p;

	MUST(size > 0);
	if (size > MOST_BYTES)
		return NULL;
	if (f->fail_in && --f->fail_in == 0 && f->fail_n) {
		f->fail_n--;
		f->fail_in = 1;
		f->has_failed = true;
		return NULL;
	}
	p = malloc(size);
	MUST(p);
	memset(p, 0xa5, min_size(size, 4096));
	f->used += size;
	return p;
}

static void give(void *ctx, void *p, size_t size)
{
	struct fuzz *f = ctx;

	MUST(p && f->used >= size);
	f->used -= size;
	free(p);
}

static void keep(void *ctx, const void *bytes, size_t len)
{
	struct fuzz *f = ctx;

	if (f->record_len + len > f->record_cap) {
		f->record_cap = 2 * (f->record_len + len);
		f->record = realloc(f->record, f->record_cap);
		MUST(f->record);
	}
	memcpy(f->record + f->record_len, bytes, len);
	f->record_len += len;
}

void fuzz_open(struct fuzz *f, const uint8_t *data, size_t len)
{
	const struct tern_link_config link = { .name = "net", .mtu = 1500 };
	struct tern_config cfg = { .alloc = { f, take, give } };
	uint8_t how;

	*f = (struct fuzz){
		.p = data,
		.end = data + len,
		.records = f->records,
		.most_mtu = 1500,
	};
	how = fuzz_u8(f);
	cfg.plain_alloc = !(how & 1);
	cfg.max_sockets = FUZZ_SOCKETS + 8;
	if (how & 2)
		cfg.max_memory = 1u << 20;
	f->records |= how & 4;
	if (f->records) {
		cfg.record = keep;
		cfg.record_ctx = f;
	}
	f->pool = tern_pool_new(&cfg.alloc);
	f->st = tern_stack_new(&cfg, 0);
	MUST(f->pool && f->st);
	f->link = tern_link_add(f->st, &link, 0);
	MUST(f->link > 0);
	for (int v6 = 0; v6 < 2; v6++) {
		struct tern_addr a = fuzz_us(v6);

		MUST(!tern_addr_add(f->st, f->link, &a, v6 ? 64 : 24, 0));
	}
}

static void show_again(void *ctx, int link, bool out,
		       const struct tern_pkt *pkt, int64_t now)
{
	fuzz_show(ctx, out ? "again: out" : "again: in ", pkt);
}

struct tern_replay fuzz_replay_of(struct fuzz *f)
{
	return (struct tern_replay){
		.alloc = { f, take, give },
		.bytes = f->record,
		.len = f->record_len,
		.until = TERN_NEVER,
		.each = f->show ? show_again : NULL,
		.ctx = f,
	};
}

void fuzz_replay(struct fuzz *f)
{
	struct tern_replay r = fuzz_replay_of(f);
	int err;

	if (f->records && !f->has_failed) {
		err = tern_stack_replay(&r);
		if (f->show && err)
			printf("replay: %s at byte %zu of %zu\n",
			       tern_error_name(err), r.differs_at, r.len);
		MUST(!err && f->used == 0);
	}
	free(f->record);
}

void fuzz_close(struct fuzz *f)
{
	f->fail_in = 0;
	tern_stack_free(f->st);
	f->st = NULL;
	tern_pool_free(f->pool);
	MUST(f->used == 0);
}

static void step(struct fuzz *f)
{
	int i = fuzz_u8(f) % (fuzz_n_packet_ops + fuzz_n_socket_ops);
	const struct fuzz_op *op =
		i < fuzz_n_packet_ops ? &fuzz_packet_ops[i] :
					&fuzz_socket_ops[i - fuzz_n_packet_ops];

	if (f->show)
		printf("%.6f %s (record %zu)\n", (double)f->now / 1e9, op->name,
		       f->record_len);
	op->run(f);
	fuzz_drain(f);
	fuzz_check(f);
}

void fuzz_run(struct fuzz *f)
{
	int ops = 0;

	f->show = getenv("FUZZ_SHOW");
	while (f->p < f->end && ops++ < MOST_OPS)
		step(f);
}

void fuzz_time(struct fuzz *f, int64_t at)
{
	int64_t due;
	int rounds = 0;

	f->now = max_i64(f->now, at);
	/* Each timer once; and none may be due again at once, for ever. */
	do {
		tern_stack_advance(f->st, f->now);
		due = tern_stack_deadline(f->st);
		MUST(++rounds < 1000);
	} while (due <= f->now && !f->deaf);
}
