/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processor features that a guest has been told of, and whether another
 * host has them.
 *
 * A guest keeps what it saw when it was created.  Xen does not compare that
 * with the host that it comes to: x86_cpu_policies_are_compatible() looks at
 * a few limits (xen/lib/x86/policy.c, Xen 4.17), and what the host cannot
 * give is taken out of the guest's CPUID without a word
 * (recalculate_cpuid_policy(), xen/arch/x86/cpu-policy.c).  The guest goes on
 * with what it remembers, and dies of the first instruction that is not there.
 */
#ifndef SM_XEN_CPU_FEATURES_H
#define SM_XEN_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

/*
 * Words of CPUID, in the order of Xen's featuresets
 * (xen/include/public/arch-x86/cpufeatureset.h): 1d, 1c, e1d, e1c, Da1, 7b0,
 * 7c0, e7d, e8b, 7d0, 7a1, e21a, 7b1, 7d2, 7c1, 7d1.
 */
#define SM_XEN_FEATURE_WORDS 16
/* As text: 8 hexadecimal digits a word, ':' between them, and a NUL. */
#define SM_XEN_FEATURES_TEXT_SIZE (9 * SM_XEN_FEATURE_WORDS)
/* A feature for people, "CPUID 80000001.edx bit 31", and a NUL. */
#define SM_XEN_FEATURE_NAME_SIZE 32

struct sm_xen_features {
    uint32_t word[SM_XEN_FEATURE_WORDS];    /* the first is not 0 */
};

/* Whether they can be those of a guest: what was not read, or not sent, is
 * 0, and there is no x86 processor without any of the first word. */
bool sm_xen_features_ok(const struct sm_xen_features *f);

/*
 * Take the words that one leaf of CPUID has; others of `f` are left alone.
 * `leaf`, `subleaf`, and the four registers are those of xen_cpuid_leaf_t;
 * the subleaf of a leaf without any is UINT32_MAX.  A leaf without features
 * changes nothing.
 */
void sm_xen_features_pick(struct sm_xen_features *f, uint32_t leaf,
                          uint32_t subleaf, uint32_t a, uint32_t b,
                          uint32_t c, uint32_t d);

/*
 * How many features `guest` has and `host` has not; what may differ without
 * harm (cpu_features.c) does not count.
 * `first` gets the name of the first of them, or "".
 */
unsigned int sm_xen_features_missing(const struct sm_xen_features *guest,
                                     const struct sm_xen_features *host,
                                     char first[SM_XEN_FEATURE_NAME_SIZE]);

/* As an argument of a program.  The second returns whether `text` is one. */
void sm_xen_features_format(const struct sm_xen_features *f,
                            char text[SM_XEN_FEATURES_TEXT_SIZE]);
bool sm_xen_features_parse(struct sm_xen_features *f, const char *text);

/*
 * 64 bytes of a message: u32 for each word.
 * What cannot be a guest's sets the writer's, or the reader's, error.
 */
void sm_xen_features_put(struct sm_wire_writer *w,
                         const struct sm_xen_features *f);
void sm_xen_features_get(struct sm_wire_reader *r, struct sm_xen_features *f);

#endif
