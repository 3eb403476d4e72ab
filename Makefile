# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./configure && make && make install DESTDIR=…   for packagers: no root, no
#                                                 network, no Xen needed to run
# make demo, make check                           as root on Debian 12: these
#                                                 do all their own set-up
# V=1 shows whole commands.
# BUILD=DIR names another build directory (it needs its own config.mk).

BUILD ?= build
DESTDIR ?=

# Not made by itself: make check and make demo do their own set-up.
-include $(wildcard $(BUILD)/config.mk)
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin

WARNINGS = -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes \
           -Wstrict-prototypes -Wvla -Wformat=2
HARDENING = -fstack-protector-strong -fPIE
PLACES = -DSM_ETC_DIR='"$(SYSCONFDIR)/xen/secmig"' \
         -DSM_STATE_DIR='"$(LOCALSTATEDIR)/lib/xen/secmig"' \
         -DSM_RUN_DIR='"$(RUNSTATEDIR)/xen"' \
         -DSM_OPERATOR_DIR='"$(RUNSTATEDIR)/secmig"' \
         -DSM_LIBEXEC_DIR='"$(LIBEXECDIR)/xen-secmig"'
# -iquote: lib/xen has names that Xen's own headers have, too.
COMPILE = $(CC) $(WARNINGS) $(HARDENING) -D_GNU_SOURCE -iquote lib $(PLACES) \
          $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) -pie -Wl,-z,relro,-z,now,--as-needed $(CFLAGS) $(LDFLAGS)

Q = $(if $(V),,@)

objects = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))

LIB_SOURCES = $(wildcard lib/*/*.c lib/*/*.S)
LIB = $(BUILD)/libsecmig.a
PROGRAMS = secmigd secmig secmig-vault $(if $(filter yes,$(WITH_XL)),secmig-xl)
MAN_PAGES = $(wildcard docs/man/*.[1-8])

.PHONY: all install clean check demo bench unit fuzz faults lint xen check-xen-patches
all: $(BUILD)/config.mk $(LIB) $(PROGRAMS:%=$(BUILD)/%)

$(BUILD)/config.mk:
	@echo "not configured: run ./configure first" >&2; exit 1

# ---- the library and the programs ----

# The daemon's headers are named from its own folder on.
$(BUILD)/obj/helper/secmigd/%.o $(BUILD)/obj/tests/%.o: COMPILE += -Ihelper/secmigd

$(BUILD)/obj/%.o: %.c $(BUILD)/config.mk
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(COMPILE) -c $< -o $@

$(BUILD)/obj/%.o: %.S $(BUILD)/config.mk
	@mkdir -p $(@D)
	@echo "  AS   $<"
	$(Q)$(COMPILE) -c $< -o $@

# The schema is included by the assembler, which tells -MMD nothing.
$(BUILD)/obj/lib/policy/schema.o: policy-schema/secmig-policy.rng

$(LIB): $(call objects,$(LIB_SOURCES))
	@echo "  AR   $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/secmigd: $(call objects,$(wildcard helper/secmigd/*.c helper/secmigd/*/*.c)) $(LIB)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(SECCOMP_LIBS) $(QUOTE_LIBS) $(LIB_LIBS)

$(BUILD)/secmig: $(call objects,$(wildcard helper/secmig/*.c)) $(LIB)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(TPM_LIBS) $(LIB_LIBS)

$(BUILD)/secmig-vault: $(call objects,$(wildcard helper/secmig-vault/*.c)) $(LIB)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(SECCOMP_LIBS) $(TPM_LIBS) $(LIB_LIBS)

$(BUILD)/secmig-xl: $(call objects,$(wildcard helper/secmig-xl/*.c)) $(LIB)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(XL_LIBS) $(YAJL_LIBS) $(SECCOMP_LIBS) $(LIB_LIBS)

# ---- installing ----

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) \
	    $(DESTDIR)$(LIBEXECDIR)/xen-secmig \
	    $(DESTDIR)$(PREFIX)/share/xen-secmig \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/xen/secmig
	install -m 0755 $(BUILD)/secmigd $(DESTDIR)$(SBINDIR)/
	install -m 0755 $(BUILD)/secmig $(DESTDIR)$(BINDIR)/
	install -m 0755 $(BUILD)/secmig-vault $(DESTDIR)$(LIBEXECDIR)/xen-secmig/
	if [ "$(WITH_XL)" = yes ]; then install -m 0755 $(BUILD)/secmig-xl \
	    $(DESTDIR)$(LIBEXECDIR)/xen-secmig/; fi
	install -m 0644 policy-schema/secmig-policy.rng \
	    $(DESTDIR)$(PREFIX)/share/xen-secmig/
	install -d $(DESTDIR)$(PREFIX)/share/doc/xen-secmig/examples
	install -m 0644 docs/formats.md docs/handover.md docs/policy.md \
	    docs/reliability.md docs/trust.md \
	    $(DESTDIR)$(PREFIX)/share/doc/xen-secmig/
	install -m 0644 policy-schema/examples/* \
	    $(DESTDIR)$(PREFIX)/share/doc/xen-secmig/examples/
	install -m 0644 helper/secmigd/secmigd.sysusers \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/xen-secmig.conf
	sed 's|@SBINDIR@|$(SBINDIR)|' helper/secmigd/secmigd.service.in \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/secmigd.service
	for page in $(MAN_PAGES); do \
	    dir=$(DESTDIR)$(MANDIR)/man$${page##*.}; \
	    install -d $$dir && install -m 0644 $$page $$dir/ || exit 1; done

# ---- tests ----
# Every tests/unit/test_*.c and tests/vectors/*.c is one program, linked with
# the library (and the flattener of secmig-xl, which needs no libxl, what the
# daemon's parent keeps in tables, and its peers).

UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
VECTORS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/vectors/*.c))
TWOHOST = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/twohost/*.c))
POLICY = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/policy/*.c))
BENCH = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
JOURNAL = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/faults/journal_*.c))
FAULTS = $(BUILD)/tests/faults/point.so $(JOURNAL)
EXPLORE = $(BUILD)/tests/handover/explore
FUZZ = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
FLATTEN = $(call objects,$(wildcard helper/secmig-xl/flatten.c))
TABLES = $(call objects,helper/secmigd/state/evidence.c helper/secmigd/parent/facts.c \
         helper/secmigd/decision/identify.c helper/secmigd/state/revoked.c)
# The verbs of secmig, and the peers: archives, so that a test pulls in what it
# uses.
CLI = $(BUILD)/libsecmig-cli.a
PEER = $(BUILD)/libsecmig-peer.a

$(CLI): $(call objects,$(filter-out %/main.c,$(wildcard helper/secmig/*.c)))
$(PEER): $(call objects,helper/secmigd/ipc.c helper/secmigd/peer/link.c \
         $(wildcard helper/secmigd/peer/peer*.c))
$(CLI) $(PEER):
	@echo "  AR   $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

unit: $(UNIT) $(VECTORS) $(TWOHOST) $(BENCH) $(POLICY) $(FAULTS) $(EXPLORE)

$(UNIT) $(VECTORS) $(TWOHOST) $(POLICY): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB) $(FLATTEN) $(TABLES) $(CLI) $(PEER)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(LINK) $< $(FLATTEN) $(TABLES) $(CLI) $(PEER) $(LIB) -o $@ $(TPM_LIBS) $(LIB_LIBS) \
	    $(SECCOMP_LIBS) -lyajl $(shell pkg-config --libs check)

# Loaded into secmigd, so built without what that may be built with.
$(BUILD)/tests/faults/point.so: tests/faults/point.c helper/secmigd/ipc.h \
    lib/handover/handover.h lib/handover/journal.h $(BUILD)/config.mk
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(WARNINGS) -D_GNU_SOURCE -Ilib -I. -O1 -g -fPIC -shared $< \
	    -o $@ -ldl

$(JOURNAL): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(LIB_LIBS)

$(EXPLORE): $(call objects,$(wildcard tests/handover/*.c)) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(LINK) $^ -o $@ $(LIB_LIBS)

# The fuzzers need clang and a build directory configured for it, with
# CFLAGS that hold -fsanitize=fuzzer-no-link.
fuzzers: $(FUZZ)

$(FUZZ): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB) $(FLATTEN) $(CLI)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(LINK) -fsanitize=fuzzer $< $(FLATTEN) $(CLI) $(LIB) -o $@ $(TPM_LIBS) $(LIB_LIBS) -lyajl

# How fast it is; the checks only see that it runs.
$(BENCH): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(LINK) $< $(LIB) -o $@ $(LIB_LIBS)

bench: $(BENCH)
	$(BENCH)

check:
	tests/check

demo:
	tests/demo

fuzz:
	tests/fuzz/run --long

# The whole grid: hours on two cores.  A part that was skipped has shown
# nothing, so it fails here.
faults: all unit xen
	@bad=0; tests/faults/run || bad=1; \
	SECMIG_FAULTS=all tests/rig/run test_handover.py test_owners.py \
	    test_beside_stock.py test_may_start.py test_secure.py \
	    test_unlike.py || bad=1; \
	[ $$bad = 0 ] || echo "faults: something failed, or was skipped: see above"; \
	exit $$bad

lint:
	tests/lint

-include xen-patches/rules.mk

clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(LIB) $(PROGRAMS:%=$(BUILD)/%)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
