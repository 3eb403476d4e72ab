/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `secmig policy` can do, one file each: check, keygen and sign, decide,
 * explain, test, diff.  Functions return and report as verbs do (verbs.h).
 */
#ifndef SM_SECMIG_POLICY_H
#define SM_SECMIG_POLICY_H

#include "policy/document.h"
#include "policy/question.h"
#include "verbs.h"

#define POLICY_SUFFIX ".minisig"
#define POLICY_KEY_PURPOSE "policy-key"     /* seal/seal.h */

/* argv[0] is the word after "policy". */
int policy_check(const struct sm_cli *cli, int argc, char **argv);
int policy_keygen(const struct sm_cli *cli, int argc, char **argv);
int policy_sign(const struct sm_cli *cli, int argc, char **argv);
int policy_decide(const struct sm_cli *cli, int argc, char **argv);
int policy_explain(const struct sm_cli *cli, int argc, char **argv);
int policy_test(const struct sm_cli *cli, int argc, char **argv);
int policy_diff(const struct sm_cli *cli, int argc, char **argv);

/* ---- documents and requests whose signatures nobody looks at ---- */

/* Whether `element` is the first tag that is no declaration and no comment, of
 * bytes that nobody has looked at yet.  Only a guess at what was meant: the
 * parser then insists on it. */
bool policy_starts_with(const uint8_t *data, size_t len, const char *element);

/*
 * Read a document; which kind it is, its root element says.
 *   out  the caller's, to be freed with sm_policy_free()
 */
int policy_open(const char *path, struct sm_policy **out) SM_WARN_UNUSED;

/* A file named in another one: beside it, unless it is absolute.  Prints no
 * error line; SM_USAGE when the result does not fit. */
int policy_beside(const char *file, const char *name, char *out,
                  size_t size) SM_WARN_UNUSED;

/* A policy, and what it is asked. */
struct policy_request {
    struct sm_policy *policy;
    struct sm_policy *vm;           /* "vm-policy =" of the request */
    struct sm_policy_question question;
};

int policy_request_open(struct policy_request *r, const char *policy,
                        const char *request) SM_WARN_UNUSED;
void policy_request_close(struct policy_request *r);

/* Print an answer and its obligations; its code. */
int policy_print(const struct sm_policy_decision *d);

#endif
