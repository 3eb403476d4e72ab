/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to the person at the terminal (/dev/tty: standard input may be
 * carrying a key).
 */
#ifndef SM_SECMIG_TTY_H
#define SM_SECMIG_TTY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Ask for a passphrase or a PIN, without echo.
 *   kind     "passphrase", "PIN"
 *   begins   the same at the beginning of a line
 *   what     what it is of; NULL: this host's sealed storage
 *   confirm  non-zero: a new one, asked for twice until both are the same
 *   buf      locked memory of `size` bytes
 *   len      out: bytes read, without the newline
 * Returns 0; SM_USAGE when there is no terminal; SM_CANCELLED on a signal,
 * on end of file, when the line does not fit or after three attempts that
 * differ; SM_IO; SM_NO_MEMORY.
 */
int sm_tty_secret(const char *kind, const char *begins, const char *what,
                  int confirm, uint8_t *buf, size_t size, size_t *len)
    SM_WARN_UNUSED;

/*
 * Show `question` and read one line.  Returns 0 when it is "yes";
 * SM_CANCELLED when it is anything else; SM_USAGE when there is no terminal;
 * SM_IO.
 */
int sm_tty_yes(const char *question) SM_WARN_UNUSED;

/* Likewise with another word than "yes", of at most 255 bytes. */
int sm_tty_word(const char *question, const char *word) SM_WARN_UNUSED;

#endif
