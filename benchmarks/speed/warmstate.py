"""The warm state that a client has, and what is wrong with one that does not fit."""
import hashlib
import json
import shutil

from . import processes
from .compression import packed, zstd
from .settings import FOLDER

# Bytes of a frame's content, as the client writes a memory.
FRAME = 1 << 20
# What a guest says when it is awake.
AWAKE = b"OSCIRCULAR-AWAKE"
# The name of q35's bridge in QEMU's stream. Which of the power management's events interrupt the guest stands behind the number of the
# device, the version of its description, its version as a PCI device, its configuration, its interrupts, and four bytes more. One bit is
# the power button's (ACPI, PM1 enable register).
BRIDGE, EVENTS, BUTTON = b"/ICH9LPC", 4 + 4 + 4 + 256 + 16 + 4, 1 << 8
# The name of a device in QEMU's stream, with its length before it and the number of the device behind it.
DEVICE, STRANGER = b"\x06serial\x00\x00\x00\x00", b"\x06seriax\x00\x00\x00\x00"


class WarmState:
    """The only one in a cache."""

    def __init__(self, cache):
        folders = [path.parent for path in (cache / "oscircular/warm").glob("*/record.json")]
        if len(folders) != 1:
            raise processes.Failed(f"there are {len(folders)} warm states, not one")
        self.folder = folders[0]
        self.kept = FOLDER / "warm-kept"
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.folder, self.kept)

    def put(self, change=None):
        """Puts the state back as it was made, with a change if one is given."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept, self.folder)
        if change:
            change(self.folder)

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.kept, ignore_errors=True)


def of_another_description(folder):
    """Made from another description of the machine: the record shows it."""
    edit(folder, lambda record: record.update(xmlVersion=record["xmlVersion"] + 1000))


def with_a_strange_device(folder):
    """The state of a device that the machine does not have. It stands behind the memory, so QEMU has loaded all of that before it sees it."""
    rewrite(folder, lambda stream: replaced_last(stream, DEVICE, STRANGER))


def that_sleeps_on(folder):
    """A guest that the power button does not wake."""
    rewrite(folder, without_button)


def replaced_last(stream, old, new):
    at = stream.rfind(old)
    if at < 0:
        raise processes.Failed(f"the guest's memory has no {old!r}")
    return stream[:at] + new + stream[at + len(old):]


def without_button(stream):
    at = stream.rfind(BRIDGE + bytes(4)) + len(BRIDGE) + EVENTS
    events = int.from_bytes(stream[at:at + 2], "big")
    if at < EVENTS or not events & BUTTON:
        raise processes.Failed("the guest's memory has no power button that is where it was in QEMU 7.2")
    return stream[:at] + (events & ~BUTTON).to_bytes(2, "big") + stream[at + 2:]


def rewrite(folder, change):
    """Changes what QEMU wrote, in a file that is as right as before by its record."""
    path = folder / "memory"
    stream = change(zstd(path.read_bytes(), "-d"))
    packed = b"".join(packed_frame(stream[at:at + FRAME]) for at in range(0, len(stream), FRAME))
    path.unlink()
    path.write_bytes(packed)
    path.chmod(0o600)
    digest = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    edit(folder, lambda record: record["memory"].update(size=len(packed), content=len(stream), digest=digest))


def packed_frame(data):
    return packed(data, "-1")


def edit(folder, change):
    path = folder / "record.json"
    record = json.loads(path.read_text())
    change(record)
    path.unlink()
    path.write_text(json.dumps(record, indent=1))
    path.chmod(0o600)
