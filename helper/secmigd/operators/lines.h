/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of text for an operator, of the request that is being handled: there
 * is one at a time.  At most FRAME_OUTPUT_MAX bytes; says so where it ends
 * early.
 */
#ifndef SM_OPERATORS_LINES_H
#define SM_OPERATORS_LINES_H

#include <stddef.h>

struct operate;

/* No lines yet. */
void lines_begin(void);

/* One more, or several, which are put whole or not at all. */
void lines_put(const char *text);

/* All of them, with '\n' behind each; valid until the next is put. */
const char *lines_text(void);
size_t lines_len(void);

/* Send them as the answer. */
void lines_output(struct operate *o);

/*
 * Send them as one line, as the client's last word.
 *   code  0 or an error
 *   rule  that has decided; may be ""
 */
void lines_finish(struct operate *o, int code, const char *rule);

#endif
