"""How much of the processors a client's sessions and their guests take, whoever started them."""
import contextlib
import os
import resource
import threading
from pathlib import Path

from .settings import CLIENT

TICKS = os.sysconf("SC_CLK_TCK")
# Seconds between two looks: what a process takes after the last one is not seen.
LOOK = 0.1


class Meter:
    """Counts from the beginning of a `with` to its end, or to `seconds()`."""

    def __init__(self, client):
        self.sessions = client.runtime / "oscircular/sessions"
        # Where libvirt writes which process a guest is: the machine's own, or a user's.
        self.guests = Path("/run/libvirt/qemu") if os.geteuid() == 0 else client.runtime / "libvirt/qemu/run"
        program = os.stat(CLIENT)
        self.program = (program.st_dev, program.st_ino)
        self.lock = threading.Lock()
        # By process and the time at which it began: ticks.
        self.taken = {}
        self.before = {}
        self.over = threading.Event()

    def __enter__(self):
        self.before = dict(self._now())
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def seconds(self):
        """Of all processors together, so far."""
        with self.lock:
            self.taken.update(self._now())
            return sum(ticks - self.before.get(process, 0) for process, ticks in self.taken.items()) / TICKS

    def _watch(self):
        while not self.over.wait(LOOK):
            with self.lock:
                self.taken.update(self._now())

    def _now(self):
        """((process, its beginning), ticks) of our processes and our guests'. Only files are read that never wait for a process."""
        guests = set(self._guests())
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            # Whatever has ended meanwhile is not looked at.
            with contextlib.suppress(OSError):
                program = os.stat(f"/proc/{pid}/exe")
                if int(pid) in guests or (program.st_dev, program.st_ino) == self.program:
                    yield parsed(pid, Path(f"/proc/{pid}/stat").read_text())

    def _guests(self):
        with contextlib.suppress(OSError):
            for session in os.listdir(self.sessions):
                with contextlib.suppress(OSError, ValueError):
                    yield int((self.guests / f"oscircular-{session}.pid").read_text())


def of_ended_children():
    """CPU seconds of what this process has started and waited for, and of what that did likewise."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parsed(pid, text):
    """((process, its beginning), ticks) of a line of /proc/PID/stat. A program's name may have spaces and brackets."""
    fields = text.rpartition(")")[2].split()
    return (int(pid), int(fields[19])), int(fields[11]) + int(fields[12])
