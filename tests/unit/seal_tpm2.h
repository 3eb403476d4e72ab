/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One TPM and one sealed object, for tests of the backend `tpm2`. */
#ifndef SM_TESTS_UNIT_SEAL_TPM2_H
#define SM_TESTS_UNIT_SEAL_TPM2_H

#include <sodium.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/wire.h"
#include "scratch.h"
#include "seal/seal.h"
#include "swtpm.h"

static const uint8_t secret[] = "the secret of the test";
static struct swtpm machine;
static uint8_t *object;
static size_t object_len;
static char why[1024];

static inline void prepare(void)
{
    ck_assert_int_eq(sm_secret_init(), 0);
    sm_log_init("test", SM_LOG_ERROR);
    unsetenv("CREDENTIALS_DIRECTORY");
    scratch_make();
    swtpm_start(&machine, "tpm");
}

static inline void finish(void)
{
    sm_file_free(object, object_len);
    object = NULL;
    swtpm_kill(&machine);
    scratch_remove();
}

/* ---- helpers ---- */

static inline struct sm_seal_source source_of(uint32_t pcrs)
{
    struct sm_seal_source source = {
        .tpm = machine.tcti, .tpm_timeout = 10000, .pcrs = pcrs,
    };

    return source;
}

static inline struct sm_seal *open_from(const struct sm_seal_source *source)
{
    struct sm_seal *seal;

    ck_assert_msg(!sm_seal_open_backend("tpm2", source, &seal, why,
                                        sizeof(why)), "%s", why);
    return seal;
}

static inline int wrap(const struct sm_seal_source *source)
{
    struct sm_seal *seal = open_from(source);
    int rc;

    sm_file_free(object, object_len);
    rc = sm_seal_wrap(seal, "host-key", "hostA", 0, secret, sizeof(secret),
                      &object, &object_len, why, sizeof(why));
    sm_seal_free(seal);
    return rc;
}

static inline void must_wrap(const struct sm_seal_source *source)
{
    ck_assert_msg(!wrap(source), "%s", why);
}

static inline int unwrap_in(struct sm_seal *seal)
{
    uint8_t *data;
    size_t len;
    int rc;

    rc = sm_seal_unwrap(seal, object, object_len, "host-key", "hostA", &data,
                        &len, why, sizeof(why));
    if (rc) {
        ck_assert_ptr_null(data);
        ck_assert(why[0]);
    } else {
        ck_assert_uint_eq(len, sizeof(secret));
        ck_assert_mem_eq(data, secret, sizeof(secret));
    }
    sm_secret_free(data);
    return rc;
}

static inline int unwrap(const struct sm_seal_source *source)
{
    struct sm_seal *seal = open_from(source);
    int rc = unwrap_in(seal);

    sm_seal_free(seal);
    return rc;
}

static inline void must_unwrap(const struct sm_seal_source *source)
{
    ck_assert_msg(!unwrap(source), "%s", why);
}

#define ck_assert_why(text) \
    ck_assert_msg(strstr(why, text) != NULL, "'%s' in '%s'", text, why)

static inline void fix(void)
{
    crypto_generichash(object + object_len - 32, 32, object, object_len - 32,
                       NULL, 0);
}

static inline void add(Suite *suite, const char *name,
                       const TTest *const *tests, size_t n)
{
    TCase *tc = tcase_create(name);
    size_t i;

    tcase_add_checked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 120);
    for (i = 0; i < n; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
}

#define ADD(name, ...) do { \
        const TTest *const tests_[] = { __VA_ARGS__ }; \
        add(suite, name, tests_, sizeof(tests_) / sizeof(tests_[0])); \
    } while (0)

#endif
