# Thin: each target calls swift or a script of share/.
PREFIX ?= /usr/local
DESTDIR ?=
# With these `make run` does not open the menu but runs `oscircular boot debian` with them.
ARGS ?=
# Swift's runtime goes into the programs: no Swift is needed where they run. Nothing in them tells in which folder, or when, they were built.
RELEASE = swift build -c release --static-swift-stdlib -debug-info-format none -Xlinker --no-export-dynamic \
    -Xcc "-ffile-prefix-map=$(CURDIR)=." -Xcxx "-ffile-prefix-map=$(CURDIR)=." \
    -Xswiftc -Xfrontend -Xswiftc -disable-incremental-llvm-codegen

.PHONY: run desktop-demo build programs test fuzzer deb-after-fuzzer fuzzed-and-bare fuzz sanitize drill reproducible bench bench-quick \
    bench-full bench-menu bench-programs lint packages install \
    deb test-deb test-bare usb test-usb clean

run:
	share/demo/run $(ARGS)

# The same with a Debian that has a desktop; its window opens with `w`, or by `make desktop-demo ARGS='--display window'`.
desktop-demo:
	OSCIRCULAR_DEMO_SYSTEM=desktop share/demo/run $(ARGS)

build: programs
	$(RELEASE) --product tuf-client

# What is installed.
programs:
	share/install-packages build
	$(RELEASE) --product oscircular
	$(RELEASE) --product oscircular-publish
	for processor in x86_64 aarch64; do share/park/build .build/release/park-$$processor $$processor || exit; done

test: packages lint
	Tests/build
	Tests/run
	benchmarks/selftest
	$(MAKE) --jobs=2 --output-sync=line deb-after-fuzzer fuzzed-and-bare
	share/debian/test || [ $$? = 77 ]

# Of what follows the tests nothing watches a clock, and compiling the programs leaves a processor idle for much of the time. Swift's package
# manager builds one thing after the other in one folder, so the fuzzer is built before; and so is installed what packages need, for apt's sake.
fuzzer:
	share/install-packages package
	Tests/Fuzz/run --build

deb-after-fuzzer: fuzzer
	$(MAKE) deb

fuzzed-and-bare: fuzzer
	Tests/Fuzz/run --built
	share/bare-root/test || [ $$? = 77 ]

# The readers of foreign bytes under libFuzzer, FUZZ_SECONDS=60 in all.
fuzz: packages
	Tests/Fuzz/run

# The tests of the modules with threads under ThreadSanitizer and AddressSanitizer: two more builds of everything.
sanitize: packages
	Tests/Sanitizers/run

# The long ones: random kills, many weeks, long fuzzing, sanitizers. Their tests are skipped unless the variable is set.
drill: packages
	swift build --build-tests
	OSCIRCULAR_DRILL=1 swift test --skip-build --no-parallel --filter 'Drill|KilledPublisher'
	FUZZ_SECONDS=600 Tests/Fuzz/run
	Tests/Sanitizers/run
	Tests/Systemd/run
	Tests/Warm/run || [ $$? = 77 ]
	Tests/Older/run || [ $$? = 77 ]
	rm -rf .build/twelve-weeks
	share/recipes/twelve-weeks .build/twelve-weeks "$$PWD/.build/debug"
	$(MAKE) test-deb ARGS=--boot
	$(MAKE) reproducible
	$(MAKE) test-bare

# We and our peers in one run: at most an hour; a run that was cut goes on. bench-quick takes minutes, bench-full hours.
bench: bench-programs
	benchmarks/run standard

bench-quick: bench-programs
	benchmarks/run quick

bench-full: bench-programs
	benchmarks/run full

bench-programs: build
	share/install-packages demo bench run
	$(RELEASE) --product network-proxy

# Key to screen and idle CPU of the menu, beside htop.
bench-menu:
	share/install-packages build bench
	$(RELEASE) --product menu-sample
	benchmarks/menu-latency/run .build/release/menu-sample

lint:
	swift format lint --strict -r Sources Tests Package.swift

packages:
	share/install-packages

# Installs what `make build` made: run that first, as yourself.
install:
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" share/install-files .build/release
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ! command -v systemd-sysusers > /dev/null || \
	    { systemd-sysusers "$(PREFIX)/lib/sysusers.d/oscircular.conf" && \
	    systemd-tmpfiles --create "$(PREFIX)/lib/tmpfiles.d/oscircular.conf"; }

# Debian packages and a tarball, in .build/deb.
deb: programs
	share/install-packages package
	share/debian/build

# Installs, uses and purges the packages in a Debian of its own; `make drill` boots a guest there, too. Needs root.
test-deb: deb
	share/install-packages build demo
	share/debian/test $(ARGS)

# Builds the packages again elsewhere, and compares them. One more release build of everything.
reproducible: deb
	share/debian/reproducible

# In a bare Debian 12 and 13 installs what each target here installs, and runs all that it runs. An hour in emulation; `make test` looks
# only whether each program is there. Needs root.
test-bare: deb
	share/install-packages demo
	share/bare-root/test --full

# An image for a USB stick, .build/usb/oscircular.iso. Needs root.
usb: deb
	share/install-packages demo usb
	share/live/build

# Boots it from an emulated stick, BIOS and UEFI, down to a guest inside. Half an hour; by hand.
test-usb: usb
	share/install-packages run demo usb
	share/live/test

clean:
	rm -rf .build
