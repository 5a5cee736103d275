# Thin: each target calls swift or a script of share/.
PREFIX ?= /usr/local
DESTDIR ?=
# With these `make run` does not open the menu but runs `oscircular boot debian` with them.
ARGS ?=

SHARED = share/oscircular
BIN = $(DESTDIR)$(PREFIX)/bin
DATA = $(DESTDIR)$(PREFIX)/$(SHARED)
MAN = $(DESTDIR)$(PREFIX)/share/man

.PHONY: run build test fuzz drill bench bench-quick bench-full bench-menu bench-programs lint packages install clean

run:
	share/demo/run $(ARGS)

build:
	share/install-packages build
	swift build -c release --product oscircular
	swift build -c release --product oscircular-publish
	swift build -c release --product tuf-client

# Guests in emulation and tests that watch a clock need the machine for themselves, so they run one after the other.
test: packages lint
	swift build --build-tests
	swift test --skip-build --no-parallel
	benchmarks/selftest
	Tests/Fuzz/run

# The readers of foreign bytes under libFuzzer, FUZZ_SECONDS=60 in all.
fuzz: packages
	Tests/Fuzz/run

# The long ones: random kills, many weeks, long fuzzing. Their tests are skipped unless the variable is set.
drill: packages
	swift build --build-tests
	OSCIRCULAR_DRILL=1 swift test --skip-build --no-parallel --filter Drill

# We and our peers in one run: at most an hour; a run that was cut goes on. bench-quick takes minutes, bench-full hours.
bench: bench-programs
	benchmarks/run standard

bench-quick: bench-programs
	benchmarks/run quick

bench-full: bench-programs
	benchmarks/run full

bench-programs: build
	share/install-packages demo bench run
	swift build -c release --product network-proxy
	swift build -c release --product menu-sample

# Key to screen and idle CPU of the menu, beside htop.
bench-menu:
	share/install-packages build bench
	swift build -c release --product menu-sample
	benchmarks/menu-latency/run .build/release/menu-sample

lint:
	swift format lint --strict -r Sources Tests Package.swift

packages:
	share/install-packages

# Installs what `make build` made: run that first, as yourself.
install:
	install -d $(BIN)
	install -m 755 .build/release/oscircular .build/release/oscircular-publish $(BIN)
	# The commands of the guide of 2009.
	for name in httpstored httpstoraged httpstaged vmmenu.sh; do ln -sf oscircular $(BIN)/$$name || exit; done
	ln -sf oscircular-publish $(BIN)/mksha1files
	for page in man/*.[1-8]; do \
	    [ -e "$$page" ] || continue; \
	    install -D -m 644 "$$page" "$(MAN)/man$${page##*.}/$${page##*/}" || exit; \
	done
	install -d $(DATA)
	cp -R share/config.toml share/nginx share/systemd share/recipes share/demo share/tiny-guest share/install-packages $(DATA)

clean:
	rm -rf .build
