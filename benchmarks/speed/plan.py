"""What is measured, in which order, how often."""
from dataclasses import dataclass, field

from .boot import AGAIN, BLOCKS, LATER, LATER_START, METERED, OURS, VENDOR, VENDOR_SET

LOCAL, NBDKIT = "local file", "nbdkit curl+cache+readahead"
CURL_RAW, CURL_QCOW2 = "QEMU curl, raw", "QEMU curl, qcow2 zstd"
CASYNC, DOWNLOAD = "casync mount", "download, then boot"
# Of a qcow2 as vendors make them: deflate in clusters of 64 KiB.
CURL_DEFLATE, DOWNLOAD_DEFLATE = "QEMU curl, qcow2 deflate", "download qcow2 deflate, then boot"
VENDORS = (VENDOR, VENDOR_SET, CURL_DEFLATE)
ALL = (LOCAL, OURS, AGAIN, METERED, BLOCKS, LATER, LATER_START, NBDKIT, CURL_QCOW2, CURL_RAW, CASYNC)
# Of those at 50 Mbit/50 ms.
BEST = CURL_QCOW2
HOME, FAR, SLOW, FAST = "50 Mbit/50 ms", "20 Mbit/100 ms", "5 Mbit/300 ms", "1 Gbit/0.2 ms"


@dataclass(frozen=True)
class Boots:
    """One round boots by each path in turn."""

    workload: str
    line: str
    paths: tuple
    rounds: int
    kind: str = field(default="boot", init=False)

    def order(self, number):
        """Each round begins with another path."""
        first = (number - 1) % len(self.paths)
        return self.paths[first:] + self.paths[:first]


@dataclass(frozen=True)
class Files:
    """Rounds of a measurement that is made whole: sequential, mounted, publish, start or warm."""

    kind: str
    rounds: int


QUICK = (
    Boots("programs", HOME, (LOCAL, OURS, METERED), 1),
    Boots("init", HOME, (LOCAL, OURS, AGAIN, BEST), 1),
    Files("sequential", 1),
    Files("mounted", 1),
    Files("start", 1),
)

# The most wanted first: a run that is cut has them.
STANDARD = (
    Boots("programs", HOME, (LOCAL, OURS, AGAIN, NBDKIT, CURL_QCOW2, CURL_RAW, CASYNC), 5),
    Boots("programs", HOME, (METERED,), 1),
    Boots("login", HOME, (METERED, BLOCKS, LATER, LATER_START), 3),
    Boots("login", SLOW, (LOCAL, OURS, BLOCKS), 3),
    Files("sequential", 3),
    Files("mounted", 3),
    Files("publish", 3),
    Files("start", 3),
    Boots("login", FAR, (LOCAL, OURS), 3),
    Files("warm", 5),
    Boots("programs", FAR, (LOCAL, OURS, BEST), 3),
    Boots("programs", FAST, (LOCAL, OURS, BEST), 3),
    Boots("programs", SLOW, (LOCAL, OURS, BEST), 3),
    Boots("init", HOME, (LOCAL, OURS, AGAIN, NBDKIT, CURL_QCOW2), 5),
    Boots("login", HOME, (LOCAL, OURS, AGAIN, BEST), 5),
    Boots("programs", HOME, (DOWNLOAD,), 1),
    Boots("programs", HOME, (LOCAL, *VENDORS), 3),
)

# Vendors' images without a publisher, beside what else reads them.
VENDORS_PLAN = (Boots("programs", HOME, (LOCAL, *VENDORS, NBDKIT, DOWNLOAD_DEFLATE), 3),)

# Only `login` has two weeks.
FULL = STANDARD + tuple(
    Boots(workload, line, (*[path for path in ALL if workload == "login" or path not in (LATER, LATER_START)], DOWNLOAD), 5)
    for line in (HOME, FAR, FAST, SLOW) for workload in ("programs", "init", "login"))

PLANS = {"quick": QUICK, "standard": STANDARD, "full": FULL, "vendors": VENDORS_PLAN}
# Minutes after which no new measurement starts; the one that runs goes on to its end.
BUDGETS = {"quick": 2, "standard": 57, "full": float("inf"), "vendors": 30}
