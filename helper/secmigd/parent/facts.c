/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parent/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

static void head(struct facts *f, struct sm_wire_reader *r)
{
    sm_wire_get_bytes(r, f->uuid, sizeof(f->uuid));
    sm_wire_get_str(r, f->name, sizeof(f->name));
    f->memory_kb = sm_wire_get_u64(r);
    f->flags = sm_wire_get_u32(r);
}

int facts_domain(struct facts *f, const uint8_t *data, size_t len)
{
    struct sm_wire_reader r;

    memset(f, 0, sizeof(*f));
    sm_wire_reader_init(&r, data, len);
    f->domid = sm_wire_get_u32(&r);
    head(f, &r);
    return sm_wire_end(&r);
}

/* The strings are kept back to back; no more of them than bytes came. */
static int list(struct facts *f, struct sm_wire_reader *r)
{
    char field[FACTS_FIELD_SIZE], value[FACTS_VALUE_SIZE];
    size_t n = sm_wire_get_u32(r), i, used = 0, a, b;

    if (n > SM_POLICY_FACTS_MAX)
        return SM_PROTOCOL;
    f->list = calloc(n + 1, sizeof(*f->list));
    f->strings = malloc(sm_wire_left(r) + 2 * n + 1);
    if (!f->list || !f->strings)
        return SM_NO_MEMORY;
    for (i = 0; i < n; i++) {
        sm_wire_get_str(r, field, sizeof(field));
        sm_wire_get_str(r, value, sizeof(value));
        if (r->error)
            return SM_PROTOCOL;
        a = strlen(field) + 1;
        b = strlen(value) + 1;
        f->list[i].field = memcpy(f->strings + used, field, a);
        f->list[i].value = memcpy(f->strings + used + a, value, b);
        used += a + b;
    }
    f->n = n;
    return 0;
}

int facts_config(struct facts *f, const uint8_t *data, size_t len)
{
    const uint8_t *config;
    struct sm_wire_reader r;
    size_t config_len;
    int rc;

    memset(f, 0, sizeof(*f));
    sm_wire_reader_init(&r, data, len);
    head(f, &r);
    sm_xen_version_get(&r, &f->xen);
    sm_wire_get_blob(&r, FRAME_CONFIG_MAX, &config, &config_len);
    if (r.error || memchr(config, 0, config_len))
        return SM_PROTOCOL;
    f->config = malloc(config_len + 1);
    if (!f->config)
        return SM_NO_MEMORY;
    memcpy(f->config, config, config_len);
    f->config[config_len] = '\0';
    f->config_len = config_len;
    rc = list(f, &r);
    if (!rc)
        rc = sm_wire_end(&r);
    if (!rc && !f->name[0])
        rc = SM_PROTOCOL;
    if (rc)
        facts_clear(f);
    return rc;
}

int facts_features(struct sm_xen_features *features, const uint8_t *data,
                   size_t len)
{
    struct sm_wire_reader r;

    sm_wire_reader_init(&r, data, len);
    sm_xen_features_get(&r, features);
    return sm_wire_end(&r);
}

const char *facts_value(const struct facts *f, const char *field)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (!strcmp(f->list[i].field, field))
            return f->list[i].value;
    return NULL;
}

void facts_clear(struct facts *f)
{
    free(f->config);
    free(f->list);
    free(f->strings);
    f->config = f->strings = NULL;
    f->list = NULL;
    f->n = 0;
}
