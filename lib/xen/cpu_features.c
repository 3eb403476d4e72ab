/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xen/cpu_features.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NONE UINT32_MAX
#define BIT(n) (UINT32_C(1) << (n))

enum { A, B, C, D };

/*
 * Where each word comes from, and which of its bits may differ between a
 * guest and the most that a host can give, without harm to the guest:
 *
 * 1.edx 9 APIC, 1.ecx 21 X2APIC
 *     Xen's own device, for HVM and PVH whatever the processor has.  PV
 *     guests cannot use either, and older Xens showed them the host's.
 * 1.edx 28 HTT, 80000001.ecx 1 CMP_LEGACY
 *     how many cores a package has: the toolstack's word, not the
 *     processor's.
 * 1.ecx 27 OSXSAVE, 7.ecx 4 OSPKE
 *     what the guest itself has switched on; the features are XSAVE and PKU.
 * 80000001.edx 0-9, 12-17, 23, 24
 *     on AMD those of 1.edx once more, which Xen shows to guests and leaves
 *     out of its own lists (CPUID_COMMON_1D_FEATURES).
 * 7.ebx 6 FDP_EXCP_ONLY, 13 NO_FPU_SEL
 *     say that the x87 does less.  Xen gives guests those of the host that
 *     they are on, and has them in no list.
 */
static const struct word {
    uint32_t leaf, subleaf;
    int reg;
    const char *name;
    uint32_t harmless;
} words[SM_XEN_FEATURE_WORDS] = {
    { 0x1, NONE, D, "1.edx", BIT(9) | BIT(28) },
    { 0x1, NONE, C, "1.ecx", BIT(21) | BIT(27) },
    { 0x80000001, NONE, D, "80000001.edx", 0x0183f3ff },
    { 0x80000001, NONE, C, "80000001.ecx", BIT(1) },
    { 0xd, 1, A, "d:1.eax", 0 },
    { 0x7, 0, B, "7.ebx", BIT(6) | BIT(13) },
    { 0x7, 0, C, "7.ecx", BIT(4) },
    { 0x80000007, NONE, D, "80000007.edx", 0 },
    { 0x80000008, NONE, B, "80000008.ebx", 0 },
    { 0x7, 0, D, "7.edx", 0 },
    { 0x7, 1, A, "7:1.eax", 0 },
    { 0x80000021, NONE, A, "80000021.eax", 0 },
    { 0x7, 1, B, "7:1.ebx", 0 },
    { 0x7, 2, D, "7:2.edx", 0 },
    { 0x7, 1, C, "7:1.ecx", 0 },
    { 0x7, 1, D, "7:1.edx", 0 },
};

bool sm_xen_features_ok(const struct sm_xen_features *f)
{
    return f->word[0] != 0;
}

void sm_xen_features_pick(struct sm_xen_features *f, uint32_t leaf,
                          uint32_t subleaf, uint32_t a, uint32_t b,
                          uint32_t c, uint32_t d)
{
    const uint32_t regs[] = { [A] = a, [B] = b, [C] = c, [D] = d };
    size_t i;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        if (words[i].leaf == leaf && words[i].subleaf == subleaf)
            f->word[i] = regs[words[i].reg];
}

unsigned int sm_xen_features_missing(const struct sm_xen_features *guest,
                                     const struct sm_xen_features *host,
                                     char first[SM_XEN_FEATURE_NAME_SIZE])
{
    unsigned int bit, missing = 0;
    uint32_t lacks;
    size_t i;

    first[0] = '\0';
    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++) {
        lacks = guest->word[i] & ~host->word[i] & ~words[i].harmless;
        for (bit = 0; bit < 32; bit++) {
            if (!(lacks & BIT(bit)))
                continue;
            if (missing++ == 0)
                snprintf(first, SM_XEN_FEATURE_NAME_SIZE, "CPUID %s bit %u",
                         words[i].name, bit);
        }
    }
    return missing;
}

void sm_xen_features_format(const struct sm_xen_features *f,
                            char text[SM_XEN_FEATURES_TEXT_SIZE])
{
    size_t i;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        snprintf(text + 9 * i, SM_XEN_FEATURES_TEXT_SIZE - 9 * i,
                 "%08" PRIx32 "%s", f->word[i],
                 i < SM_XEN_FEATURE_WORDS - 1 ? ":" : "");
}

bool sm_xen_features_parse(struct sm_xen_features *f, const char *text)
{
    uint8_t bytes[4];
    size_t i;

    if (strlen(text) != SM_XEN_FEATURES_TEXT_SIZE - 1)
        return false;
    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++, text += 9) {
        if (!sm_text_hex(text, 8, bytes, sizeof(bytes)) ||
            text[8] != (i < SM_XEN_FEATURE_WORDS - 1 ? ':' : '\0'))
            return false;
        f->word[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                     (uint32_t)bytes[2] << 8 | bytes[3];
    }
    return sm_xen_features_ok(f);
}

void sm_xen_features_put(struct sm_wire_writer *w,
                         const struct sm_xen_features *f)
{
    size_t i;

    if (!w->error && !sm_xen_features_ok(f))
        w->error = SM_PROTOCOL;
    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        sm_wire_put_u32(w, f->word[i]);
}

void sm_xen_features_get(struct sm_wire_reader *r, struct sm_xen_features *f)
{
    size_t i;

    for (i = 0; i < SM_XEN_FEATURE_WORDS; i++)
        f->word[i] = sm_wire_get_u32(r);
    if (!r->error && !sm_xen_features_ok(f))
        r->error = SM_PROTOCOL;
}
