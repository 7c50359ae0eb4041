// SPDX-License-Identifier: BSD-2-Clause
/* What a run shows: the ladder, the explanation, the verdict; or JSON. */
#ifndef LAB_SHOW_H
#define LAB_SHOW_H

#include "ladder.h"
#include "lab_run.h"

struct lab_view {
	struct ladder_style style; /* width 0: nothing is shown */
	enum lab_lang lang;
};

/* The ladder alone. */
void lab_show_ladder(struct drill_text *, struct lab_run *,
		     const struct lab_view *);
/* Title and question. */
void lab_show_head(struct drill_text *, const struct lab_run *,
		   const struct lab_view *);
/* Title, ladder, explanation, verdict. */
void lab_show(struct drill_text *, struct lab_run *, const struct lab_view *);
/* All events and the verdict as one JSON object. */
void lab_show_json(struct drill_text *, struct lab_run *);
/* In the language asked for, or in the one there is; NULL. */
const char *lab_show_text(const char *const texts[LAB_N_LANGS], enum lab_lang);

#endif
