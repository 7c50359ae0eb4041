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
};

struct control_message {
	const char *name;
	const char *help;
	/* The next row (a new reference), or NULL at the end. */
	json_t *(*next)(struct control_question *);
};

/* NULL: no such question. */
const struct control_message *control_message_find(const char *name);

#endif
