/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secmig-vault: opens sealed storage and uses the TPM, for secmigd, one
 * request a process.
 */
#include <stdio.h>

#include "base/err.h"

int main(void)
{
    fputs("secmig-vault is started by secmigd only\n", stderr);
    return sm_err_exit(SM_USAGE);
}
