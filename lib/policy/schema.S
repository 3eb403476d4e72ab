/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RELAX NG schema, byte for byte, so that no file is opened for it. */
    .section .rodata
    .globl sm_policy_schema
    .globl sm_policy_schema_len
    .type sm_policy_schema, %object
    .type sm_policy_schema_len, %object
sm_policy_schema:
    .incbin "policy-schema/secmig-policy.rng"
.Lend:
    .size sm_policy_schema, .Lend - sm_policy_schema
    .balign 4
sm_policy_schema_len:
    .long .Lend - sm_policy_schema
    .size sm_policy_schema_len, 4
    .section .note.GNU-stack, "", %progbits
