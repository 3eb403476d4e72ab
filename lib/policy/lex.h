/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks on the raw bytes of a document, before libxml2 sees them.
 *
 * Accepted is a small subset of XML 1.0 that libxml2 cannot read in another
 * way than this scanner does: an optional XML declaration, tags, white space
 * between them and comments.  Nothing that XML offers beyond that is needed,
 * because everything is said in attributes.
 *
 * Comments are permitted although they are refused by some: they cannot
 * change what a document says, since it has no text content that a comment
 * could split, and they cannot occur inside a tag.  They may not contain
 * "<", so that every "<" of a document is markup to every reader, and a rule
 * that is commented out cannot be mistaken for one that is in force.
 */
#ifndef SM_POLICY_LEX_H
#define SM_POLICY_LEX_H

#include <stddef.h>

#include "base/err.h"

#define SM_POLICY_LEX_DEPTH_MAX     8       /* nested elements */
#define SM_POLICY_LEX_ELEMENTS_MAX  (512 * 1024)
#define SM_POLICY_LEX_TAG_MAX       4096    /* bytes from "<" to ">" */
#define SM_POLICY_LEX_ATTRS_MAX     16      /* in one tag */

/*
 * Scan `len` bytes at `xml` (the size cap is the caller's).
 *   lines   out: for each element, in the order of their start tags, the
 *           line that the tag starts in; to be freed.  May be NULL; *lines is
 *           NULL on error
 *   n_lines out: how many; may be NULL when lines is
 *   line    out: line of the error, from 1
 *   why     out: the reason in words
 * Refused: bytes that are not clean UTF-8 (a byte order mark, NUL, control
 * and bidirectional characters too), DOCTYPE, CDATA, processing
 * instructions, XML other than 1.0, an encoding other than UTF-8, text
 * between tags, numeric character references and entities other than the
 * five of XML, attribute values with characters other than printable ASCII
 * (reason excepted), tags that do not nest, anything after the root, and
 * what is over a cap.
 * Returns 0, SM_POLICY or SM_NO_MEMORY.
 */
int sm_policy_lex(const void *xml, size_t len, unsigned int **lines,
                  size_t *n_lines, unsigned int *line, char *why,
                  size_t why_size) SM_WARN_UNUSED;

#endif
