# SPDX-License-Identifier: Apache-2.0
# paperguard: hand-written build. `make help` lists the targets. Objects live per profile under $(BUILD).
BUILD   ?= build
PROFILE ?= plain
-include config.mk

WARN    = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror
CSTD    = -std=gnu17
OPT    ?= -O2 -g
HARDEN ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifeq ($(PROFILE),asan)
OPT     = -O1 -g -fno-omit-frame-pointer
HARDEN  = -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDHARD  = -fsanitize=address,undefined
else
LDHARD  = -pie -Wl,-z,relro,-z,now
endif
O       = $(BUILD)/obj-$(PROFILE)
BIN     = $(if $(filter plain,$(PROFILE)),$(BUILD)/bin,$(BUILD)/bin-$(PROFILE))
CPPALL  = -I. -I$(O) -D_GNU_SOURCE -include config.h $(DEP_CFLAGS)
CCALL   = $(CC) $(CSTD) $(OPT) $(HARDEN) $(WARN) $(CPPALL) $(CFLAGS) -MMD -MP
PYTHON ?= /usr/bin/python3

src      = $(sort $(wildcard $(1)/*.c))
obj      = $(patsubst %.c,$(O)/%.o,$(1))
LIB_OBJ  = $(call obj,$(foreach d,base trade guard io,$(call src,lib/$d)))
DAEMON_SRC = $(call src,daemon)
DAEMON_OBJ = $(call obj,$(DAEMON_SRC))
STRAT_SRC  = $(call src,daemon/strategies)
STRAT_BIN  = $(patsubst daemon/strategies/%.c,$(BIN)/strategies/%,$(filter-out %/strategy.c,$(STRAT_SRC)))
LIBA     = $(O)/libpaperguard.a
PROGS    = $(BIN)/paperguardd $(BIN)/paperguard $(BIN)/paperguard-sim $(STRAT_BIN)
UNIT_BIN = $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))

.PHONY: all
all: config.mk
	@$(MAKE) --no-print-directory programs

.PHONY: programs
programs: $(PROGS)

config.mk config.h: configure config.mk.in
	./configure --quiet
configure: configure.ac
	autoheader && autoconf

$(O)/%.o: %.c config.h | $(O)/sql_gen.h $(O)/commit.h
	@mkdir -p $(@D)
	$(CCALL) -c $< -o $@
$(O)/sql_gen.h: $(sort $(wildcard daemon/sql/*.sql daemon/sql/migrations/*.sql)) daemon/sql/embed.sh
	@mkdir -p $(@D)
	sh daemon/sql/embed.sh daemon/sql > $@.tmp && mv $@.tmp $@
$(O)/commit.h: FORCE
	@mkdir -p $(@D)
	@printf '#define PAPERGUARD_COMMIT "%s"\n' "$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
.PHONY: FORCE
FORCE:

$(LIBA): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^
LINK = @mkdir -p $(@D); $(CC) $(LDHARD) -o $@ $(filter %.o,$^) $(LIBA) $(DEP_LIBS) $(LDFLAGS)
$(BIN)/paperguardd: $(DAEMON_OBJ) $(LIBA)
	$(LINK)
$(BIN)/paperguard: $(call obj,$(call src,daemon/ctl)) $(LIBA)
	$(LINK)
$(BIN)/paperguard-sim: $(call obj,$(call src,daemon/sim)) $(LIBA)
	$(LINK)
$(BIN)/strategies/%: $(O)/daemon/strategies/%.o $(O)/daemon/strategies/strategy.o $(LIBA)
	$(LINK)

# A unit test is one file tests/unit/test_X.c linked with the library archive; daemon objects it needs are named in its
# first lines as `// needs: daemon/x.o daemon/y.o`.
needs = $(addprefix $(O)/,$(shell sed -n 's|^// needs: ||p' $(1)))
.SECONDEXPANSION:
$(O)/unit/%: tests/unit/%.c $(LIBA) $$(call needs,tests/unit/$$*.c) | $(O)/sql_gen.h
	@mkdir -p $(@D)
	$(CCALL) $(LDHARD) -o $@ $< $(call needs,$<) $(LIBA) $(DEP_LIBS) $(CMOCKA_LIBS) $(LDFLAGS)

.PHONY: units
units: $(UNIT_BIN)

.PHONY: clean
clean:
	rm -rf build build-*

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
