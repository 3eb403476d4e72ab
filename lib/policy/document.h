/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy documents: from files (or bytes) to a checked model.
 *
 * Order of the checks, each done only when the one before has passed:
 *   1. size caps, file ownership and mode (base/file.h);
 *   2. the detached signature, over the raw bytes (trust/minisign.h);
 *   3. the raw bytes: UTF-8, no byte order mark, no control or bidirectional
 *      character, no DOCTYPE, CDATA, processing instruction, numeric
 *      character reference or text content; caps on depth, elements,
 *      attributes and the length of one tag (lex.h);
 *   4. libxml2: no network, no DTD, no entity, an entity loader that always
 *      fails;
 *   5. the RELAX NG schema that is compiled in (policy-schema/);
 *   6. plain structs, with every reference resolved (model.h).
 * So no byte of XML is parsed before its signature has been verified, and
 * the decision engine never sees a tree.
 *
 * libxml2 keeps some state per process: the first parse sets its external
 * entity loader to one that refuses everything, for good.
 */
#ifndef SM_POLICY_DOCUMENT_H
#define SM_POLICY_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A document is one of two: what a site says, or what the owner of one guest
 * says (the root elements <policy> and <vm-policy>). */
enum sm_policy_document {
    SM_POLICY_SITE,
    SM_POLICY_VM,
};

/* Caps on a signed document, in bytes.  A VM policy comes from a peer.
 * libxml2's start-tag handling is quadratic in attributes: see also the
 * per-tag caps in lex.h. */
#define SM_POLICY_DOCUMENT_MAX      (16 * 1024 * 1024)
#define SM_POLICY_VM_DOCUMENT_MAX   (64 * 1024)

/* Caps on what one document may hold. */
#define SM_POLICY_RULES_MAX         16384
#define SM_POLICY_VM_RULES_MAX      256
#define SM_POLICY_HOSTS_MAX         65536
#define SM_POLICY_VMS_MAX           262144      /* <vm> in groups */
#define SM_POLICY_ROLES_MAX         1024
#define SM_POLICY_EXCLUSIVES_MAX    256
#define SM_POLICY_OPERATORS_MAX     16384
#define SM_POLICY_OWNERS_MAX        4096
#define SM_POLICY_AUTHORITIES_MAX   64
#define SM_POLICY_PLATFORM_SETS_MAX 64
#define SM_POLICY_GROUPS_MAX        4096
#define SM_POLICY_WINDOWS_MAX       1024

/* Room that is always enough for `why`. */
#define SM_POLICY_WHY_MAX       512

struct sm_policy;

struct sm_policy_files {
    const char *xml;        /* the document */
    const char *signature;  /* its .minisig */
    const char *public_key; /* minisign public key file of the site */
    const uint8_t *pinned;  /* SM_POLICY_SIGNER_LEN bytes: the only public
                             * key that will do; NULL: any */
    uint8_t *key;           /* out: SM_POLICY_SIGNER_LEN bytes, the public
                             * key, on success; may be NULL */
};

/*
 * Read, verify, parse and check a site policy.
 *   out    the policy, the caller's, to be freed with sm_policy_free();
 *          NULL on error
 *   files  three file names and a key; borrowed for the call.  Each file must
 *          pass the checks of sm_file_read(SM_FILE_PUBLIC).
 *   why    `why_size` bytes for one line, with the file name and, for errors
 *          in the document, the line number; "" on success
 * A policy that is expired or not yet valid loads: sm_policy_decide() denies
 * with it.  Returns 0; SM_POLICY when a file is missing, the public key is not
 * the pinned one, the signature does not verify or the document is wrong; SM_STATE when a file's owner or mode
 * is unsafe; SM_IO; SM_NO_MEMORY.
 */
int sm_policy_load(struct sm_policy **out,
                   const struct sm_policy_files *files,
                   char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Steps 3 to 6 for `len` bytes at `xml` whose signature the caller has
 * verified, or does not care about (`secmig policy check --unsigned`, the
 * fuzzer).  The bytes are borrowed for the call only.
 *   kind   which root element the document must have
 *   name   what to call the document in `why` ("policy.xml"); may be NULL
 * A VM policy opens no file; a site policy only those of the time zones that
 * it names (zone.h).
 * Returns 0, SM_POLICY (also when len is over the cap of the kind) or
 * SM_NO_MEMORY.
 */
int sm_policy_parse(struct sm_policy **out, enum sm_policy_document kind,
                    const void *xml, size_t len, const char *name,
                    char *why, size_t why_size) SM_WARN_UNUSED;

/*
 * Steps 2 to 6 for bytes in memory, which come from a peer: the signature is
 * verified before anything looks at the XML.
 *   sig      `sig_len` bytes, a minisign signature file; hostile
 *   keys     `n_keys` pointers to SM_POLICY_SIGNER_LEN bytes (request.h):
 *            those who may sign
 *   signer   out: index of the key that it is signed with; may be NULL
 * Other arguments as sm_policy_parse().  Returns 0; SM_AUTH when none of the
 * keys has signed these bytes, with the reason in `why`; or as
 * sm_policy_parse().
 */
int sm_policy_parse_signed(struct sm_policy **out,
                           enum sm_policy_document kind,
                           const void *xml, size_t len,
                           const void *sig, size_t sig_len,
                           const uint8_t *const *keys, size_t n_keys,
                           size_t *signer, const char *name,
                           char *why, size_t why_size) SM_WARN_UNUSED;

/* Free a policy and all its rules; NULL is fine. */
void sm_policy_free(struct sm_policy *policy);

/* Validity in seconds since the epoch: INT64_MIN / INT64_MAX when the
 * document gives no not-before / not-after.  The policy is valid while
 * start <= now <= expiry. */
int64_t sm_policy_start(const struct sm_policy *policy);
int64_t sm_policy_expiry(const struct sm_policy *policy);

/* The document's version, at least 1. */
uint64_t sm_policy_version(const struct sm_policy *policy);

/* The site's name; belongs to the policy.  NULL in a VM policy. */
const char *sm_policy_site(const struct sm_policy *policy);

/* The guest of a VM policy, 16 bytes that belong to it; NULL in a site
 * policy. */
const uint8_t *sm_policy_vm(const struct sm_policy *policy);

/* Number of rules and of hosts. */
size_t sm_policy_rule_count(const struct sm_policy *policy);
size_t sm_policy_host_count(const struct sm_policy *policy);

/*
 * Whose signatures count: owners (VM policies, tickets), authorities (host
 * certificates; in a VM policy those that it wants), operators (tickets).
 * `i` is below the count.  Keys are SM_POLICY_SIGNER_LEN bytes that belong to
 * the policy; an operator's is NULL when it has none.
 */
size_t sm_policy_owner_count(const struct sm_policy *policy);
const char *sm_policy_owner_id(const struct sm_policy *policy, size_t i);
const uint8_t *sm_policy_owner_key(const struct sm_policy *policy, size_t i);
size_t sm_policy_authority_count(const struct sm_policy *policy);
const uint8_t *sm_policy_authority_key(const struct sm_policy *policy,
                                       size_t i);
size_t sm_policy_operator_count(const struct sm_policy *policy);
const char *sm_policy_operator_id(const struct sm_policy *policy, size_t i);
const uint8_t *sm_policy_operator_key(const struct sm_policy *policy,
                                      size_t i);

#endif
