"""The issue's lines, with what was measured: medians, and ratios within one run."""
import statistics

from .boot import AGAIN, LATER, LATER_START, METERED, OURS, VENDOR, VENDOR_SET, name
from .limits import HARD, USUAL
from .plan import ALL, CASYNC, CURL_DEFLATE, CURL_QCOW2, CURL_RAW, DOWNLOAD, DOWNLOAD_DEFLATE, FAR, FAST, HOME, LOCAL, NBDKIT, SLOW, VENDORS
from .settings import LINES


class Report:
    """:param limits: workload -> the least that its start can bring
    :param image_sizes: workload -> bytes of the compressed qcow2, what a download brings."""

    def __init__(self, results, limits, image_sizes):
        self.results, self.limits, self.image_sizes = results, limits, image_sizes
        self.rows = []

    def boot_limit(self, workload, line):
        """max(local, bytes of the blocks it reads / rate): the processor's work and the line's, overlapping at best."""
        return self.longer(workload, line, lambda least: least.blocks_usual)

    def least_limit(self, workload, line):
        """The same with the least bytes that we know of."""
        return self.longer(workload, line, lambda least: least.stream_hard)

    def longer(self, workload, line, size):
        """:returns: None when the local file was not booted."""
        local = self.results.median(name(workload, line, LOCAL))
        return local and max(local, LINES[line].seconds(size(self.limits[workload])))

    def boots(self):
        """Every path at every line that was measured."""
        lines = []
        for workload, least in self.limits.items():
            lines.append(
                f"\n{workload} reads {least.read / 1e6:.1f} MB of {least.blocks} blocks. MB compressed, zstd {USUAL} and {HARD}: "
                f"the blocks {least.blocks_usual / 1e6:.1f} and {least.blocks_hard / 1e6:.1f}; the pages read, in pieces of 1 MiB, "
                f"{least.pieces_usual / 1e6:.1f} and {least.pieces_hard / 1e6:.1f}; as one stream with {HARD} "
                f"{least.stream_hard / 1e6:.1f}")
            for line in LINES:
                limit = self.boot_limit(workload, line)
                if not limit:
                    continue
                lines.append(f"\n{workload}, {line}: limit {limit:.1f} s (local file, or the line with the blocks and zstd {USUAL}); "
                             f"{self.least_limit(workload, line):.1f} s with that stream")
                lines.append(f"  {'path':<38} {'rounds':>6} {'median s':>9} {'min':>7} {'max':>7} {'x local':>8} {'x limit':>8} "
                             f"{'MB':>8} {'requests':>8} {'nginx MB':>9}")
                for path in (*ALL, DOWNLOAD, *VENDORS, DOWNLOAD_DEFLATE):
                    lines.extend(self.boot_line(workload, line, path, limit))
        return lines

    def boot_line(self, workload, line, path, limit):
        task = name(workload, line, path)
        values = self.results.values(task)
        if not values:
            for failure in self.results.failures(task)[:1]:
                yield f"  {path:<38} {failure}"
            if path == DOWNLOAD and LINES[line].seconds(self.image_sizes[workload]) > 0:
                size = self.image_sizes[workload]
                seconds = LINES[line].seconds(size) + self.results.median(name(workload, line, LOCAL))
                yield (f"  {path:<38} {'comp.':>6} {seconds:9.1f} {'':>7} {'':>7} "
                       f"{seconds / self.results.median(name(workload, line, LOCAL)):8.2f} {seconds / limit:8.2f} {size / 1e6:8.1f}")
            return
        median = statistics.median(values)
        yield (f"  {path:<38} {len(values):>6} {median:9.1f} {min(values):7.1f} {max(values):7.1f} "
               f"{self.results.ratio(task, name(workload, line, LOCAL)) or 0:8.2f} {median / limit:8.2f} "
               f"{self.results.median(task, 'mb') or 0:8.1f} {self.results.median(task, 'requests') or 0:8.0f} "
               f"{self.results.median(task, 'server_mb') or 0:9.1f}")

    def goal(self, what, wanted, measured, reached):
        self.rows.append({"what": what, "wanted": wanted, "measured": measured, "reached": reached})

    def goals(self):
        """The table of goals; a goal without its measurements is left out."""
        self.login_goals()
        self.boot_goals()
        self.file_goals()
        self.warm_goals()
        return self.rows

    def login_goals(self):
        self.traffic("bytes of a cold boot, login", METERED, 26)
        for line, most in ((SLOW, 0.82), (FAR, None), (HOME, None)):
            self.cold("login", line, most)
        for what, path in (("all of last week's here", LATER), ("last week's was started here", LATER_START)):
            self.traffic(f"a week later, {what}: bytes until the login prompt", path, 4)
            requests = self.results.median(name("login", HOME, path), "requests")
            if requests is not None:
                self.goal("  requests", "at most 20", f"{requests:.0f}", requests <= 20)

    def cold(self, workload, line, most):
        """:param most: None where nothing is to be reached."""
        ours, limit = self.results.median(name(workload, line, OURS)), self.boot_limit(workload, line)
        if ours and limit:
            self.goal(f"cold boot, {workload}, {line}", f"at most {most} x limit" if most else "",
                      f"{ours / limit:.2f} x ({ours / self.least_limit(workload, line):.2f} x the least)",
                      not most or ours <= most * limit)

    def boot_goals(self):
        for line, most in ((HOME, 1.05), (FAR, 1.15), (SLOW, 1.15), (FAST, 1.2)):
            self.cold("programs", line, most)
        for path in (NBDKIT, CURL_QCOW2, CURL_RAW, CASYNC):
            least = 5 if path == CASYNC else 3
            self.faster(path, least)
        ours = self.results.median(name("programs", HOME, OURS))
        local = self.results.median(name("programs", HOME, LOCAL))
        if ours and local:
            downloaded = self.results.median(name("programs", HOME, DOWNLOAD))
            factor = (downloaded or local + LINES[HOME].seconds(self.image_sizes["programs"])) / ours
            self.goal(f"  than download, then boot{'' if downloaded else ' (computed)'}", "at least 5 x faster", f"{factor:.2f} x",
                      factor >= 5)
        again = self.results.ratio(name("programs", HOME, AGAIN), name("programs", HOME, LOCAL))
        if again:
            self.goal("second boot, programs", "at most 1.03 x local", f"{again:.2f} x", again <= 1.03)
        size = self.results.median(name("programs", HOME, METERED), "mb")
        if size:
            factor = size * 1e6 / self.limits["programs"].blocks_usual
            self.goal("bytes of a cold boot, programs", "at most 1.05 x its blocks", f"{factor:.3f} x", factor <= 1.05)
        self.vendor_goals()

    def traffic(self, what, path, most):
        """Megabytes that the server counted until the login prompt, of the catalog and of all else."""
        size = self.results.median(name("login", HOME, path), "server_mb")
        if size is not None:
            self.goal(what, f"at most {most} MB", f"{size:.1f} MB", size <= most)

    def vendor_goals(self):
        """A compressed qcow2, with nobody between the vendor and the reader."""
        ours, size = (self.results.median(name("programs", HOME, VENDOR_SET), *key) for key in ((), ("mb",)))
        local = self.results.median(name("programs", HOME, LOCAL))
        if ours and size and local:
            limit = max(local, LINES[HOME].seconds(size * 1e6))
            self.goal(f"cold boot of a vendor's qcow2, boot set, {HOME}", "at most 1.3 x limit", f"{ours / limit:.2f} x", ours <= 1.3 * limit)
        factor = self.results.ratio(name("programs", HOME, CURL_DEFLATE), name("programs", HOME, VENDOR))
        if factor:
            self.goal(f"  without a boot set, than {CURL_DEFLATE}", "at least 2 x faster", f"{factor:.2f} x", factor >= 2)

    def faster(self, path, least):
        factor = self.results.ratio(name("programs", HOME, path), name("programs", HOME, OURS))
        if factor:
            self.goal(f"  than {path}", f"at least {least} x faster", f"{factor:.2f} x", factor >= least)

    def file_goals(self):
        used = self.results.ratio("sequential/OS Circular", "sequential/limit", "cpu")
        if used:
            self.goal("cold sequential read: our processor time", "at most 1.2 x zstd -d and SHA-256", f"{used:.2f} x", used <= 1.2)
        self.share("cold sequential read, fast server, against curl, zstd -d, SHA-256 and preadfs", "sequential/OS Circular",
                   "sequential/limit with transfer and reader", 0.85)
        self.share("  against zstd -d and SHA-256 alone", "sequential/OS Circular", "sequential/limit")
        self.share("mounted, cached, 4 KiB random O_DIRECT", "mounted random/OS Circular", "mounted random/preadfs", 0.97)
        self.share("mounted, cached, sequential", "mounted sequential/OS Circular", "mounted sequential/preadfs", 0.95)
        self.share("publish a new image", "publish/OS Circular", "publish/limit: zstd -3 and SHA-256 on all cores", 0.8)
        self.times("publish a new image, against casync make", "publish/OS Circular", "publish/casync make", 5)
        self.times("publish a new image, against qemu-img", "publish/OS Circular", "publish/qemu-img convert -c", 1)
        self.share("publish an unchanged image", "publish again/OS Circular",
                   "publish again/limit: SHA-256 of what is not zero", 0.8)
        self.times("publish an unchanged image, against casync make", "publish again/OS Circular",
                   "publish again/casync make", 5)
        for what, most in (("list", 0.028), ("menu", 0.030), ("menu, 500 x 500 versions", 0.060),
                           ("menu, 500 x 500 versions, its first row", None)):
            seconds, process = self.results.median(f"start/{what}"), self.results.median("start/process")
            if seconds and process:
                self.goal(f"first picture: {what}", f"under {most * 1000:.0f} ms" if most else "",
                          f"{seconds * 1000:.0f} ms ({seconds / process:.1f} x process start)", not most or seconds < most)

    def warm_goals(self):
        self.times("warm start, to the answered console, than its boot", "warm/start", "warm/boot", 12)
        for part, what, most in (("ours", "of that, ours", 0.6), ("load", "of that, QEMU's loading", None),
                                 ("wake", "of that, the guest's waking", None)):
            self.at_most(f"  {what}", self.results.median("warm/start", part), most)
        self.times(f"published, empty cache, {HOME}, than our cold boot", "warm/cold cache/start", "warm/cold cache/boot", 6)
        size = self.results.median("warm/cold cache/start", "mb")
        if size:
            self.goal("  bytes until its console answers", "at most 30 MB", f"{size:.1f} MB", size <= 30)
        used = self.results.ratio("warm/template", "warm/boot", "cpu")
        if used:
            self.goal("processor time of making a template", "at most 1 x a boot's", f"{used:.2f} x", used <= 1)
        for misfit, most in (("the record shows it", 0.3), ("QEMU notices it", 1.5), ("the guest does not wake", 5)):
            self.at_most(f"misfit, {misfit}: the boot begins later by",
                         self.results.difference(f"warm/misfit/{misfit}", "warm/no misfit"), most)

    def at_most(self, what, seconds, most):
        """:param most: None where nothing is to be reached."""
        if seconds is not None:
            self.goal(what, f"at most {most} s" if most else "", f"{seconds:.2f} s", not most or seconds <= most)

    def share(self, what, ours, limit, least=None):
        """Ours as a share of the limit's speed.
        :param least: None where nothing is to be reached.
        """
        factor = self.results.ratio(limit, ours)
        if factor:
            self.goal(what, f"at least {least} of the limit" if least else "", f"{factor:.2f}", not least or factor >= least)

    def times(self, what, ours, other, least):
        factor = self.results.ratio(other, ours)
        if factor:
            self.goal(what, f"at least {least} x", f"{factor:.2f} x", factor >= least)

    def text(self):
        lines = self.boots()
        lines += ["", "| what | to reach | measured | |", "| --- | --- | --- | --- |"]
        lines += [f"| {row['what']} | {row['wanted']} | {row['measured']} | {'yes' if row['reached'] else 'no'} |"
                  for row in self.goals()]
        return "\n".join(lines)
