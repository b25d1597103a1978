# GNU make.  Objects go to build/ (or B=elsewhere); the source tree stays clean.
#
#	make			build everything
#	make check		install what is missing, then all tests
#	make demo		the same, then watch mail go through
#	make unit flow crash	one kind of test, on what is installed; crash
#				tries every call, where check takes a sample
#	make powercut model	tens of thousands of power cuts; and more
#				states of the spool's model
#	make WERROR=1		as CI builds it, with gcc and with clang
#	make SAN=1 check	under address and undefined-behaviour sanitizers
#	make lint		doors between rooms, layout, headers, manual pages
#	make fuzz fuzz-run	the parsers' fuzzers; FUZZ_SECONDS for each
#	make bench		against others: BENCH="relay sizes",
#				BENCH_OPTIONS="--rounds 1"; see tests/bench/run
#	make install DESTDIR=/tmp/x PREFIX=/usr

MAKEFLAGS += --no-print-directory
PREFIX	?= /usr/local
SBINDIR	?= $(PREFIX)/sbin
MANDIR	?= $(PREFIX)/share/man
UNITDIR	?= $(PREFIX)/lib/systemd/system
B	?= build$(if $(SAN),/san)

# A room is a folder: every .c in it, linked with lib and nothing else but the
# libraries that this one room needs.  It is a program when it has its sign,
# NAME/NAME.c, which holds main(); the rest is an archive too, for its tests.
ROOMS	:= $(patsubst %/,%,$(wildcard receiver/ engine/ sender/ queue-tool/ \
	   cdbmaps/))
sign	 = $(1)/$(subst -,_,$(1))
PROGS	:= $(foreach r,$(ROOMS),$(if $(wildcard $(call sign,$(r)).c),$(r)))
LAYERS	:= proc mail base
PKGS	:= libbsd-overlay libbsd-ctor libcdb libevent libmd libpcre2-8
PKGS_sender	:= libunbound openssl libgsasl
PKGS_queue-tool	:= jansson
ALL_PKGS := $(sort $(PKGS) $(PKGS_sender) $(PKGS_queue-tool))

PKG_CONFIG ?= pkg-config
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(ALL_PKGS) 2>/dev/null)
# glibc reads DNS packets in a library without a pkg-config file.
pkg_libs    = $(shell $(PKG_CONFIG) --libs $(PKGS) $(1)) \
	      $(if $(filter libunbound,$(1)),-lresolv)

# These goals need no libraries yet: they run scripts/deps, then make again.
NO_PKGS	:= check demo clean format
ifneq ($(filter-out $(NO_PKGS),$(or $(MAKECMDGOALS),all)),)
ifeq ($(PKG_CFLAGS),)
$(error $(shell $(PKG_CONFIG) --cflags $(ALL_PKGS) 2>&1); run scripts/deps build)
endif
endif

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wformat=2 -Wvla -Wundef
HARDEN	:= -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2 \
	   -fstack-clash-protection
CFLAGS	?= -O2 -g
LDFLAGS	?=
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE -Ilib $(PKG_CFLAGS) $(WARN) $(HARDEN) \
	       $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)
ifdef WERROR
ALL_CFLAGS  += -Werror
endif
# Apart from WERROR: sanitizers make gcc warn of things that are not there.
ifdef SAN
ALL_CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	       -U_FORTIFY_SOURCE -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=address,undefined
# libbsd copies the arguments for setproctitle(3), before main().
export LSAN_OPTIONS := suppressions=$(CURDIR)/tests/leaks:print_suppressions=0
endif
ifdef FUZZ # set by the goal fuzz; the fuzzers bring their own main()
ALL_CFLAGS  += -fsanitize=fuzzer-no-link,address,undefined \
	       -fno-sanitize-recover=undefined -U_FORTIFY_SOURCE
ALL_LDFLAGS += -fsanitize=fuzzer,address,undefined
endif

SOURCES	:= $(wildcard lib/*/*.[ch] $(ROOMS:%=%/*.[ch]) tests/*.[ch] \
	   tests/*/*.[ch] tests/tools/wire/*.[ch])
LIBS	:= $(LAYERS:%=$(B)/lib%.a)
ARCHIVES := $(ROOMS:%=$(B)/room/%.a)
WIRE	:= $(B)/tests/tools/wire.a
BINS	:= $(PROGS:%=$(B)/bin/%)
TOOLS	:= $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c))
PRELOADS := meddle shift-clock
CRASH_TOOLS := $(PRELOADS:%=$(B)/tests/crash/%.so) $(patsubst %.c,$(B)/%, \
	   $(filter-out $(PRELOADS:%=tests/crash/%.c), \
	   $(wildcard tests/crash/*.c)))
FUZZERS	:= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
objs	 = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c))

# Tests of the lowest layer come first, so that the first failure is the most
# basic one.
tests	 = $(patsubst tests/unit/%.c,$(B)/tests/unit/%.t,$(wildcard $(1)))
by_layer = $(call tests,$(patsubst lib/$(1)/%,tests/unit/%,$(sort \
	   $(wildcard lib/$(1)/*.c))))
UNIT	:= $(call by_layer,base) $(call by_layer,mail) $(call by_layer,proc)
UNIT	+= $(filter-out $(UNIT),$(sort $(call tests,tests/unit/*.c)))
# Each fuzz target is a test of its kept corpus, too.
UNIT	+= $(if $(FUZZ),,$(FUZZERS:%=$(B)/tests/replay/%.t))
kind	 = $(sort $(wildcard tests/$(1)/*.t))
OTHERS	:= $(filter-out $(call kind,flow) $(call kind,crash),$(call kind,*))

# A test that hangs is a test that fails.
TEST_TIMEOUT ?= 300
prove	 = $(if $(strip $(1)),B=$(abspath $(B)) prove \
	   -e 'timeout -k 10 $(TEST_TIMEOUT)' $(strip $(1)))

all: $(BINS) $(ARCHIVES) $(LIBS)

define program
$(B)/bin/$(1): $(call objs,$(1)) $(LIBS)
$(B)/bin/$(1): libs = $$(call pkg_libs,$(PKGS_$(1)))
endef
define archive
$(B)/room/$(1).a: $(filter-out $(B)/$(call sign,$(1)).o,$(call objs,$(1)))
endef
define library
$(B)/lib$(1).a: $(call objs,lib/$(1))
endef
$(foreach p,$(PROGS),$(eval $(call program,$(p))))
$(foreach r,$(ROOMS),$(eval $(call archive,$(r))))
$(foreach l,$(LAYERS),$(eval $(call library,$(l))))

$(BINS):
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)

$(WIRE): $(call objs,tests/tools/wire)

$(LIBS) $(ARCHIVES) $(WIRE):
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The embedded tables are read by the assembler.
$(B)/cdbmaps/defaults.o: $(wildcard conf/*)

# A test called ROOM_noun.c is linked with that room, and may include its
# header as "ROOM/ROOM.h"; so is a tool, and the others with tools/wire.
$(B)/tests/%.o: ALL_CFLAGS += -Itests -I.
$(B)/tests/%: libs = $(call pkg_libs,$(ALL_PKGS))
room_of	 = $(foreach r,$(ROOMS),$(if $(filter $(r)_%,$(1)),$(B)/room/$(r).a))
.SECONDEXPANSION:
$(B)/tests/unit/%.t: $(B)/tests/unit/%.o $(B)/tests/tap.o $(B)/tests/spool_fixture.o \
    $$(call room_of,$$*) $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)
$(B)/tests/tools/%: $(B)/tests/tools/%.o \
    $$(or $$(strip $$(call room_of,$$*)),$(WIRE)) $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)
$(B)/tests/crash/%: $(B)/tests/crash/%.o $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)
$(B)/tests/crash/disk-recorder.o: \
    ALL_CFLAGS += $(shell $(PKG_CONFIG) --cflags fuse3)
$(B)/tests/crash/disk-recorder: libs = $(shell $(PKG_CONFIG) --libs fuse3)
$(B)/tests/crash/%.so: tests/crash/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -shared -fPIC -o $@ $<
$(B)/tests/replay/%.t: $(B)/tests/fuzz/%.o $(B)/tests/replay.o \
    $(B)/tests/tap.o $$(call room_of,$$*) $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $$(call room_of,$$*) $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs)

# On a fresh machine the libraries appear while scripts/deps runs, so what
# needs them is left to a second make, which asks pkg-config anew.
check:
	scripts/deps build test
	+$(MAKE) check-ready
demo:
	scripts/deps build test
	+$(MAKE) all
	B=$(abspath $(B)) scripts/demo

check-ready: all $(UNIT) $(TOOLS) $(CRASH_TOOLS)
	$(call prove,$(UNIT) $(call kind,flow) $(call kind,crash) $(OTHERS))
unit: $(UNIT)
	$(call prove,$(UNIT))
flow: all $(TOOLS)
	$(call prove,$(call kind,flow))
# Every call of every room made to fail or to kill; an hour.
crash: TEST_TIMEOUT = 14400
crash: export FAULTS ?= all
crash: all $(TOOLS) $(CRASH_TOOLS)
	$(call prove,$(call kind,crash))

# Tens of thousands of power cuts, also on ext4 with fast_commit, which is only
# reported; a quarter of an hour.
powercut: TEST_TIMEOUT = 14400
powercut: all $(TOOLS) $(CRASH_TOOLS)
	POWERCUT_CUTS=$${POWERCUT_CUTS:-2500} \
	POWERCUT_MESSAGES=$${POWERCUT_MESSAGES:-1000} \
	POWERCUT_KINDS="$${POWERCUT_KINDS:-ext4 xfs ext4-fast-commit}" \
	    $(call prove,-v tests/crash/60-powercut.t)

# All of the model's state space that is worth its minutes and 10 GB.
model: TEST_TIMEOUT = 14400
model:
	MODEL=full $(call prove,-v $(call kind,model))
tools: $(TOOLS)
bench: all $(TOOLS)
	B=$(abspath $(B)) tests/bench/run $(BENCH) $(BENCH_OPTIONS)

# New finds go to build/fuzz/found/NAME; what is worth keeping is copied by
# hand to tests/fuzz/corpus/NAME.
FUZZ_SECONDS ?= 10
fuzz:
	+$(MAKE) CC=clang FUZZ=1 SAN= B=$(B)/fuzz fuzz-all
fuzz-all: $(FUZZERS:%=$(B)/tests/fuzz/%)
fuzz-run: fuzz
	for f in $(FUZZERS); do \
		found=$(B)/fuzz/found/$$f; kept=tests/fuzz/corpus/$$f; \
		mkdir -p $$found; [ -d $$kept ] || kept=; \
		$(B)/fuzz/tests/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) \
		    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		    -artifact_prefix=$$found. $$found $$kept || exit 1; done

# Everything is looked at, also after something was found.
lint:
	@failed=0; \
	scripts/check-rooms || failed=1; \
	scripts/check-docs || failed=1; \
	scripts/check-manuals || failed=1; \
	scripts/check-mistakes || failed=1; \
	scripts/check-size || failed=1; \
	clang-format --dry-run -Werror $(SOURCES) || failed=1; \
	for h in $(filter %.h,$(SOURCES)); do \
		$(CC) $(ALL_CFLAGS) -Werror -Itests -I. -fsyntax-only -x c $$h \
		    || failed=1; done; \
	for m in $(wildcard man/*.[1-8]); do \
		mandoc -Tlint -W warning $$m || failed=1; done; \
	exit $$failed

PAGES	:= $(wildcard man/*.[1-8])
UNITS	:= $(wildcard conf/systemd/*.service)

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR)
	install -m 0755 $(BINS) $(DESTDIR)$(SBINDIR)
	install -m 0755 scripts/setup $(DESTDIR)$(SBINDIR)/stagepost-setup
	for m in $(PAGES); do \
		install -D -m 0644 $$m -t $(DESTDIR)$(MANDIR)/man$${m##*.} \
		    || exit 1; done
	for u in $(notdir $(UNITS)); do \
		sed 's,@SBINDIR@,$(SBINDIR),' conf/systemd/$$u \
		    >$(DESTDIR)$(UNITDIR)/$$u || exit 1; done

# Users, tables and the spool stay.
uninstall:
	for p in $(notdir $(BINS)) stagepost-setup; do \
		rm -f $(DESTDIR)$(SBINDIR)/$$p; done
	for m in $(notdir $(PAGES)); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$$m; done
	for u in $(notdir $(UNITS)); do \
		rm -f $(DESTDIR)$(UNITDIR)/$$u; done

format:
	clang-format -i $(SOURCES)

clean:
	rm -rf $(B)

.PHONY: all check check-ready demo unit flow crash powercut model tools bench \
	fuzz fuzz-all fuzz-run lint install uninstall format clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(patsubst %.c,$(B)/%.d,$(filter %.c,$(SOURCES)))
