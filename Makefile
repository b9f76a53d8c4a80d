# Every command of the project; "make help" lists them.
#
# All that is generated goes to build/.

SHELL     := /bin/bash
MAKEFLAGS += --no-print-directory

# nginx adds -Werror.  It also adds the last of these, but for clang, unlike
# gcc, the -Wextra that follows would undo that.

WARNINGS := -Wall -Wextra -Wno-unused-parameter
CFLAGS   ?= -g -O2
LDFLAGS  ?=

# Not named NGINX: in the environment that is how one nginx hands its sockets
# to the next.

ifndef NGINX_BINARY
NGINX_BINARY := $(shell command -v nginx || echo /usr/sbin/nginx)
endif

PYTHON       ?= /usr/bin/python3
PROVE        ?= /usr/bin/prove
PROVE_FLAGS  ?= -j2
INSTALL      ?= t/lib/install.sh

BUILD  := $(CURDIR)/build
MODULE := $(BUILD)/ngx_http_marketplace_module.so

# Programs of ours that start an nginx find these two in their environment.

export NGINX_BINARY MODULE
export PYTHONDONTWRITEBYTECODE := 1

.DELETE_ON_ERROR:


.PHONY: all
all: $(MODULE)  ## build the module (the default)

.PHONY: help
help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / \
	    { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  NGINX_SRC=dir          build in this nginx source tree instead"
	@echo "  NGINX_CONFIGURE=flags  what that nginx was configured with"
	@echo "  NGINX_BINARY=file      the nginx that is tested with"
	@echo "  CC, CFLAGS, LDFLAGS    as usual"


# Building the module

ifdef NGINX_SRC

NGINX_TREE      := $(abspath $(NGINX_SRC))
NGINX_CONFIGURE ?= --with-compat --with-http_ssl_module

CONFIGURE = ./configure $(NGINX_CONFIGURE)
BUILT_FOR =

else

NGINX_TREE := /usr/share/nginx/src

CONFIGURE = . ./conf_flags && ./configure "$${NGX_CONF_FLAGS[@]}"
BUILT_FOR = $(shell $(NGINX_BINARY) -V 2>&1)

endif

CONFIGURE += --with-cc='$(CC)' --with-cc-opt='$(CFLAGS) $(WARNINGS)' \
             --with-ld-opt='$(LDFLAGS)' --add-dynamic-module='$(CURDIR)'

SOURCES := $(wildcard src/*.[ch] src/*/*.[ch])

$(MODULE): $(BUILD)/nginx/objs/Makefile $(SOURCES)
	@$(MAKE) -s -C $(BUILD)/nginx -f objs/Makefile objs/$(@F)
	@cp $(BUILD)/nginx/objs/$(@F) $@.new && mv $@.new $@
	@echo "built $(@:$(CURDIR)/%=%)"

# nginx is configured in a folder of links to its source tree, because
# configure writes to the folder it is run in.

$(BUILD)/nginx/objs/Makefile: config $(BUILD)/settings
	@$(check_nginx_tree)
	@rm -rf $(BUILD)/nginx
	@mkdir -p $(BUILD)/nginx
	@cd $(BUILD)/nginx \
	    && ln -s $(NGINX_TREE)/* . \
	    && rm -rf Makefile objs \
	    && { test -e configure || ln -s auto/configure; } \
	    && { $(CONFIGURE); } >$(BUILD)/configure.log 2>&1 \
	    || { tail -n 20 $(BUILD)/configure.log; exit 1; }

define check_nginx_tree
	header=$(NGINX_TREE)/src/core/nginx.h; \
	if ! test -f $$header; then \
	    echo "no nginx source tree in $(NGINX_TREE):" \
	         "run t/lib/install.sh build, or give NGINX_SRC=dir" >&2; \
	    exit 1; \
	fi; \
	version=$$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' $$header); \
	if test -z "$(NGINX_SRC)" \
	    && ! $(NGINX_BINARY) -v 2>&1 | grep -qw "nginx/$$version"; \
	then \
	    echo "$(NGINX_BINARY) is not nginx $$version, for which the" \
	         "development files are: give NGINX_SRC=dir" >&2; \
	    exit 1; \
	fi
endef

# What was built with other settings is built anew.

$(BUILD)/settings: export SETTINGS = $(CONFIGURE) $(NGINX_TREE) $(BUILT_FOR)
$(BUILD)/settings: FORCE
	@mkdir -p $(@D)
	@test "$$SETTINGS" = "$$(cat $@ 2>/dev/null)" || echo "$$SETTINGS" >$@

.PHONY: FORCE
FORCE:


# Testing

TEST_PARTS := unit fuzz-smoke test-python test-nginx

.PHONY: test
test: install-test  ## install what is missing and run every test
	@failed=; \
	for part in $(TEST_PARTS); do \
	    $(MAKE) $$part || failed+=" $$part"; \
	done; \
	if test "$$failed"; then \
	    echo "make test: FAILED:$$failed"; \
	    exit 1; \
	fi; \
	echo "make test: passed: $(TEST_PARTS)"

# What is in a folder below src/ knows nothing of nginx and is tested
# without it.

UNIT_CFLAGS := -g -O1 -Isrc $(WARNINGS) -Werror -fno-omit-frame-pointer \
               -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_LIBS   := -lcjson -lcrypto -lcmocka

UNIT_OBJECTS := $(patsubst %.c,$(BUILD)/unit/%.o,$(wildcard src/*/*.c))
UNIT_TESTS   := $(patsubst t/unit/%.c,$(BUILD)/unit/%, \
                    $(sort $(wildcard t/unit/*_test.c)))

# Python tests feed these with what they generate.

UNIT_FILTERS := $(addprefix $(BUILD)/unit/,profile reply sign sts token)

.PHONY: unit
unit: $(UNIT_TESTS)  ## run the unit tests, with sanitizers
	@CMOCKA_MESSAGE_OUTPUT=TAP $(PROVE) -f -o -e '' $(^:$(CURDIR)/%=%)

.SECONDARY:
$(UNIT_TESTS) $(UNIT_FILTERS): \
    $(BUILD)/unit/%: $(BUILD)/unit/t/unit/%.o $(UNIT_OBJECTS)
	@$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ $^ $(UNIT_LIBS)

$(BUILD)/unit/%.o: %.c $(BUILD)/settings
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/unit -name '*.d' 2>/dev/null)

test-python: $(UNIT_FILTERS)

PYTHON_TESTS := t/standin_clients.py $(sort $(wildcard t/*_test.py))

.PHONY: test-python
test-python: $(MODULE)
	@failed=0; \
	for test in $(PYTHON_TESTS); do \
	    echo "$$test"; \
	    $(PYTHON) $$test || failed=1; \
	done; \
	exit $$failed

# Test::Nginx keeps its servers in t/ below the current folder.  Here that
# is a folder of links to our t/, which so stays clean.

.PHONY: test-nginx
test-nginx: $(MODULE)
	@rm -rf $(BUILD)/prove
	@mkdir -p $(BUILD)/prove/t
	@ln -s $(CURDIR)/t/* $(BUILD)/prove/t
	@cd $(BUILD)/prove && TEST_NGINX_BINARY=$(NGINX_BINARY) \
	    TEST_NGINX_LOAD_MODULES=$(MODULE) TEST_NGINX_RANDOMIZE=1 \
	    $(PROVE) $(PROVE_FLAGS) t/*.t


.PHONY: test-examples
test-examples: install-examples  ## the examples, Express of npm among them
	@$(MAKE) all
	@$(PYTHON) t/examples_test.py
	@mkdir -p $(BUILD)/express
	@cp debian/examples/express/package.json $(BUILD)/express
	@npm install --prefix $(BUILD)/express --no-audit --no-fund \
	    --loglevel=error
	@EXPRESS=$(BUILD)/express $(PYTHON) t/examples_express.py

.PHONY: test-application
test-application: install-application  ## sell an existing application
	@$(MAKE) all
	@$(PYTHON) t/application.py

.PHONY: test-browser
test-browser: install-demo  ## register across three sites, in Chromium
	@$(MAKE) all
	@$(PYTHON) t/browser.py


# Proving

.PHONY: asan
asan: install-test install-asan  ## the tests, with sanitizers in nginx, too
	@t/proof/asan

.PHONY: valgrind
valgrind: install-test install-valgrind  ## the suites, nginx under valgrind
	@$(MAKE) all
	@t/proof/valgrind

# libFuzzer targets for all that parses what others wrote.  Smoke runs come
# with the tests.

FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 600
FUZZ_CFLAGS  := -g -O1 -Isrc $(WARNINGS) -fno-omit-frame-pointer \
                -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_LIBS    := -lcjson -lcrypto

FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(wildcard src/*/*.c))
FUZZ_TARGETS := $(patsubst t/fuzz/%.c,$(BUILD)/fuzz/%, \
                    $(sort $(wildcard t/fuzz/*_fuzz.c)))

.PHONY: fuzz
fuzz: install-test  ## search every parser for faults, FUZZ_SECONDS each
	@$(MAKE) fuzz-targets
	@t/fuzz/run $(FUZZ_SECONDS)
	@$(PYTHON) t/fuzz/agree.py

.PHONY: fuzz-smoke
fuzz-smoke: fuzz-targets
	@t/fuzz/run 10
	@$(PYTHON) t/fuzz/agree.py --seeds

.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS) $(UNIT_FILTERS)

.SECONDARY:
$(FUZZ_TARGETS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/t/fuzz/%.o $(FUZZ_OBJECTS)
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(FUZZ_LIBS)

$(BUILD)/fuzz/%.o: %.c $(BUILD)/settings
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/fuzz -name '*.d' 2>/dev/null)

.PHONY: failing-memory
failing-memory: install-test install-asan  ## each allocation fails in turn
	@$(PYTHON) t/proof/memory

.PHONY: hostile
hostile: install-test install-asan  ## hostile clients and a hostile AWS
	@$(PYTHON) t/proof/hostile

.PHONY: coverage
coverage: install-test install-coverage  ## what of src/ the tests reach
	@$(PYTHON) t/proof/coverage

.PHONY: lint
lint: install-lint  ## cppcheck, clang-tidy and nginx's style
	@$(MAKE) all
	@t/proof/lint

.PHONY: matrix
matrix: install-matrix  ## test on three Debians, each in several ways
	@$(PYTHON) t/proof/matrix $(CELLS)

.PHONY: mutate
mutate: install-test  ## plant faults, which the tests have to find
	@$(PYTHON) t/proof/mutate $(FAULTS)


# Packaging

# The package is made in a copy of the tree, because Debian's tools leave what
# they make in and beside the folder they are run in.

.PHONY: deb
deb: install-deb  ## build the Debian package
	@rm -rf $(BUILD)/deb $(BUILD)/*.deb
	@mkdir -p $(BUILD)/deb/source
	@tar -c --exclude=./build --exclude=./.git . \
	    | tar -x -C $(BUILD)/deb/source
	@cd $(BUILD)/deb/source \
	    && env -u MAKEFLAGS -u CC -u CFLAGS -u LDFLAGS \
	        dpkg-buildpackage -b -us -uc >../log 2>&1 \
	    || { tail -n 20 $(BUILD)/deb/log; exit 1; }
	@cp $(BUILD)/deb/libnginx-mod-http-marketplace_*.deb $(BUILD)
	@cd $(BUILD) && echo "built" *.deb

.PHONY: deb-check
deb-check: install-deb-check  ## the package and the image on bare Debians
	@t/proof/deb


# Showing

.PHONY: demo
demo: install-demo  ## run nginx, an application and a stand-in for AWS
	@$(MAKE) all
	@t/demo/run

.PHONY: demo-check
demo-check: install-demo  ## the same unattended: does a registration work?
	@$(MAKE) all
	@t/demo/run --check

.PHONY: bench
bench: install-bench  ## compare the module with its alternatives
	@$(MAKE) all
	@t/bench/run

.PHONY: bench-scale
bench-scale: install-scale  ## how cost grows with sizes and numbers
	@$(MAKE) all
	@$(PYTHON) t/bench/scale


install-%: FORCE
	@$(INSTALL) $*

.PHONY: clean
clean:  ## remove build/
	@rm -rf $(BUILD)
