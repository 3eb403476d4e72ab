/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/secret.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int sm_secret_init(void)
{
    struct rlimit none = { 0, 0 };

    if (sodium_init() < 0)
        return SM_STATE;
    if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return SM_STATE;
    return 0;
}

int sm_secret_new(void **out, size_t len)
{
    void *p;

    *out = NULL;
    p = sodium_malloc(len);
    if (!p)
        return SM_NO_MEMORY;
    /* sodium_malloc() ignores a lock that failed.  Locking the same pages
     * again is harmless and tells. */
    if (sodium_mlock(p, len)) {
        sodium_free(p);
        return SM_NO_MEMORY;
    }
    sodium_memzero(p, len);
    *out = p;
    return 0;
}

void sm_secret_free(void *p)
{
    sodium_free(p);
}

void sm_secret_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}

int sm_secret_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
