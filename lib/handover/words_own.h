/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What words*.c share, and nobody else sees. */
#ifndef SM_HANDOVER_WORDS_OWN_H
#define SM_HANDOVER_WORDS_OWN_H

#include "handover/words.h"

/* Text that grows. */
struct text {
    char *out;
    size_t size, len;
};

/* What does not fit is cut. */
void sm_words_put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The text, or "?" if it is none; the guest's name, "-" if it has none. */
const char *sm_words_clean(const char *s);
const char *sm_words_guest(const struct sm_handover_record *r);

/* How it stands. */
void sm_words_stands(struct text *t, const struct sm_handover_record *r,
                     const struct sm_handover_now *now);
/* Of a fenced one: whether it could be that word that has decided it.  Else the
 * guest was the other host's anyway. */
bool sm_words_fence_decided(const struct sm_handover_record *r);
/* Whether anything happens by itself, and what. */
bool sm_words_has_next(const struct sm_handover_record *r);
void sm_words_next(struct text *t, const struct sm_handover_record *r,
                   const struct sm_handover_now *now);

/* Most of these files is such calls. */
#define put(...) sm_words_put(__VA_ARGS__)
#define clean(s) sm_words_clean(s)
#define guest(r) sm_words_guest(r)
#define stands(...) sm_words_stands(__VA_ARGS__)
#define has_next(r) sm_words_has_next(r)
#define next(...) sm_words_next(__VA_ARGS__)

#endif
