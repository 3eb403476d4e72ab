/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments of verbs with many options: "--name VALUE", each once unless it
 * is a list, in any order among the other words.
 */
#ifndef SM_SECMIG_ARGUMENTS_H
#define SM_SECMIG_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One option: with a value, without one, or with several. */
struct sm_argument {
    const char *name;           /* "--valid" */
    const char **value;         /* NULL in, not given twice */
    bool *flag;
    const char **list;          /* at most `list_max` of them */
    size_t list_max, *n_list;
};

/*
 * Sort arguments.
 *   argc, argv  from the (sub-)verb itself on: argv[0] is its name
 *   options     `n` of them
 *   words       out: what is no option, at most `max`; *n_words of them
 * Returns 0, or SM_CLI_USAGE: an option that is unknown or given twice, a
 * value that is missing, too many words.
 */
int sm_arguments_sort(int argc, char **argv,
                      const struct sm_argument *options, size_t n,
                      const char **words, size_t max, size_t *n_words)
    SM_WARN_UNUSED;

/*
 * "90m", "12h", "365d", "2w": a number from 1 and a unit, at most a hundred
 * years.  In seconds; returns whether it is one.
 */
bool sm_arguments_duration(const char *text, int64_t *seconds);

/*
 * "0,2,4,7": a list of PCRs, 0 to 23, none twice, as a mask.  Returns whether
 * it is one.
 */
bool sm_arguments_pcrs(const char *text, uint32_t *mask);

/*
 * From when to when something is valid.
 *   not_before   the option's text; NULL: five minutes ago, because clocks
 *                differ
 *   valid        the option's text, counted from `not_before`, or from now
 * Prints its own error line.  Returns 0 or SM_USAGE.
 */
int sm_arguments_validity(const char *not_before, const char *valid,
                          int64_t now, int64_t *from, int64_t *to)
    SM_WARN_UNUSED;

#endif
