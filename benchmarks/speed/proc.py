"""What processes cost, from /proc: memory, processor time, and how often they wake up."""
import contextlib
import os
import time
from pathlib import Path

# Threads that live for less are not seen.
STEP = 0.2


def children():
    """Process ids by their parent's."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parent = int(stat(int(entry))[1])
                found.setdefault(parent, []).append(int(entry))
    return found


def family(pid):
    """A process and all that it started, and they."""
    table, found = children(), [pid]
    for member in found:
        found += table.get(member, [])
    return found


def stat(pid):
    """The fields of /proc/PID/stat behind the name: state, parent and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def arguments(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")


def role(pid):
    """What a process is, in a word or two."""
    words = arguments(pid)
    name = os.path.basename(words[0]).split(":")[0] or "?"
    # Some of ours are started by /proc/self/exe.
    return words[1] if name in ("oscircular", "exe") and len(words) > 1 and words[1] else name


def memory(pid):
    """Megabytes: resident, of them its own (anonymous), and its share of all that is resident."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split()[:2]
            found[name] = int(value) * 1024 / 1e6
    return {"resident": found.get("Rss:", 0), "own": found.get("Anonymous:", 0), "share": found.get("Pss:", 0)}


def threads(pid):
    """How often each thread has begun to wait so far, and its processor seconds: (thread, name) to the two."""
    found = {}
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                folder = Path(f"/proc/{pid}/task/{thread}")
                fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
                found[int(thread), fields["Name"].strip()] = (
                    int(fields["voluntary_ctxt_switches"]), int((folder / "schedstat").read_text().split()[0]) / 1e9)
    return found


class Meter:
    """Counts wake-ups and processor time of processes from now on.

    A thread is seen when it lives longer than STEP; one that has come meanwhile counts from its birth.
    """

    def __init__(self, pids):
        self.pids = pids
        self.begun = time.monotonic()
        self.wakeups = {pid: {} for pid in pids}
        self.cpu = {pid: 0.0 for pid in pids}
        self.last = {pid: threads(pid) for pid in pids}

    def look(self):
        for pid in self.pids:
            now = threads(pid)
            for thread, (count, seconds) in now.items():
                before = self.last[pid].get(thread, (0, 0))
                self.cpu[pid] += seconds - before[1]
                if count > before[0]:
                    names = self.wakeups[pid]
                    names[thread[1]] = names.get(thread[1], 0) + count - before[0]
            self.last[pid].update(now)

    def follow(self, seconds, until=lambda: False):
        """Looks again and again for so long, or until something is so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            time.sleep(STEP)
            self.look()
        return self

    def results(self):
        """For each process that is there still: role, memory, and wake-ups and processor milliseconds a second."""
        seconds = time.monotonic() - self.begun
        rows = []
        for pid in self.pids:
            with contextlib.suppress(OSError):
                names = {name: count / seconds for name, count in sorted(self.wakeups[pid].items(), key=lambda each: -each[1])}
                rows.append({
                    "pid": pid, "role": role(pid), **memory(pid), "threads": len(os.listdir(f"/proc/{pid}/task")),
                    "wakeups": sum(names.values()), "cpu": self.cpu[pid] * 1000 / seconds, "names": names,
                })
        return {"seconds": seconds, "processes": rows}
