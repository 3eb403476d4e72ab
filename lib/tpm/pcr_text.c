/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tpm/tpm.h"

const char *sm_tpm_pcr_text(unsigned int pcr)
{
    static const char *const texts[SM_TPM_PCRS] = {
        [0] = "firmware",
        [1] = "firmware's settings",
        [2] = "option ROMs",
        [3] = "option ROMs' settings",
        [4] = "boot loader, as the firmware started it",
        [5] = "boot loader's settings and the partition table",
        [6] = "what the maker of the host uses",
        [7] = "Secure Boot's state and keys",
        [8] = "GRUB's commands, and the command lines of Xen and dom0",
        [9] = "files that GRUB read: Xen, dom0's kernel and initrd",
        [10] = "files that dom0's kernel ran (IMA)",
        [11] = "unified kernel image",
        [12] = "kernel's command line (systemd-stub)",
        [13] = "system extensions (systemd-stub)",
        [14] = "machine owner keys of shim",
        [15] = "root file system and machine id (systemd)",
        [16] = "debugging; can be reset by anyone",
        [17] = "measured launch (DRTM)",
        [18] = "measured launch (DRTM)",
        [19] = "measured launch (DRTM)",
        [20] = "measured launch (DRTM)",
        [21] = "measured launch (DRTM)",
        [22] = "measured launch (DRTM)",
        [23] = "applications; can be reset by anyone",
    };

    return pcr < SM_TPM_PCRS ? texts[pcr] : "no PCR";
}
