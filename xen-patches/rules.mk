# SPDX-License-Identifier: LGPL-2.1-or-later
# Included by the top Makefile, which names these targets in .PHONY.

xen:
	xen-patches/build

check-xen-patches:
	xen-patches/check
