"""What libvirt says of guests, with the time at which it was heard: when a guest is there, and when it runs."""
import re
import subprocess
import threading
import time

from . import processes

LINE = re.compile(r"event 'lifecycle' for domain '?([^':\s]+)'?: (\w+) (\w+)")


class Lifecycle:
    """Follows all guests of one libvirt, from now on."""

    def __init__(self, uri, environment):
        # A line at a time: what waits in a buffer has no time of its own.
        self.process = processes.start(
            ["stdbuf", "-oL", "virsh", "-c", uri, "event", "--event", "lifecycle", "--loop"], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.heard = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        for line in self.process.stdout:
            found = LINE.search(line)
            if found:
                self.heard.append((time.monotonic(), *found.groups()))

    def times(self, domain, patience=5):
        """(there, runs): when a guest was made, and when its processor began to run, by the monotonic clock."""
        found = []

        def has_both():
            found[:] = [first(list(self.heard), domain, word) for word in ("Started", "Resumed")]
            return all(found)

        processes.wait_for(has_both, patience, f"libvirt's events of {domain}")
        return tuple(found)

    def close(self):
        processes.end(self.process)
        self.thread.join(5)


def first(heard, domain, word):
    """When a guest's event was heard first; None for never."""
    return next((at for at, name, event, _ in heard if (name, event) == (domain, word)), None)
