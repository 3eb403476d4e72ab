/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words, patterns and paths of the policy language.
 *
 * Patterns know two special characters and no escape: "*" for any run of
 * characters, "?" for exactly one (byte).  There are two kinds:
 *   text  "*" and "?" stand for any character: names of guests
 *   path  "*" and "?" never stand for "/": everything that names something
 *         on the host
 */
#ifndef SM_POLICY_MATCH_H
#define SM_POLICY_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_POLICY_ID_MAX 64

/* Whether `s` is an id: letters, digits, ".", "_" and "-", the first neither
 * "." nor "-"; 1 to SM_POLICY_ID_MAX characters.  Names of hosts are ids
 * (sm_conf_name_ok()). */
bool sm_policy_id_ok(const char *s);

/* Whether all of `text` matches.  Time is at most the product of the two
 * lengths. */
bool sm_policy_match_text(const char *pattern, const char *text);
bool sm_policy_match_path(const char *pattern, const char *text);

/*
 * Whether `s` is a path that means what it says: absolute, no empty, "." or
 * ".." component, no "/" at the end, and only letters, digits and
 * "/ . _ + : @ = ~ -".  Excluded on purpose: "," which would add options to
 * a QEMU command line (libxl does not escape it), white space and what a
 * shell could act on.
 *   wild  whether "*" and "?" are characters too (a pattern)
 * Symbolic links are not looked at: this is about names, and about another
 * time than that of the use.
 */
bool sm_policy_path_ok(const char *s, bool wild);

/* Whether `s` is one word of letters, digits and "/ . _ + : @ = ~ -",
 * possibly empty: what may stand in one option of a command line. */
bool sm_policy_word_ok(const char *s);

/* Whether `s` is the name of a Unix account: 1 to 64 letters, digits and
 * "_ . @ $ -", the first a letter, a digit or "_". */
bool sm_policy_account_ok(const char *s);

/* Decimal digits only, at most `max`; no sign, no leading zero. */
bool sm_policy_number(const char *s, uint64_t max, uint64_t *out);

/* "64 GiB", "512MiB": KiB, MiB, GiB or TiB, a space or none; in KiB. */
bool sm_policy_memory(const char *s, uint64_t *kb);

/* 8-4-4-4-12 hexadecimal digits, either case. */
bool sm_policy_uuid(const char *s, uint8_t out[static 16]);

#endif
