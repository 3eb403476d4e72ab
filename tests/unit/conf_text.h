/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One configuration, and reading text into it, for the tests of base/conf.h.
 */
#ifndef SM_TESTS_UNIT_CONF_TEXT_H
#define SM_TESTS_UNIT_CONF_TEXT_H

#include "base/conf.h"
#include "scratch.h"

static struct sm_conf conf;
static char why[1024];

/* A checked fixture: the defaults, under the root "/r". */
static inline void prepare(void)
{
    ck_assert_int_eq(sm_conf_init(&conf, "/r", NULL), 0);
}

/* Read a file with this text; 0 or SM_CONFIG. */
static inline int parse(const char *text)
{
    int rc = sm_conf_parse(&conf, text, strlen(text), "x.conf", why,
                           sizeof(why));

    ck_assert_int_eq(rc == 0, why[0] == '\0');
    ck_assert(rc == 0 || rc == SM_CONFIG);
    return rc;
}

/* Refused, for this reason. */
static inline void refused(const char *text, const char *reason)
{
    prepare();
    ck_assert_msg(parse(text) == SM_CONFIG, "accepted: %s", text);
    ck_assert_msg(strstr(why, reason) != NULL, "%s: %s", text, why);
}

#endif
