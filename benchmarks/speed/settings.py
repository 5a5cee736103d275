"""Where things are, and the lines and plans that are measured."""
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("OSCIRCULAR_BENCH_PROGRAMS", PROJECT / ".build/release"))
CLIENT = PROGRAMS / "oscircular"
PUBLISHER = PROGRAMS / "oscircular-publish"
PROXY = PROGRAMS / "network-proxy"


def default_folder():
    """As root not in root's home: QEMU then runs as a user of its own, who must get through."""
    if os.environ.get("OSCIRCULAR_BENCH_FOLDER"):
        return Path(os.environ["OSCIRCULAR_BENCH_FOLDER"])
    if os.geteuid() == 0:
        return Path("/var/cache/oscircular-bench")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oscircular-bench"


FOLDER = default_folder()

# --block-size of what is published; empty means the publisher's own choice.
BLOCK_SIZE = os.environ.get("OSCIRCULAR_BENCH_BLOCK_SIZE", "")
# Each with keys of its own beside it.
TREE = FOLDER / f"tree{BLOCK_SIZE}"

# What all guests get; the catalog of the tree says the same.
MEMORY_MIB = 512
# KVM is not everywhere; emulation shows the same waiting for the network, under a slower guest.
ACCELERATOR = os.environ.get("OSCIRCULAR_BENCH_ACCEL", "tcg")


@dataclass(frozen=True)
class Line:
    """A network: bits a second in each direction, milliseconds there and back."""

    name: str
    rate: float
    round_trip: float

    def seconds(self, size):
        """Time that so many bytes take when the line is never idle."""
        return size * 8 / self.rate


LINES = {
    line.name: line
    for line in (
        Line("50 Mbit/50 ms", 50e6, 50),
        Line("20 Mbit/100 ms", 20e6, 100),
        Line("5 Mbit/300 ms", 5e6, 300),
        Line("1 Gbit/0.2 ms", 1e9, 0.2),
    )
}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
