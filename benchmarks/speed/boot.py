"""Time from the command to what a guest has to show, over a slow line."""
import time

from . import guest, peers
from .settings import LINES

OURS, AGAIN = "OS Circular", "OS Circular, second boot"
# Without the rest of the image, which else follows when the boot seems over: what a boot by itself brings over the line.
METERED = "OS Circular, boot set only"
# A qcow2 as vendors make them, without a publisher: with nothing but the file, and with the boot set that an earlier start recorded.
VENDOR, VENDOR_SET = "OS Circular, vendor's qcow2", "OS Circular, vendor's qcow2, boot set"


def name(workload, line, path):
    return f"boot/{workload}/{line}/{path}"


class Bench:
    """Boots one workload by one path."""

    def __init__(self, server, line, client):
        self.server, self.line, self.client = server, line, client
        # The workload whose blocks the client has.
        self.here = None

    def measure(self, workload, line_name, path, limit):
        """Facts of one boot: seconds, megabytes that came over the line until then, requests."""
        line = LINES[line_name]
        self.line.shape(line)
        requests, size = self.server.requests(), self.line.bytes_down()

        def traffic():
            return {
                "mb": round((self.line.bytes_down() - size) / 1e6, 3), "requests": self.server.requests() - requests}

        if path in (OURS, METERED, AGAIN):
            self.client.configure('[prefetch]\nrest = "never"\n' if path == METERED else "")
            if path != AGAIN:
                self.client.forget()
            elif self.here != workload:
                # A run that goes on after a cut.
                self.client.boot(workload, limit, dict)
                requests, size = self.server.requests(), self.line.bytes_down()
            self.here = workload
            seconds, facts = self.client.boot(workload, limit, traffic)
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
            requests, size = self.server.requests(), self.line.bytes_down()
            seconds, facts = self.client.boot(f"vendors/{workload}", limit, traffic)
            return {"seconds": round(seconds, 3), **facts}
        begun = time.monotonic()
        with peers.PEERS[path](workload, f"http://127.0.0.1:{self.line.port}/") as drive:
            seconds = guest.boot(workload, drive, limit, begun)
            return {"seconds": round(seconds, 3), **traffic()}
