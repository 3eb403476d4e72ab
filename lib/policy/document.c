/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/document.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wire.h"
#include "policy/lex.h"
#include "policy/model.h"
#include "trust/minisign.h"

/* schema.S */
extern const char sm_policy_schema[];
extern const int32_t sm_policy_schema_len;

/* What libxml2 reports: whether it did at all, and the first one's words. */
struct first_error {
    bool any, set, no_memory;
    bool tree_has_lines;
    unsigned int line;          /* 0: not known */
    char text[256];
};

static int fail(char *why, size_t why_size, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(char *why, size_t why_size, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, why_size, fmt, ap);
    va_end(ap);
    return err;
}

/* ---- lines ---- */

/* The element after `e` in the order of their start tags. */
static xmlNode *next_element(xmlNode *e)
{
    xmlNode *next = xmlFirstElementChild(e);

    for (; !next && e; e = e->parent)
        next = xmlNextElementSibling(e);
    return next;
}

/* Give each element its line.  False when libxml2 has not seen the same
 * elements as lex.c, which must not happen. */
static bool number_elements(xmlDocPtr tree, const unsigned int *lines,
                            size_t n)
{
    xmlNode *e;
    size_t i = 0;

    for (e = xmlDocGetRootElement(tree); e; e = next_element(e)) {
        if (i == n)
            return false;
        e->_private = (void *)(uintptr_t)lines[i++];
    }
    return i == n;
}

/* The line of what libxml2 reports. */
static unsigned int line_of(const void *node)
{
    const xmlNode *e = node;

    while (e && e->type != XML_ELEMENT_NODE)
        e = e->parent;          /* of an attribute or a text */
    return e ? (unsigned int)(uintptr_t)e->_private : 0;
}

static void on_error(void *ctx, xmlErrorPtr error)
{
    struct first_error *first = ctx;
    size_t n;

    first->any = true;
    /* RELAX NG validation has errors of its own with the same number. */
    if (error && error->code == XML_ERR_NO_MEMORY &&
        error->level == XML_ERR_FATAL)
        first->no_memory = true;
    if (first->set || !error || !error->message)
        return;
    first->set = true;
    first->line = error->line > 0 ? (unsigned int)error->line : 0;
    if (first->tree_has_lines && error->node)
        first->line = line_of(error->node);
    n = strcspn(error->message, "\n");
    snprintf(first->text, sizeof(first->text), "%.*s",
             (int)(n < 200 ? n : 200), error->message);
    if (!sm_wire_text_ok(first->text, strlen(first->text)))
        snprintf(first->text, sizeof(first->text), "not well-formed");
}

/* ---- libxml2 ---- */

static xmlParserInputPtr no_entities(const char *url, const char *id,
                                     xmlParserCtxtPtr context)
{
    (void)url;
    (void)id;
    (void)context;
    return NULL;
}

/* The document in pieces: given as a whole, libxml2 takes none of more than
 * ten million bytes unless all its limits are lifted. */
struct rest {
    const char *p;
    size_t left;
};

static int read_rest(void *ctx, char *buf, int size)
{
    struct rest *rest = ctx;
    size_t n = size > 0 ? (size_t)size : 0;

    if (n > rest->left)
        n = rest->left;
    if (n)
        memcpy(buf, rest->p, n);
    rest->p += n;
    rest->left -= n;
    return (int)n;
}

static int parse_xml(const void *xml, size_t len, xmlDocPtr *tree,
                     struct first_error *first)
{
    /* Not in this list, on purpose: NOENT, DTDLOAD, DTDATTR, DTDVALID,
     * XINCLUDE and HUGE. */
    const int options = XML_PARSE_NONET | XML_PARSE_NOBLANKS |
#if LIBXML_VERSION >= 21300
                        XML_PARSE_NO_XXE |
#endif
                        XML_PARSE_NOCDATA;
    struct rest rest = { .p = xml, .left = len };
    xmlParserCtxtPtr ctxt;

    xmlInitParser();
    xmlSetExternalEntityLoader(no_entities);
    *tree = NULL;
    ctxt = xmlNewParserCtxt();
    if (!ctxt)
        return SM_NO_MEMORY;
    *tree = xmlCtxtReadIO(ctxt, read_rest, NULL, &rest, NULL, "UTF-8",
                          options);
    if (*tree && (!ctxt->wellFormed || first->any)) {
        xmlFreeDoc(*tree);
        *tree = NULL;
    }
    xmlFreeParserCtxt(ctxt);
    if (*tree)
        return 0;
    return first->no_memory ? SM_NO_MEMORY : SM_POLICY;
}

/* The schema, compiled by the first call and kept as long as the process;
 * NULL when there is not enough memory for it. */
static xmlRelaxNGPtr compiled(struct first_error *first)
{
    static xmlRelaxNGPtr schema;
    xmlRelaxNGParserCtxtPtr parser;

    if (schema)
        return schema;
    parser = xmlRelaxNGNewMemParserCtxt(sm_policy_schema,
                                        sm_policy_schema_len);
    if (!parser)
        return NULL;
    xmlRelaxNGSetParserStructuredErrors(parser, on_error, first);
    schema = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    /* It is ours and tested: only memory can be short.  Then a part of it
     * may be missing. */
    if (schema && first->any) {
        xmlRelaxNGFree(schema);
        schema = NULL;
    }
    return schema;
}

/* Returns 0, SM_POLICY when the tree is not valid, SM_NO_MEMORY. */
static int validate(xmlDocPtr tree, struct first_error *first)
{
    xmlRelaxNGPtr schema = compiled(first);
    xmlRelaxNGValidCtxtPtr valid;
    int r, rc;

    valid = schema ? xmlRelaxNGNewValidCtxt(schema) : NULL;
    if (!valid)
        return SM_NO_MEMORY;
    xmlRelaxNGSetValidStructuredErrors(valid, on_error, first);
    r = xmlRelaxNGValidateDoc(valid, tree);
    /* Short of memory, libxml2 can call a document valid although it has
     * reported an error: no report at all is needed for "valid". */
    if (r == 0 && !first->any)
        rc = 0;
    else
        rc = r >= 0 && !first->no_memory ? SM_POLICY : SM_NO_MEMORY;
    xmlRelaxNGFreeValidCtxt(valid);
    return rc;
}

/* ---- document.h ---- */

int sm_policy_parse(struct sm_policy **out, enum sm_policy_document kind,
                    const void *xml, size_t len, const char *name,
                    char *why, size_t why_size)
{
    const size_t max = kind == SM_POLICY_VM ? SM_POLICY_VM_DOCUMENT_MAX :
                                              SM_POLICY_DOCUMENT_MAX;
    struct first_error first = { .line = 0 };
    struct sm_policy *policy = NULL;
    xmlDocPtr tree = NULL;
    char text[SM_POLICY_WHY_MAX] = "";
    unsigned int line = 1, *lines = NULL;
    size_t n_lines = 0;
    int rc, built;

    *out = NULL;
    if (!name)
        name = "policy";
    if (len > max)
        return fail(why, why_size, SM_POLICY, "%s: longer than %zu bytes",
                    name, max);
    rc = sm_policy_lex(xml, len, &lines, &n_lines, &line, text,
                       sizeof(text));
    if (rc)
        goto out;

    xmlSetStructuredErrorFunc(&first, on_error);
    rc = parse_xml(xml, len, &tree, &first);
    if (!rc && !number_elements(tree, lines, n_lines))
        rc = SM_POLICY;
    if (rc) {
        line = first.line ? first.line : 1;
        snprintf(text, sizeof(text), "%s",
                 first.set ? first.text : "not well-formed");
        goto out;
    }
    first.tree_has_lines = true;
    /* The schema decides first, but our own checks say better what is
     * wrong; the line nearer to the start wins.  libxml2 does not always
     * know the line. */
    rc = validate(tree, &first);
    built = sm_policy_build(&policy, kind, tree, &line, text, sizeof(text));
    if (rc == SM_POLICY &&
        (built == 0 || (first.line && line > first.line))) {
        line = first.line ? first.line : 1;
        snprintf(text, sizeof(text), "%s",
                 first.set ? first.text : "does not match the schema");
    }
    if (!rc || built == SM_NO_MEMORY)
        rc = built;
    if (!rc) {
        *out = policy;
        policy = NULL;
    }
out:
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeDoc(tree);
    free(lines);
    sm_policy_free(policy);
    if (rc == SM_NO_MEMORY)
        fail(why, why_size, rc, "%s: out of memory", name);
    else if (rc)
        fail(why, why_size, rc, "%s:%u: %s", name, line, text);
    else if (why_size)
        why[0] = '\0';
    return rc;
}

int sm_policy_parse_signed(struct sm_policy **out,
                           enum sm_policy_document kind,
                           const void *xml, size_t len,
                           const void *sig, size_t sig_len,
                           const uint8_t *const *keys, size_t n_keys,
                           size_t *signer, const char *name,
                           char *why, size_t why_size)
{
    struct sm_minisign_signature signature;
    struct sm_minisign_public key;
    char text[SM_POLICY_WHY_MAX];
    size_t i;
    int rc;

    *out = NULL;
    if (!name)
        name = "policy";
    rc = sm_minisign_signature_parse(sig, sig_len, &signature, text,
                                     sizeof(text));
    if (rc)
        return fail(why, why_size, SM_AUTH, "%s: signature: %s", name, text);
    snprintf(text, sizeof(text), "signed with a key that does not count "
             "here");
    for (i = 0; i < n_keys; i++) {
        memcpy(key.id, keys[i], sizeof(key.id));
        memcpy(key.key, keys[i] + sizeof(key.id), sizeof(key.key));
        if (memcmp(key.id, signature.id, sizeof(key.id)))
            continue;
        rc = sm_minisign_verify(&key, &signature, xml, len, text,
                                sizeof(text));
        if (!rc)
            break;
    }
    if (i == n_keys)
        return fail(why, why_size, SM_AUTH, "%s: %s", name, text);
    if (signer)
        *signer = i;
    return sm_policy_parse(out, kind, xml, len, name, why, why_size);
}

/* One of the three files; a missing one makes the policy missing. */
static int read_part(const char *path, size_t max, uint8_t **data,
                     size_t *len, char *why, size_t why_size)
{
    int rc;

    errno = 0;
    rc = sm_file_read(path, SM_FILE_PUBLIC, max, data, len, why, why_size);
    if (rc == SM_STATE && errno == ENOENT)
        rc = SM_POLICY;
    return rc;
}

int sm_policy_load(struct sm_policy **out,
                   const struct sm_policy_files *files,
                   char *why, size_t why_size)
{
    struct sm_minisign_public key;
    struct sm_minisign_signature sig;
    uint8_t signer[SM_POLICY_SIGNER_LEN];
    uint8_t *xml = NULL, *sig_text = NULL, *key_text = NULL;
    size_t xml_len = 0, sig_len = 0, key_len = 0;
    char text[SM_POLICY_WHY_MAX] = "";
    int rc;

    *out = NULL;
    rc = read_part(files->xml, SM_POLICY_DOCUMENT_MAX, &xml, &xml_len,
                   why, why_size);
    if (!rc)
        rc = read_part(files->public_key, SM_MINISIGN_TEXT_MAX, &key_text,
                       &key_len, why, why_size);
    if (!rc)
        rc = read_part(files->signature, SM_MINISIGN_TEXT_MAX, &sig_text,
                       &sig_len, why, why_size);
    if (rc)
        goto out;
    rc = sm_minisign_public_parse(key_text, key_len, &key, text,
                                  sizeof(text));
    if (rc) {
        rc = fail(why, why_size, SM_POLICY, "%s: %s", files->public_key,
                  text);
        goto out;
    }
    memcpy(signer, key.id, sizeof(key.id));
    memcpy(signer + sizeof(key.id), key.key, sizeof(key.key));
    if (files->pinned && memcmp(files->pinned, signer, sizeof(signer))) {
        rc = fail(why, why_size, SM_POLICY, "%s: not the key that this host "
                  "has trusted so far; if it is meant to be another one: "
                  "secmig trust policy", files->public_key);
        goto out;
    }
    rc = sm_minisign_signature_parse(sig_text, sig_len, &sig, text,
                                     sizeof(text));
    if (!rc)
        rc = sm_minisign_verify(&key, &sig, xml, xml_len, text,
                                sizeof(text));
    if (rc) {
        rc = fail(why, why_size, SM_POLICY, "%s: %s", files->signature,
                  text);
        goto out;
    }
    rc = sm_policy_parse(out, SM_POLICY_SITE, xml, xml_len, files->xml, why,
                         why_size);
    if (!rc && files->key)
        memcpy(files->key, signer, sizeof(signer));
out:
    sm_file_free(xml, xml_len);
    sm_file_free(sig_text, sig_len);
    sm_file_free(key_text, key_len);
    return rc;
}
