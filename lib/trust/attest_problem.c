/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/attest.h"

static const struct {
    const char *word, *text;
} problems[SM_ATTEST_PROBLEMS] = {
    [SM_ATTEST_GOOD] = { "none", "it has proven what it is" },
    [SM_ATTEST_NO_TPM] = { "no-tpm", "it cannot prove what it is" },
    [SM_ATTEST_MALFORMED] = { "malformed", "its proof is malformed" },
    [SM_ATTEST_CERTIFICATE] = {
        "certificate", "the certificate that names its attestation key does "
        "not count" },
    [SM_ATTEST_UNKNOWN_KEY] = {
        "unknown-key", "its attestation key is not one that a certificate "
        "names" },
    [SM_ATTEST_UNFIT_KEY] = {
        "unfit-key", "its attestation key could sign anything" },
    [SM_ATTEST_SIGNATURE] = {
        "signature", "the quote's signature is wrong" },
    [SM_ATTEST_NOT_A_QUOTE] = {
        "not-a-quote", "what its TPM has signed is not a quote" },
    [SM_ATTEST_SELECTION] = {
        "selection", "the quote is not of all SHA-256 PCRs" },
    [SM_ATTEST_DIGEST] = {
        "digest", "the PCR values are not those that were quoted" },
    [SM_ATTEST_BINDING] = {
        "binding", "the quote was made for something else" },
    [SM_ATTEST_REFLECTED] = {
        "reflected", "the quote is of the other role: perhaps our own" },
    [SM_ATTEST_REPLAYED] = {
        "replayed", "the quote answers another demand: it is replayed" },
    [SM_ATTEST_OTHER_SESSION] = {
        "other-session", "the quote was made for another session" },
    [SM_ATTEST_RESET] = {
        "reset", "its reset counter is not as it must be" },
    [SM_ATTEST_PCR] = {
        "pcr", "its PCRs are not those of a platform that is wanted" },
    [SM_ATTEST_CHANGED] = {
        "changed", "its PCRs have changed since it booted, and are no longer "
        "those of a platform that is wanted" },
};

static unsigned int known(enum sm_attest_problem p)
{
    return (unsigned int)p < SM_ATTEST_PROBLEMS;
}

const char *sm_attest_problem_word(enum sm_attest_problem p)
{
    return known(p) ? problems[p].word : "unknown";
}

const char *sm_attest_problem_text(enum sm_attest_problem p)
{
    return known(p) ? problems[p].text : "unknown problem";
}
