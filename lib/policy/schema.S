/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RELAX NG schema, byte for byte, so that no file is opened for it. */
    .section .rodata
    .globl sm_policy_schema
    .globl sm_policy_schema_end
    .type sm_policy_schema, %object
    .type sm_policy_schema_end, %object
sm_policy_schema:
    .incbin "policy-schema/secmig-policy.rng"
sm_policy_schema_end:
    .byte 0
    .size sm_policy_schema, sm_policy_schema_end - sm_policy_schema
    .size sm_policy_schema_end, 1
    .section .note.GNU-stack, "", %progbits
