/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What secmig-xl says about a domain or a domain config.  It has parsed
 * bytes from a peer: its output is bounded and decoded to the last byte.
 */
#ifndef SECMIGD_FACTS_H
#define SECMIGD_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/frame.h"
#include "policy/config.h"
#include "xen/cpu_features.h"
#include "xen/version.h"

#define FACTS_NOMIGRATE 1u
#define FACTS_FIELD_SIZE 513        /* longest field, with NUL */
#define FACTS_VALUE_SIZE 4097
/* What `secmig-xl config` means by SM_XEN_VERSION; a format, with the name of
 * this host. */
#define FACTS_NO_VERSION "which version of Xen runs %s cannot be read there: " \
    "try `xl info` on it"
/* Output of `secmig-xl config`: the config twice over and then some. */
#define FACTS_OUTPUT_MAX (4 * 1024 * 1024)

struct facts {
    uint32_t domid;                 /* of `domain` only */
    uint8_t uuid[16];
    char name[FRAME_NAME_MAX + 1];
    uint64_t memory_kb;
    uint32_t flags;
    /* of `config` only; but for the first, freed by facts_clear() */
    struct sm_xen_version xen;      /* of this host */
    char *config;                   /* canonical JSON, NUL-terminated */
    size_t config_len;
    struct sm_policy_fact *list;
    size_t n;
    char *strings;                  /* what list points into */
};

/* Decode the output of `secmig-xl domain`.  Returns 0 or SM_PROTOCOL. */
int facts_domain(struct facts *f, const uint8_t *data, size_t len)
    SM_WARN_UNUSED;

/* Decode the output of `secmig-xl config`.  Returns 0, SM_PROTOCOL or
 * SM_NO_MEMORY. */
int facts_config(struct facts *f, const uint8_t *data, size_t len)
    SM_WARN_UNUSED;

/* Decode the output of `secmig-xl features`.  Returns 0 or SM_PROTOCOL. */
int facts_features(struct sm_xen_features *features, const uint8_t *data,
                   size_t len) SM_WARN_UNUSED;

/* The value of a field of the config, or NULL; valid until facts_clear(). */
const char *facts_value(const struct facts *f, const char *field);

void facts_clear(struct facts *f);

#endif
