# SPDX-License-Identifier: Apache-2.0
# Aether. Everything that is built lies under $(O); `make help` lists targets.
# Each folder is compiled with -I only for what it may see (docs/design.md), so
# that an include against the arrows does not compile.

O = build
CC = gcc
OPT = -O2 -g
PREFIX = /usr/local
DESTDIR =
VERSION = 0.1.0
SO = 0

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wvla -Werror
ALLCF = -std=c11 $(OPT) $(SAN:%=-fsanitize=% -fno-omit-frame-pointer) $(WARN) \
	-fPIC -fvisibility=hidden -fno-semantic-interposition -MMD -MP $(CFLAGS)
ALLLD = $(SAN:%=-fsanitize=%) $(LDFLAGS)
GEN = build/gen
PUBLIC = -Iinclude -I$(GEN)

LAYOUT = $(GEN)/aether/layout.h
PROGRAMS = $(addprefix $(GEN)/gf256/,programs.h avx2.inc avx512.inc)
SCHEMA = schema/aether.capnp schema/meta.capnp
LAYOUTS = schema/lean.capnp schema/inos.capnp

LIBDIRS = core host/posix slice appliance flow
LIBSRC = $(foreach d,$(LIBDIRS),$(wildcard $(d)/*.c))
LIBASM = $(foreach d,$(LIBDIRS),$(wildcard $(d)/*.S))
LIBOBJ = $(LIBSRC:%.c=$(O)/obj/%.o) $(LIBASM:%=$(O)/obj/%.o)
CLIOBJ = $(patsubst %.c,$(O)/obj/%.o,$(wildcard cli/*.c shard/*.c))
BENCHOBJ = $(patsubst %.c,$(O)/obj/%.o,$(wildcard bench/*.c))
CTESTS = $(patsubst %.c,$(O)/%,$(filter-out tests/sim/%, \
	$(wildcard tests/*/test_*.c)))
SIMTESTS = $(patsubst %.c,$(O)/%,$(wildcard tests/sim/test_*.c))
SIMOBJ = $(patsubst %.c,$(O)/sim/%.o,$(wildcard core/*.c host/sim/*.c))
# those that take long first, so that two at once end together
TESTS = $(filter-out $(COVERED) $(SLOW),$(wildcard tests/*/test_*.py)) \
	$(SIMTESTS) $(CTESTS)
# two fifths of all work: not in make check, which has two minutes
SLOW = tests/sim/test_planted.py tests/cli/test_survive.py \
	tests/examples/test_examples.py tests/tools/test_tools.py \
	tests/cli/test_chaos.py tests/schema/test_generator.py
COVERED = tests/sim/test_cover.py
BURNS = $(patsubst %.c,$(O)/%.so,$(wildcard examples/burn_*.c))
EXAMPLES = $(patsubst %.c,$(O)/%,$(filter-out examples/burn_%, \
	$(wildcard examples/*.c)))
LIB = $(O)/libaether.a
SHARED = $(O)/libaether.so.$(VERSION)

all: $(O)/aether $(O)/aether-bench $(SHARED) $(EXAMPLES) $(BURNS) ## Build everything

# ---- what each folder may see
see/core = $(PUBLIC) -Icore -ffreestanding
see/host/posix = $(PUBLIC) -Icore -Ihost/posix -D_GNU_SOURCE
see/host/sim = $(PUBLIC) -Itests -Icore -Ihost/sim -D_GNU_SOURCE
see/slice = $(PUBLIC) -Islice
see/appliance = $(PUBLIC) -Iappliance
see/appliance/gf256_scalar = -fno-tree-vectorize -fno-tree-slp-vectorize
see/flow = $(PUBLIC) -Islice -Iappliance -Iflow -D_GNU_SOURCE
see/shard = -Ishard
see/cli = $(PUBLIC) -Ishard -Icli -D_GNU_SOURCE
see/bench = $(PUBLIC) -Icore -Ibench -D_GNU_SOURCE
see/examples = $(PUBLIC)
see/tests = $(PUBLIC) -Itests -Icore -Ihost/posix -Islice -Iappliance -Iflow \
	-D_GNU_SOURCE
folder = $(patsubst %/,%,$(dir $*))

$(O)/obj/%.o: %.c $(LAYOUT) $(O)/stamp Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/$(folder)) $(see/$*) -c $< -o $@

$(O)/obj/%.S.o: %.S $(PROGRAMS) $(O)/stamp Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out -std=c11,$(ALLCF)) $(see/$(folder)) -c $< -o $@

# changes when the compiler, its flags or the list of sources do
$(O)/stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALLCF) $(LIBSRC) $(LIBASM)' | cmp -s - $@ || \
		echo '$(CC) $(ALLCF) $(LIBSRC) $(LIBASM)' > $@

$(LIB): $(LIBOBJ) $(O)/stamp
	rm -f $@ && ar rcs $@ $(LIBOBJ)

$(SHARED): $(LIBOBJ) $(O)/stamp libaether.map
	$(CC) $(ALLLD) -shared -Wl,-soname,libaether.so.$(SO) \
		-Wl,--version-script=libaether.map -Wl,-z,defs,-z,nodelete \
		$(LIBOBJ) -o $@
	ln -sf $(@F) $(O)/libaether.so.$(SO)
	ln -sf $(@F) $(O)/libaether.so

# all of the library, and seen from outside: a user's burn may call it
$(O)/aether: $(CLIOBJ) $(LIB)
	$(CC) $(ALLLD) -rdynamic $(CLIOBJ) -Wl,--whole-archive $(LIB) \
		-Wl,--no-whole-archive -ljansson -lxxhash -o $@

$(O)/aether-bench: $(BENCHOBJ) $(LIB)
	$(CC) $(ALLLD) $^ -ljansson -lm -o $@

$(O)/tests/%: tests/%.c $(LIB) $(LAYOUT) tests/tap.h
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/tests) $(ALLLD) $< $(LIB) -lpthread -o $@

# the simulator: core as it is, with a hook before each atomic operation
$(O)/sim/core/%.o: core/%.c $(LAYOUT) $(O)/stamp Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/core) -Ihost/sim -include host/sim/hook.h \
		-c $< -o $@

$(O)/sim/host/sim/%.o: host/sim/%.c $(LAYOUT) $(O)/stamp Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/host/sim) -c $< -o $@

$(SIMTESTS): $(O)/tests/sim/%: tests/sim/%.c $(SIMOBJ) $(LAYOUT) tests/tap.h
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/host/sim) $(ALLLD) $< $(SIMOBJ) -o $@

$(O)/examples/%: examples/%.c $(LIB) $(LAYOUT)
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/examples) $(ALLLD) $< $(LIB) -o $@

$(O)/examples/burn_%.so: examples/burn_%.c $(LAYOUT)
	@mkdir -p $(@D)
	$(CC) $(ALLCF) $(see/examples) $(ALLLD) -shared $< -o $@

# fuzzing (docs/fuzz.md): core with a hook at each atomic operation, over a port
# without an operating system; `attach` and `socket` over the real one
FUZZED = attach socket lease segment epoch region flow text shard
FO = $(O)/fuzz
FUZZCC = clang-14
FUZZCF = -std=c11 -O2 -g $(WARN) -fno-omit-frame-pointer -MMD -MP \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-sanitize-coverage=trace-cmp
fuzzobj = $(patsubst %.c,$(FO)/%.o,$(foreach d,$(1),$(wildcard $(d))))
FUZZRIG = $(call fuzzobj,fuzz/rig.c fuzz/forge.c fuzz/actor.c)
FUZZFLOW = $(call fuzzobj,flow/*.c slice/*.c appliance/*.c \
	host/posix/isa.c host/posix/error.c) $(LIBASM:%=$(FO)/%.o)

see/fuzz = $(see/tests) -Ishard -Ifuzz -Icli
$(FO)/core/%.o: FUZZHOOK = -include fuzz/fuzz_hook.h
$(FO)/cli/%.o: FUZZHOOK = -Dexit=fuzz_exit

$(FO)/%.o: %.c $(LAYOUT) fuzz/fuzz_hook.h Makefile
	@mkdir -p $(@D)
	$(FUZZCC) $(FUZZCF) $(see/$(folder)) $(FUZZHOOK) -c $< -o $@

$(FO)/%.S.o: %.S $(PROGRAMS) Makefile
	@mkdir -p $(@D)
	$(FUZZCC) $(see/$(folder)) -c $< -o $@

$(FO)/fuzz_attach $(FO)/fuzz_socket: $(call fuzzobj,host/posix/*.c)
$(FO)/fuzz_lease $(FO)/fuzz_segment $(FO)/fuzz_epoch $(FO)/fuzz_region: $(FO)/fuzz/port.o
$(FO)/fuzz_flow: $(FO)/fuzz/port.o $(FUZZFLOW)
$(FO)/fuzz_shard: $(FO)/fuzz/port.o $(call fuzzobj,shard/*.c)
$(FO)/fuzz_shard: FUZZLD = -lxxhash
$(FO)/fuzz_text: $(FO)/fuzz/port.o $(FUZZFLOW) \
	$(call fuzzobj,cli/values.c cli/parse.c cli/run_burn.c)

$(FUZZED:%=$(FO)/fuzz_%): $(FO)/fuzz_%: $(FO)/fuzz/fuzz_%.o $(FUZZRIG) \
		$(call fuzzobj,core/*.c)
	$(FUZZCC) -fsanitize=fuzzer,address,undefined $^ -lpthread \
		$(FUZZLD) -o $@

fuzzers: $(FUZZED:%=$(FO)/fuzz_%)

TARGET = lease
SECONDS = 60
fuzz: ## Fuzz one target (TARGET=lease SECONDS=60)
	@tools/need.sh test
	$(MAKE) -j2 fuzzers
	O=$(O) fuzz/run.sh $(TARGET) $(SECONDS)

# the constants as each language wants them, and the tables of docs/format.md
GENERATED = $(LAYOUT) $(GEN)/format-tables.md $(GEN)/rust/layout.rs \
	$(GEN)/go/system/layout.go $(GEN)/js/layout.mjs $(GEN)/js/layout.d.mts \
	$(GEN)/python/aether_layout.py $(GEN)/nasm/layout.inc

$(GENERATED) &: $(wildcard schema/*.py) $(SCHEMA) $(LAYOUTS) $(GEN)/stamp
	@tools/need.sh build
	python3 schema/gen.py --schema schema/aether.capnp \
		$(LAYOUTS:%=--layout %) $(join --c= --md= --rust= --go= \
		--mjs= --dts= --python= --nasm=,$(GENERATED))

# changes when the list of layouts does
$(GEN)/stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(LAYOUTS)' | cmp -s - $@ || echo '$(LAYOUTS)' > $@

# the programs of exclusive ors for GF(2^8), one for each constant
$(foreach o,$(O)/obj $(FO),$(o)/appliance/gf256_scalar.o \
	$(o)/appliance/gf256_simd128.o): $(PROGRAMS)

$(PROGRAMS) &: appliance/gen_gf256.py
	@mkdir -p $(@D)
	python3 $< $(join --c= --avx2= --avx512=,$(PROGRAMS))

# ---- the two commands
demo: ## Run the main job on a real file (FILE=path for another)
	@tools/need.sh build
	@$(MAKE) --no-print-directory -j2 -s all
	@O=$(O) tools/demo.sh "$(FILE)"

test: ## Run every test (20 minutes at most)
	@tools/need.sh test
	$(MAKE) -j2 all $(CTESTS) $(SIMTESTS)
	$(MAKE) check
	$(MAKE) -j2 $(ASAN) programs
	$(MAKE) $(ASAN) flavour
	$(MAKE) -j2 $(TSAN) programs
	$(MAKE) $(TSAN) flavour
	$(MAKE) -j2 O=build/clang CC=clang-14 $(CTESTS:$(O)/%=build/clang/%)
	O=$(O) prove -j2 -e tests/run.sh tests/model.sh \
		tests/model_others.sh tests/planted_chaos.py $(SLOW)
	$(MAKE) -j2 fuzzers
	O=$(O) prove -e tests/run.sh tests/install.sh tests/rows.sh \
		tests/fuzz.sh

# ---- parts
check: ## The quick tests and the lints (2 minutes)
	@tools/need.sh test
	@$(MAKE) --no-print-directory all $(CTESTS) $(SIMTESTS)
	@mkdir -p $(O)/sim/cover
	O=$(O) SIM_COVER=$(O)/sim/cover prove -j3 -e tests/run.sh $(TESTS)
	O=$(O) prove -e tests/run.sh $(COVERED)
	$(MAKE) --no-print-directory lint

ASAN = O=build/asan SAN=address,undefined OPT="-O1 -g"
TSAN = O=build/tsan SAN=thread OPT="-O1 -g"

programs: $(O)/aether $(O)/aether-bench $(CTESTS)

flavour: programs
	O=$(O) AETHER_BIN=$(CURDIR)/$(O)/aether prove -j2 -e tests/run.sh \
		$(wildcard tests/cli/test_*.py) $(CTESTS)

NOMALLOC = $(filter-out %/burn.o %/flow/gf256.o %/flow/gf256_burn.o %/module.o %/mapped.o %/window.o,$(filter $(foreach d,core slice appliance \
	flow,$(O)/obj/$(d)/%),$(LIBOBJ)))

lint: all ## The checks that keep the structure honest
	tools/lint.sh
	tools/lint_symbols.sh core $(filter $(O)/obj/core/%,$(LIBOBJ))
	tools/lint_symbols.sh nomalloc $(NOMALLOC)
	tools/lint_symbols.sh exports $(SHARED) libaether.map include/aether
	tools/lint_symbols.sh libc $(SHARED)

soak: all $(CTESTS) $(SIMTESTS) ## Long stress, chaos, fuzzing (30 minutes at most)
	@tools/need.sh test
	$(O)/aether chaos --seconds 60 --kill-rate 60
	$(O)/aether chaos --seconds 60 --kill-rate 20 --scribble
	$(O)/aether chaos --seconds 30 --kill-rate 60 --segments 8 --zero
	SOAK=1 O=$(O) prove -j2 --reverse --timer -e tests/run.sh $(SIMTESTS)
	SOAK=1 O=$(O) prove -j2 --timer -e tests/run.sh \
		$(O)/tests/core/test_stress $(O)/tests/core/test_stress_threads \
		$(O)/tests/appliance/test_phases
	$(MAKE) -j2 fuzzers
	printf '%s\n' $(FUZZED) schema | \
		O=$(O) xargs -P 2 -I TARGET fuzz/run.sh TARGET 60

# a peer's own program, where the peer is installed
ICEORYX = $(lastword $(wildcard /usr/include/iceoryx/v*/iceoryx_binding_c))
PEERS = $(if $(ICEORYX),$(O)/aether-bench-iceoryx)

$(O)/aether-bench-iceoryx: bench/peers/iceoryx.c $(LAYOUT) $(O)/stamp
	$(CC) $(ALLCF) $(see/bench) -isystem $(dir $(ICEORYX)) $(ALLLD) $< \
		-liceoryx_binding_c -o $@

bench: all $(PEERS) ## Print every measured row and write build/bench.md
	$(O)/aether bench --against --output $(O)/bench.md

install: all $(GEN)/format-tables.md ## Install under DESTDIR and PREFIX
	tools/install.sh "$(DESTDIR)" "$(PREFIX)" "$(O)" "$(VERSION)" "$(SO)" \
		"$(GEN)"

format: ## Let clang-format 14 decide
	tools/format.sh

clean: ## Remove all that was built
	rm -rf build

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

.PHONY: all demo test check programs flavour lint soak bench install format \
	fuzz fuzzers clean help FORCE
.DELETE_ON_ERROR:
-include $(shell find $(O)/obj $(O)/sim $(O)/fuzz $(O)/tests $(O)/examples -name '*.d' \
	2>/dev/null)
