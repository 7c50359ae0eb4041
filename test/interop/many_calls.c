// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket calls from many threads, and under a storm of signals: what a program
 * in C does that a Python one cannot.
 *
 *	many_calls threads	four threads accept on one listener, two of
 *				them with an address and two without
 *	many_calls signals	each call may be interrupted and is made again
 *	many_calls restart	the same with SA_RESTART: none is interrupted
 *
 * Prints what it has counted, the same on any kernel; exits with 1 at the first
 * thing that is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define N_THREADS 4
#define N_CONNECTIONS 500
#define N_EXCHANGES 150

/* Often enough to hit every call, seldom enough for each to come through. */
#define SIGNAL_EVERY_US 400

static int listener;
static struct sockaddr_in here;
static long n_interrupted;

#define AGAIN(call)                                              \
	({                                                       \
		long result_;                                    \
		while ((result_ = (call)) < 0 && errno == EINTR) \
			n_interrupted++;                         \
		result_;                                         \
	})

static void must(int holds, const char *what)
{
	if (holds)
		return;
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void open_listener(void)
{
	socklen_t len = sizeof(here);

	here.sin_family = AF_INET;
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(listener, (void *)&here, len) == 0, "bind");
	must(listen(listener, 64) == 0, "listen");
	must(getsockname(listener, (void *)&here, &len) == 0, "getsockname");
}

/* One connection's request: echoed, unless it is to quit. */
static int serve(int s)
{
	char word[16];
	long n = AGAIN(read(s, word, sizeof(word)));

	must(n > 0, "the server's read");
	if (word[0] != 'q')
		must(AGAIN(write(s, word, (size_t)n)) == n,
		     "the server's write");
	close(s);
	return word[0] != 'q';
}

static void *accept_many(void *with_address)
{
	struct sockaddr_in peer, told;
	int s, more;

	do {
		socklen_t len = sizeof(peer), told_len = sizeof(told);

		if (with_address)
			s = (int)AGAIN(accept4(listener, (void *)&peer, &len,
					       SOCK_CLOEXEC));
		else
			s = (int)AGAIN(accept(listener, NULL, NULL));
		must(s >= 0, "accept");
		if (with_address) {
			must(AGAIN(getpeername(s, (void *)&told, &told_len)) ==
				     0,
			     "getpeername");
			must(told.sin_port == peer.sin_port, "the peer");
		}
		more = serve(s);
	} while (more);
	return NULL;
}

/* Interrupted, a connect goes on by itself: asking again tells how. The call has
 * three arguments; what else the registers hold changes from try to try. */
static int connect_again(int s)
{
	for (long try = 0;
	     syscall(SYS_connect, s, &here, sizeof(here), try, try, try) < 0;
	     try++) {
		if (errno == EISCONN)
			return 0;
		if (errno != EINTR && errno != EALREADY)
			return -1;
		n_interrupted++;
	}
	return 0;
}

static void ask(const char *word, int wants_answer)
{
	size_t len = strlen(word);
	char got[16];
	int one = 1, s = (int)AGAIN(socket(AF_INET, SOCK_STREAM, 0));

	must(s >= 0, "socket");
	must(connect_again(s) == 0, "connect");
	must(AGAIN(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one,
			      sizeof(one))) == 0,
	     "setsockopt");
	must(AGAIN(write(s, word, len)) == (long)len, "write");
	if (wants_answer) {
		must(AGAIN(read(s, got, sizeof(got))) == (long)len, "read");
		must(!memcmp(got, word, len), "the answer");
	}
	close(s);
}

static void run_threads(void)
{
	pthread_t threads[N_THREADS];
	char word[16];

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, accept_many,
			       i % 2 ? &listener : NULL);
	for (int i = 0; i < N_CONNECTIONS; i++) {
		snprintf(word, sizeof(word), "m%d", i);
		ask(word, 1);
	}
	for (int i = 0; i < N_THREADS; i++)
		ask("quit", 0);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d connections, %d threads\n", N_CONNECTIONS, N_THREADS);
}

/* A datagram may be lost, as an answer to recvfrom() may that a signal hides
 * (doc/runner.md): what has not come after a while is sent again, by a thread
 * that no signal meets. */
static struct {
	pthread_mutex_t lock;
	int u, n; /* the n-th is under way */
	struct sockaddr_in to;
	char word[16];
} mail = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *send_again(void *ctx)
{
	int seen = 0, is_over = 0;

	while (!is_over) {
		usleep(200000);
		pthread_mutex_lock(&mail.lock);
		is_over = mail.n < 0;
		if (!is_over && mail.n == seen)
			sendto(mail.u, mail.word, strlen(mail.word), 0,
			       (void *)&mail.to, sizeof(mail.to));
		seen = mail.n;
		pthread_mutex_unlock(&mail.lock);
	}
	return NULL;
}

static void post(int n, const char *word)
{
	pthread_mutex_lock(&mail.lock);
	mail.n = n;
	snprintf(mail.word, sizeof(mail.word), "%s", word);
	pthread_mutex_unlock(&mail.lock);
}

static pthread_t start_sending(int u, const struct sockaddr_in *to)
{
	sigset_t all, before;
	pthread_t thread;

	mail.u = u;
	mail.to = *to;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_create(&thread, NULL, send_again, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return thread;
}

/* To oneself and back. */
static void exchange_datagram(int u, struct sockaddr_in *to, const char *word)
{
	size_t len = strlen(word);
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	char got[16];

	must(AGAIN(sendto(u, word, len, 0, (void *)to, sizeof(*to))) ==
		     (long)len,
	     "sendto");
	/* An answer that a signal hid may come twice: datagrams may. */
	do
		must(AGAIN(recvfrom(u, got, sizeof(got), 0, (void *)&from,
				    &from_len)) > 0,
		     "recvfrom");
	while (memcmp(got, word, len) != 0);
	must(from.sin_port == to->sin_port, "whom it is from");
}

static void on_alarm(int sig)
{
}

static void run_signals(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval every = { { 0, SIGNAL_EVERY_US },
				   { 0, SIGNAL_EVERY_US } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sockaddr_in mine = here;
	socklen_t len = sizeof(mine);
	pthread_t server, sender;
	char word[16];
	int u = socket(AF_INET, SOCK_DGRAM, 0);

	mine.sin_port = 0;
	must(bind(u, (void *)&mine, sizeof(mine)) == 0, "bind of UDP");
	must(getsockname(u, (void *)&mine, &len) == 0, "getsockname of UDP");
	pthread_create(&server, NULL, accept_many, &listener);
	sender = start_sending(u, &mine);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (int i = 0; i < N_EXCHANGES; i++) {
		snprintf(word, sizeof(word), "m%d", i);
		ask(word, 1);
		post(i + 1, word);
		exchange_datagram(u, &mine, word);
	}
	post(-1, "");
	setitimer(ITIMER_REAL, &never, NULL);
	ask("quit", 0);
	pthread_join(server, NULL);
	pthread_join(sender, NULL);
	if (flags)
		must(n_interrupted == 0, "a call failed with EINTR");
	printf("%d exchanges\n", N_EXCHANGES);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	open_listener();
	if (!strcmp(what, "threads"))
		run_threads();
	else if (!strcmp(what, "signals"))
		run_signals(0);
	else if (!strcmp(what, "restart"))
		run_signals(SA_RESTART);
	else
		return 2;
	return 0;
}
