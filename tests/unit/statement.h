/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys that sign, and statements signed with them, for tests of
 * trust/statement.h and the types above it.
 */
#ifndef SM_TESTS_UNIT_STATEMENT_H
#define SM_TESTS_UNIT_STATEMENT_H

#include <sodium.h>

#include "base/clock.h"
#include "base/secret.h"
#include "scratch.h"
#include "trust/statement.h"

/* Two who may sign. */
static struct sm_minisign_public keys[2];
static uint8_t *secrets[2];

static char why[256];

/* A statement; replaced by each sign(). */
static char text[SM_STATEMENT_LONG_MAX + 8192];
static size_t text_len;

/* 2026-11-22T00:00:00Z: what the tests call now. */
#define NOW INT64_C(1795305600)

static inline void signers_make(void)
{
    void *p;
    int i;

    ck_assert_int_eq(sm_secret_init(), 0);
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(sm_secret_new(&p, SM_MINISIGN_SECRET_LEN), 0);
        secrets[i] = p;
        sm_minisign_keygen(&keys[i], p);
    }
}

static inline void signers_free(void)
{
    sm_secret_free(secrets[0]);
    sm_secret_free(secrets[1]);
}

static inline void sign_as(int who, const char *body)
{
    ck_assert_int_eq(sm_statement_sign(secrets[who], body, "a comment", text,
                                       sizeof(text)), 0);
    text_len = strlen(text);
}

static inline void sign(const char *body)
{
    sign_as(0, body);
}

/* Sign bytes that sm_statement_sign() itself would not. */
static inline void sign_raw(const void *body, size_t len)
{
    char signature[SM_MINISIGN_TEXT_MAX];

    ck_assert_int_eq(sm_minisign_sign(secrets[0], body, len, "a comment",
                                      signature, sizeof(signature)), 0);
    memcpy(text, body, len);
    text[len] = '\n';
    strcpy(text + len + 1, signature);
    text_len = len + 1 + strlen(signature);
}

/* `body` with its line that begins with `key` and " = " replaced by `line`
 * (with its newline; "" takes it away), in a static buffer. */
static inline const char *with_line(const char *body, const char *key,
                                    const char *line)
{
    static char changed[8192];
    const char *at = body, *end;
    size_t n = strlen(key);

    while (strncmp(at, key, n) || strncmp(at + n, " = ", 3)) {
        at = strchr(at, '\n');
        ck_assert_msg(at && at[1], "no %s", key);
        at++;
    }
    end = strchr(at, '\n') + 1;
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - body), body,
             line, end);
    return changed;
}

#endif
