"""Time from the command to what a guest has to show, over a slow line."""
import time

from . import guest, peers
from .prepare import VERSION
from .settings import LINES

OURS, AGAIN = "OS Circular", "OS Circular, second boot"
# Without the rest of the image, which else follows when the boot seems over: what a boot by itself brings over the line.
METERED = "OS Circular, boot set only"
# The same without boot packs.
BLOCKS = "OS Circular, boot set only, no pack"
# The newest version, by who has the one before it: the whole image, or what a start of it brought.
LATER, LATER_START = "OS Circular, a week later", "OS Circular, a week later, started once"
# A qcow2 as vendors make them, without a publisher: with nothing but the file, and with the boot set that an earlier start recorded.
VENDOR, VENDOR_SET = "OS Circular, vendor's qcow2", "OS Circular, vendor's qcow2, boot set"


SETTINGS = {METERED: '[prefetch]\nrest = "never"\n', BLOCKS: '[prefetch]\nrest = "never"\npack = "never"\n'}


def name(workload, line, path):
    return f"boot/{workload}/{line}/{path}"


class Bench:
    """Boots one workload by one path."""

    def __init__(self, server, line, client):
        self.server, self.line, self.client = server, line, client
        # The workload whose blocks the client has.
        self.here = None

    def measure(self, workload, line_name, path, limit):
        """Facts of one boot: seconds, megabytes that came over the line until then, and what the server counted."""
        self.line.shape(LINES[line_name])
        traffic = Traffic(self.server, self.line)
        if path in (LATER, LATER_START):
            self.here = None
            self.client.configure(SETTINGS[METERED])
            self.follow_last_week(workload, limit, path == LATER)
            self.line.shape(LINES[line_name])
            traffic.begin()
            seconds, facts = self.client.boot(workload, limit, traffic.facts)
            return {"seconds": round(seconds, 3), **facts}
        if path in (OURS, METERED, BLOCKS, AGAIN):
            self.client.configure(SETTINGS.get(path, ""))
            if path != AGAIN:
                self.client.forget()
            elif self.here != workload:
                # A run that goes on after a cut.
                self.client.boot(workload, limit, dict)
                traffic.begin()
            self.here = workload
            seconds, facts = self.client.boot(workload, limit, traffic.facts)
            return {"seconds": round(seconds, 3), **facts}
        if path in (VENDOR, VENDOR_SET):
            self.here = None
            # The rest of the file would be counted, too.
            self.client.configure('[prefetch]\nrest = "never"\n[vendors]\nleast = "none"\n')
            if path == VENDOR:
                self.client.forget()
            else:
                if not self.client.has_boot_set():
                    self.client.forget()
                    self.client.boot(f"vendors/{workload}", limit, self.client.wait_for_boot_set)
                self.client.forget(but="boot-sets")
            traffic.begin()
            seconds, facts = self.client.boot(f"vendors/{workload}", limit, traffic.facts)
            return {"seconds": round(seconds, 3), **facts}
        begun = time.monotonic()
        with peers.PEERS[path](workload, f"http://127.0.0.1:{self.line.port}/") as drive:
            seconds = guest.boot(workload, drive, limit, begun)
            return {"seconds": round(seconds, 3), **traffic.facts()}

    def follow_last_week(self, workload, limit, whole):
        """What a reader of the version before has.
        :param whole: all of its image; else what its start brought.
        """
        self.line.shape(None)
        self.client.forget()
        version = f"{workload}@{VERSION}"
        if whole:
            self.client.run("fetch", f"bench/{version}")
        else:
            self.client.boot(version, limit, dict)


class Traffic:
    """What came over a line, and what the server before it counted, since the last beginning."""

    def __init__(self, server, line):
        self.server, self.line = server, line
        self.begin()

    def begin(self):
        self.down, self.answered = self.line.bytes_down(), self.server.answered()

    def facts(self):
        requests, sent = (now - before for now, before in zip(self.server.answered(), self.answered))
        return {"mb": round((self.line.bytes_down() - self.down) / 1e6, 3), "server_mb": round(sent / 1e6, 3), "requests": requests}
