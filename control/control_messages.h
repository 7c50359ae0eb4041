// SPDX-License-Identifier: BSD-2-Clause
/* The questions that a control socket answers. */
#ifndef CONTROL_CONTROL_MESSAGES_H
#define CONTROL_CONTROL_MESSAGES_H

#include "control/control.h"

/* A question under way. */
struct control_question {
	struct host *host;
	const char *name; /* the host's */
	json_t *args;	  /* object, or NULL */
	uint64_t cursor;  /* 0 at first; what it counts is the message's */
	int error;	  /* -errno, set by the message to fail */
	void *state;	  /* freed at the end; NULL at first */
	const struct control_owners *owners;
	const struct control_links *links;
	const char *why;   /* (optional) instead of the error's text */
	const char *hosts; /* lines as of /etc/hosts, or NULL */
	bool finished;	   /* in one that streams: what is there, and an end */
	/* There are rows again, in an answer that streams. */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

struct control_message {
	const char *name;
	const char *help;
	/* The next row (a new reference), or NULL at the end. */
	json_t *(*next)(struct control_question *);
	/* Or, instead: as many records as there are and have room. Returns
	 * bytes, and the size of one in *record; 0 at the end. */
	size_t (*fill)(struct control_question *, void *room, size_t len,
		       size_t *record);
	/* (optional) Some work towards the first row; false: there is more. */
	bool (*prepare)(struct control_question *);
	/* fill and next are to be asked again once they have said wake: the
	 * answer ends when its reader hangs up, or has said all it will say.
	 * close undoes what the first next did. */
	bool streams;
	void (*close)(struct control_question *);
};

/* control_sockets.c */
size_t control_fill_sockets(struct control_question *, void *room, size_t len,
			    size_t *record);
bool control_prepare_summary(struct control_question *);
json_t *control_next_summary(struct control_question *);
json_t *control_next_kill(struct control_question *);

/* control_trace.c */
json_t *control_next_trace(struct control_question *);
void control_close_trace(struct control_question *);

/* control_capture.c */
size_t control_fill_capture(struct control_question *, void *room, size_t len,
			    size_t *record);
json_t *control_next_capture(struct control_question *);
void control_close_capture(struct control_question *);

/* control_names.c */
json_t *control_next_link(struct control_question *);
json_t *control_next_name(struct control_question *);

/* NULL: no such question. */
const struct control_message *control_message_find(const char *name);

#endif
