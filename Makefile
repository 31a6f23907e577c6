# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Hand-written build. `make help` lists the targets. configure writes config.mk and config.h; objects and programs live
# under $(BUILD), one folder for each profile: plain (gcc), clang, asan (clang with ASan and UBSan), fuzz (and libFuzzer),
# coverage (gcc with gcov).
BUILD   ?= build
PROFILE ?= plain
JOBS    ?= 2
PYTHON  ?= /usr/bin/python3
SHELL    = /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: all
all: programs ## build the daemon, the command line, the simulator and the strategies

# Targets that need nothing configured: they work on a bare machine, where `deps` comes first.
BARE = help deps clean check check-unit check-house check-incidents check-system check-fire check-asan check-asan-system check-fuzz check-sim coverage lint demo bench rehearse
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

WARN    = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror
CSTD    = -std=gnu17
OPT    ?= -O2 -g
HARDEN ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARD  = -pie -Wl,-z,relro,-z,now
SAN     = address,undefined
ifneq ($(filter clang asan fuzz,$(PROFILE)),)
CC      = clang
endif
ifneq ($(filter asan fuzz,$(PROFILE)),)
OPT     = -O1 -g -fno-omit-frame-pointer
HARDEN  = -fsanitize=$(SAN)$(if $(filter fuzz,$(PROFILE)),$(,)fuzzer-no-link) -fno-sanitize-recover=undefined
LDHARD  = -fsanitize=$(SAN)
endif
ifeq ($(PROFILE),coverage)
OPT     = -O0 -g --coverage -fprofile-update=atomic
HARDEN  =
LDHARD  = --coverage
endif
,       = ,
O       = $(BUILD)/obj-$(PROFILE)
BIN     = $(if $(filter plain,$(PROFILE)),$(BUILD)/bin,$(BUILD)/bin-$(PROFILE))
CPPALL  = -I. -I$(O) -D_GNU_SOURCE -include config.h $(DEP_CFLAGS)
CCALL   = $(CC) $(CSTD) $(OPT) $(HARDEN) $(WARN) $(CPPALL) $(CFLAGS) -MMD -MP
# One short line for each command; V=1 shows them whole.
Q       = $(if $(V),,@)
say     = $(if $(V),,@printf '  %-6s %s\n' $(1) $@)

# Rooms. What belongs to whom is told by the folder, so a new file needs no line here.
src      = $(sort $(wildcard $(1)/*.c))
obj      = $(patsubst %.c,$(O)/%.o,$(1))
LIB_SRC  = $(foreach d,base trade guard io,$(call src,lib/$d))
LIB_OBJ  = $(call obj,$(LIB_SRC))
DAEMON_OBJ = $(call obj,$(call src,daemon))
# The command line reads config and facts as the daemon does, and sets up a database.
CTL_OBJ  = $(call obj,$(call src,daemon/ctl) $(sort $(wildcard daemon/audit*.c daemon/config*.c daemon/facts*.c daemon/ledger*.c)))
KEEPER_OBJ = $(call obj,$(call src,daemon/keeper))
SIM_OBJ  = $(call obj,$(call src,daemon/sim))
STRAT_SRC = $(call src,daemon/strategies)
STRAT_BIN = $(patsubst daemon/strategies/%.c,$(BIN)/strategies/%,$(filter-out %/strategy.c %/history.c,$(STRAT_SRC)))
LIBA     = $(O)/libpaperguard.a
# The daemon's own objects on simulated peers: seams are filled by tests/sim, which comes before the archive.
ON_SIM   = $(filter-out %/main.o %/sim_server.o %/sim_stream.o,$(DAEMON_OBJ) $(SIM_OBJ)) $(O)/tests/sim/daemon_main.o
SIMULATE_OBJ = $(call obj,$(call src,tests/sim)) $(ON_SIM)
REHEARSE_OBJ = $(call obj,$(call src,tests/sim/rehearse) $(patsubst %,tests/sim/%.c,check clock disk operator pool redis server small store store_batch stream wire world)) $(ON_SIM)
WRAP     = -Wl$(,)--wrap=guard_redeem$(,)--wrap=guard_redeem_order$(,)--wrap=random_bytes
PROGS    = $(BIN)/paperguardd $(BIN)/paperguard $(BIN)/paperguard-sim $(BIN)/paperguard-keeper $(BIN)/paperguard-rehearse $(STRAT_BIN)
UNIT_BIN = $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ     = $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_BIN = $(FUZZ:%=$(O)/fuzz/fuzz_%)
REPLAY_BIN = $(FUZZ:%=$(O)/fuzz/replay_%)

.PHONY: programs objects units replays fuzzers
programs: $(PROGS)
objects: $(LIB_OBJ) $(DAEMON_OBJ) $(CTL_OBJ) $(SIM_OBJ) $(KEEPER_OBJ) $(call obj,$(STRAT_SRC)) $(O)/simulate
units: $(UNIT_BIN)
replays: $(REPLAY_BIN)
fuzzers: $(FUZZ_BIN)

# configure is made here, not shipped. Each step touches what it makes: autoheader and config.status leave an unchanged
# file alone, and the next make would take it for old.
configure: configure.ac
	@command -v autoconf >/dev/null || { echo 'autoconf is missing: run "make deps"' >&2; exit 1; }
	$(call say,CONF)
	$(Q)autoconf && touch $@
config.h.in: configure
	$(Q)autoheader && touch $@
config.mk: configure config.mk.in config.h.in
	$(call say,CONF)
	$(Q)./configure --quiet && touch $@ && touch config.h
config.h: config.mk
	@test -e $@ || ./configure --quiet

$(O)/%.o: %.c config.h | $(O)/sql_gen.h $(O)/web_gen.h $(O)/commit.h
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CCALL) -c $< -o $@
$(O)/sql_gen.h: $(sort $(wildcard daemon/sql/*.sql daemon/sql/migrations/*.sql)) daemon/sql/embed.sh daemon/sql \
		$(wildcard daemon/sql/migrations)
	$(call say,SQL)
	@mkdir -p $(@D)
	$(Q)sh daemon/sql/embed.sh daemon/sql > $@.tmp && mv $@.tmp $@
$(O)/web_gen.h: $(sort $(wildcard daemon/web/*.json)) daemon/web/embed.sh
	$(call say,WEB)
	@mkdir -p $(@D)
	$(Q)sh daemon/web/embed.sh $(filter %.json,$^) > $@.tmp && mv $@.tmp $@
$(O)/commit.h: FORCE
	@mkdir -p $(@D)
	@printf '#define PAPERGUARD_COMMIT "%s"\n' "$(or $(COMMIT),$(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown))" > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
.PHONY: FORCE
FORCE:

$(LIBA): $(LIB_OBJ)
	$(call say,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
define LINK
$(call say,LINK)
@mkdir -p $(@D)
$(Q)$(CC) $(LDHARD) -o $@ $(filter %.o,$^) $(LIBA) $(DEP_LIBS) $(1) $(LDFLAGS)
endef
$(BIN)/paperguardd: $(DAEMON_OBJ) $(LIBA)
	$(call LINK)
$(BIN)/paperguard: $(CTL_OBJ) $(LIBA)
	$(call LINK)
$(BIN)/paperguard-sim: $(SIM_OBJ) $(LIBA)
	$(call LINK)
$(BIN)/paperguard-keeper: $(KEEPER_OBJ) $(LIBA)
	$(call LINK)
$(BIN)/paperguard-rehearse: $(REHEARSE_OBJ) $(LIBA)
	$(call LINK,$(WRAP)$(,)--wrap=gethostname)
$(BIN)/strategies/%: $(O)/daemon/strategies/%.o $(addprefix $(O)/daemon/strategies/,strategy.o history.o) $(LIBA)
	$(call LINK)

# A test is one file linked with the library archive; objects it needs besides are named in its first lines as
# `// needs: daemon/x.o daemon/y*.o`. They come before the archive, so a second implementation of a seam wins.
needs = $(foreach n,$(shell sed -n 's|^// needs: ||p' $(1)),$(patsubst %.c,$(O)/%.o,$(or $(wildcard $(n:.o=.c)),$(n:.o=.c))))
.SECONDEXPANSION:
.SECONDARY:
# More than a hundred small programs: gold links them in a third of the time.
QUICK_LD := $(if $(shell command -v ld.gold),-fuse-ld=gold)
$(O)/unit/%: $(O)/tests/unit/%.o $$(call needs,tests/unit/$$*.c) $(LIBA)
	$(call LINK,$(CMOCKA_LIBS) $(QUICK_LD))
$(O)/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $$(call needs,tests/fuzz/fuzz_$$*.c) $(LIBA)
	$(call LINK,-fsanitize=fuzzer)
$(O)/fuzz/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $$(call needs,tests/fuzz/fuzz_$$*.c) $(LIBA)
	$(call LINK)

$(O)/tests/sim/daemon_main.o: $(O)/daemon/main.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym main=paperguardd_main $< $@
$(O)/simulate: $(SIMULATE_OBJ) $(LIBA)
	$(call LINK,$(WRAP))

$(O)/bench/bench_decision: $(call obj,tests/bench/bench_decision.c tests/bench/bench_parse.c $(wildcard daemon/exposure*.c)) $(LIBA)
	$(call LINK)
$(O)/bench/bench_halt: $(call obj,tests/bench/bench_halt.c daemon/halt.c daemon/halt_file.c) $(LIBA)
	$(call LINK)
$(O)/bench/bench_posts $(O)/bench/bench_timer: $(O)/bench/%: $(O)/tests/bench/%.o $(LIBA)
	$(call LINK)

deps: ## install what is missing of the Debian packages (root or sudo); touches no server
	@sh tests/tools/deps.sh
have-deps:
	@sh tests/tools/deps.sh --quiet

RUN = JOBS=$(JOBS) MAKE='$(MAKE)' BUILD='$(BUILD)' $(PYTHON) tests/run
.PHONY: deps have-deps docs coverage check check-unit check-house check-incidents check-system check-fire check-asan check-asan-system check-fuzz check-sim lint demo bench rehearse
check: have-deps ## all tests; the last line is "N passed, N failed"
	+@$(RUN) unit house incidents system asan corpus
check-unit: have-deps ## unit tests only (gcc build)
	+@$(RUN) unit
check-house: have-deps ## the rules of the house only
	+@$(RUN) house
check-incidents: have-deps ## what befell others, in a network with a live host that must not get a packet
	+@$(RUN) incidents
check-system: have-deps ## system tests only: real parts, private Postgres and Redis; then check-fire
	+@$(RUN) system fire
check-fire: have-deps ## kills at calls, failing calls and allocations in the middle of runs: FIRE_ROUNDS=1 FIRE_SEED=1; PLANTED=yes: with planted bugs
	+@FIRE_ROUNDS='$(FIRE_ROUNDS)' FIRE_SEED='$(FIRE_SEED)' $(RUN) fire
	@[ '$(PLANTED)' != yes ] || BUILD='$(BUILD)' $(PYTHON) -B tests/fire/bugs.py
check-asan: have-deps ## unit tests and fuzz corpus under clang with ASan and UBSan
	+@$(RUN) asan corpus
check-asan-system: have-deps ## system tests with the programs under clang's ASan and UBSan; long, not in check
	+@$(RUN) asan-system
FUZZ_SECONDS ?= 60
check-fuzz: have-deps ## fuzz every parser, FUZZ_SECONDS=60 each; finds stay in build/fuzz
	+@FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN) fuzz
check-sim: have-deps ## the daemon in a simulated world: SEEDS=200 from SEED_BASE=1 (one in 50 twice; SIM_SECONDS=n: none begins later), incidents, planted bugs (PLANTED=no: without); SEED=n: one seed, with its trace
	@$(MAKE) --no-print-directory -j$(JOBS) programs $(O)/simulate
	@SEEDS='$(SEEDS)' SEED_BASE='$(SEED_BASE)' SEED='$(SEED)' SIM_SECONDS='$(SIM_SECONDS)' JOBS='$(JOBS)' SIMULATE='$(abspath $(O))/simulate' $(PYTHON) -B tests/sim/run.py
	@[ -n '$(SEED)' ] || [ '$(PLANTED)' = no ] || BUILD='$(BUILD)' $(PYTHON) -B tests/sim/bugs.py
# Of what decides: each branch is taken by a unit test, or it is not there.
COVERED = $(patsubst tests/unit/%.c,$(BUILD)/obj-coverage/unit/%,$(wildcard tests/unit/test_guard*.c tests/unit/test_permit*.c tests/unit/test_keyscan*.c tests/unit/test_risk*.c tests/unit/test_selftest.c))
coverage: have-deps ## branches of lib/guard and lib/trade/risk*.c that unit tests take; fails when lib/guard lacks one
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=coverage $(COVERED)
	@BUILD='$(BUILD)' $(PYTHON) -B tests/tools/coverage.py $(COVERED)
lint: have-deps ## clang -Werror, clang-tidy, cppcheck, shellcheck, clang-format
	+@JOBS=$(JOBS) MAKE='$(MAKE)' BUILD='$(BUILD)' bash tests/tools/lint.sh
demo: have-deps ## build and run everything in a temporary folder until Ctrl-C (RUNS=n: until n runs are settled)
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@RUNS='$(RUNS)' BIN='$(BUILD)/bin' tests/demo/demo.sh
rehearse: have-deps ## the shipped strategies over old prices, a session after the other (PRICES=dir FROM=date TO=date SEED=n)
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@$(BIN)/paperguard rehearse $(if $(PRICES),--prices '$(PRICES)') $(if $(FROM),--from '$(FROM)') $(if $(TO),--to '$(TO)') $(if $(SEED),--seed '$(SEED)')
bench: have-deps ## measure, in ratios of one run: a table and build/bench.json (LONG=1: the long ones too; PART=decision: what one order's checks cost; PART=halt: from a halt to a refused order)
	@$(MAKE) --no-print-directory -j$(JOBS) programs $(addprefix $(O)/bench/,bench_decision bench_halt bench_posts bench_timer)
	@BIN='$(BUILD)/bin' BENCH='$(O)/bench' LONG='$(LONG)' PART='$(PART)' $(PYTHON) tests/bench/run.py

docs: $(BIN)/paperguardd $(BIN)/paperguard ## write sample configuration, manual pages and completion anew from their tables
	@$(PYTHON) tests/tools/docs.py $^

PREFIX     ?= /usr
SYSCONFDIR ?= /etc
LIBDIR     ?= $(PREFIX)/lib
LIBEXEC    ?= $(PREFIX)/libexec/paperguard
DATADIR    ?= $(PREFIX)/share
put         = install -D -m $(3) $(1) $(DESTDIR)$(2)
puts        = install -d $(DESTDIR)$(2) && install -m $(3) $(1) $(DESTDIR)$(2)/
.PHONY: install
install: programs ## install under DESTDIR (PREFIX=/usr); an existing configuration is left alone
	$(call puts,$(BIN)/paperguardd,$(PREFIX)/sbin,755)
	$(call puts,$(BIN)/paperguard $(BIN)/paperguard-sim,$(PREFIX)/bin,755)
	$(call puts,$(STRAT_BIN) $(BIN)/paperguard-keeper $(BIN)/paperguard-rehearse,$(LIBEXEC),755)
	$(call puts,$(wildcard systemd/*.service systemd/*.socket),$(LIBDIR)/systemd/system,644)
	sed -i 's|=/usr/sbin/|=$(PREFIX)/sbin/|; s|=/usr/libexec/paperguard/|=$(LIBEXEC)/|' $(DESTDIR)$(LIBDIR)/systemd/system/paperguard*.service
	$(call put,systemd/paperguard.sysusers,$(LIBDIR)/sysusers.d/paperguard.conf,644)
	$(call put,systemd/paperguard.tmpfiles,$(LIBDIR)/tmpfiles.d/paperguard.conf,644)
	$(call puts,$(wildcard LICENSE README.md NEWS conf/paperguard.conf),$(DATADIR)/doc/paperguard,644)
	$(call put,conf/paperguard.bash,$(DATADIR)/bash-completion/completions/paperguard,644)
	$(call puts,$(wildcard conf/prometheus/*.yml),$(DATADIR)/paperguard/prometheus,644)
	$(call puts,conf/grafana/paperguard.json,$(DATADIR)/paperguard/grafana,644)
	$(call puts,scripts/api_smoke_check.py,$(DATADIR)/paperguard/scripts,755)
	cd conf && find sample-data -type f -exec install -D -m 644 {} $(abspath $(DESTDIR)/)$(DATADIR)/paperguard/{} \;
	$(foreach n,1 5 7 8,$(if $(wildcard man/*.$n),$(call puts,$(wildcard man/*.$n),$(DATADIR)/man/man$n,644) &&)) :
	test -e $(DESTDIR)$(SYSCONFDIR)/paperguard/paperguard.conf || \
		$(call put,conf/paperguard.conf,$(SYSCONFDIR)/paperguard/paperguard.conf,640)

.PHONY: help clean
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  V=1 shows commands; PROFILE=clang|asan|fuzz builds beside the plain one; JOBS=2 at a time'
clean: ## remove what was built (configure stays)
	rm -rf build build-*

-include $(shell find $(O) -name '*.d' 2>/dev/null)
