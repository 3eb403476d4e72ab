/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signed statements: certificates of hosts, lists of revoked ones, tickets.
 * They are text files of one form, secmig-statement(5):
 *
 *     secmig-ticket 1                      type and version
 *     KEY = VALUE                          one or more, in the type's order
 *                                          one empty line
 *     untrusted comment: ...               a minisign signature over all
 *     BASE64                               bytes before the empty line, the
 *     trusted comment: ...                 last newline among them
 *     BASE64
 *
 * The type line is signed with the rest, so that a statement of one type is
 * never taken for one of another; and no XML document, which is what the same
 * keys sign otherwise, begins like this.  The signature is verified before a
 * line is looked at.
 *
 * Nothing here allocates or does I/O: the functions run in sandboxes.
 */
#ifndef SM_TRUST_STATEMENT_H
#define SM_TRUST_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "trust/minisign.h"

#define SM_STATEMENT_MAX 8192           /* bytes of a statement, ... */
#define SM_STATEMENT_LONG_MAX 65536     /* ... of a list of revocations */
#define SM_STATEMENT_WORD_SIZE (SM_CONF_NAME_MAX + 1)
#define SM_STATEMENT_WHY_SIZE 192       /* enough for any reason from here */

/* A key in the form in which the policy compares keys: the minisign key id,
 * then the key. */
#define SM_STATEMENT_SIGNER_LEN (SM_MINISIGN_ID_LEN + SM_MINISIGN_KEY_LEN)

/* A statement taken apart; points into its text. */
struct sm_statement {
    const char *body;           /* what is signed: whole lines */
    size_t body_len;
    struct sm_minisign_signature signature;
    uint8_t signer[SM_STATEMENT_SIGNER_LEN];    /* zero until it is
                                                 * verified */
};

/*
 * Take a statement apart without believing it.  The body must be lines of
 * printable ASCII, each with its newline, none empty; no carriage return, no
 * NUL; the signature four lines with their newlines, comments of clean text
 * (sm_wire_text_ok(), tabs excepted); nothing after it.
 *   text, len  hostile; no NUL needed; must outlive *out
 *   max        bytes of the longest one that is accepted
 *   out        filled in on success, zeroed on error
 *   why        out: `why_size` bytes, the reason in words ("" on success)
 * Returns 0 or SM_PROTOCOL.
 */
int sm_statement_split(const void *text, size_t len, size_t max,
                       struct sm_statement *out, char *why, size_t why_size)
    SM_WARN_UNUSED;

/*
 * The same of a text that nobody has signed: a body and nothing after it.
 * `signature` and `signer` stay zero.  Returns 0 or SM_PROTOCOL.
 */
int sm_statement_unsigned(const void *text, size_t len, size_t max,
                          struct sm_statement *out,
                          char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * How long the first of several statements is that stand one after the
 * other: up to the fourth line end after its empty line; `len` when there is
 * no such place.  Nothing is checked.
 */
size_t sm_statement_length(const void *text, size_t len);

/*
 * As sm_statement_split(), then verify the signature.
 *   keys, n_keys  the keys that may have signed it; none may be given
 *   which         out: index of the one that has; NULL: not wanted
 * Returns 0; SM_PROTOCOL as sm_statement_split(); SM_AUTH when none of the
 * keys has signed it or the signature is wrong.
 */
int sm_statement_verify(const void *text, size_t len, size_t max,
                        const struct sm_minisign_public *keys, size_t n_keys,
                        struct sm_statement *out, size_t *which,
                        char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Sign a body and write the whole statement.
 *   secret   of sm_minisign_keygen(), in locked memory; only read
 *   body     NUL-terminated, as sm_statement_split() wants it
 *   comment  trusted comment, see sm_minisign_sign()
 *   out      `size` bytes, NUL added
 * Returns 0, or SM_USAGE when body or comment are not well formed or `size`
 * is too small.
 */
int sm_statement_sign(const uint8_t secret[static SM_MINISIGN_SECRET_LEN],
                      const char *body, const char *comment,
                      char *out, size_t size) SM_WARN_UNUSED;

/* Whether the first line is "TYPE 1". */
bool sm_statement_is(const struct sm_statement *s, const char *type);

/* ---- reading the lines ---- */

struct sm_statement_field {
    const char *key;
    bool optional;
    const char *value;          /* out: into the text, without NUL; NULL when
                                 * the line is not there */
    size_t len;                 /* out: at least 1 when it is there */
};

/*
 * Find the lines of a statement.  Each is "KEY = VALUE" with just one space
 * on both sides of the "="; keys come in the order of `fields`, none twice,
 * none that is not in `fields`, all but the optional ones.  A value neither
 * begins nor ends with a space.
 *   type    first word of the first line; version 1 is known
 *   fields  `n` of them, NULL and 0 in value and len
 * Returns 0 or SM_PROTOCOL, the reason in `why` with the line's number.
 */
int sm_statement_fields(const struct sm_statement *s, const char *type,
                        struct sm_statement_field *fields, size_t n,
                        char *why, size_t why_size) SM_WARN_UNUSED;

/* Values.  Each returns whether the field (which is there) holds one. */

/* A word that sm_conf_name_ok() accepts, into `out` with a NUL. */
bool sm_statement_word(const struct sm_statement_field *f,
                       char out[static SM_STATEMENT_WORD_SIZE]);

/* Likewise the next of several words with one space between them.  *pos
 * begins with 0; the value is used up when *pos is f->len. */
bool sm_statement_next_word(const struct sm_statement_field *f, size_t *pos,
                            char out[static SM_STATEMENT_WORD_SIZE]);

/* A time of sm_clock_parse(). */
bool sm_statement_time(const struct sm_statement_field *f, int64_t *out);

/*
 * Whether `now` is in [not_before, not_after], and say otherwise in `why`
 * ("not valid before ...", "expired on ...").
 */
bool sm_statement_valid(int64_t not_before, int64_t not_after, int64_t now,
                        char *why, size_t why_size);

/* ---- writing the lines ---- */

struct sm_statement_writer {
    char *out;
    size_t size, len;
    bool full;
};

/* Begin a body of `type` in `size` bytes at `out`, kept NUL-terminated. */
void sm_statement_begin(struct sm_statement_writer *w, char *out, size_t size,
                        const char *type);

/* Append; after the first text that does not fit nothing more is. */
void sm_statement_add(struct sm_statement_writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
