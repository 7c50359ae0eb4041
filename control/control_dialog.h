// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client of the control socket, as its server keeps it.
 *
 * Invariants:
 *	1 an answer is under way exactly while `message` is not NULL
 *	2 while an answer is under way no question is read
 */
#ifndef TERN_CONTROL_DIALOG_H
#define TERN_CONTROL_DIALOG_H

#include "control/control_links.h"
#include "control/control_messages.h"
#include "control/control_owner.h"
#include "control/control_path.h"

#define CONTROL_MAX_STREAMS 8 /* answers at a time that stream */
#define CONTROL_IN_LEN 8192   /* a question: a name and a value or two */

/* What all clients of a server share. */
struct control_dialogs {
	struct host *host;
	char name[CONTROL_NAME_MAX + 1];
	struct control_owners owners; /* inode NULL: nobody knows */
	struct control_links links;   /* impair NULL: none */
	const char *hosts;
	int n_streams; /* answers under way that stream */
};

struct control_dialog {
	struct control_dialogs *all;
	int fd; /* -1: nobody is here */
	char in[CONTROL_IN_LEN];
	size_t in_len;
	char *out;
	size_t out_len, out_done;
	const struct control_message *message;
	struct control_question question;
	bool prepared;	  /* the question is */
	bool closing;	  /* once all is written */
	bool said_all;	  /* it will not ask again */
	int64_t moved_at; /* bytes went from or to it */
	int waking;	  /* a timer of the host's; negative: none */
};

void control_dialog_init(struct control_dialog *d, struct control_dialogs *all);

/* Takes over `fd`, which does not block. One that is not the owner's, or that
 * there is no memory for, is hung up on. */
void control_dialog_begin(struct control_dialog *d, int fd);
void control_dialog_drop(struct control_dialog *d);

/* Who may lose his place, by how little is lost: 2 not at all. A reader that
 * does not read need not have left anything in our buffer: the kernel's may just
 * have held it. */
int control_dialog_claim(const struct control_dialog *d);

#endif
