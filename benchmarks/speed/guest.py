"""One guest under QEMU, with the same machine as Sources/GuestDomain/DomainXML.swift gives to libvirt, so that only the disk
differs; and how the end of its start is seen."""
import os
import time

from . import processes
from .settings import ACCELERATOR, FOLDER, MEMORY_MIB

# What the serial console shows when a workload is done.
MARKERS = {"init": b"INIT RUNS", "programs": b"PROGRAMS READ", "login": b"login:", "warm": b"login:", "published": b"login:"}


# libvirt gives every virtio device a port of PCI Express, and each guest a USB controller: both cost firmware and kernel some time.
PORTS = [
    item for number in range(1, 6) for item in (
        "-device", f"pcie-root-port,port={15 + number},chassis={number},id=pci.{number},bus=pcie.0,addr=0x2.{number - 1}"
        + (",multifunction=on" if number == 1 else ""))
]


def machine():
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", ACCELERATOR,
        "-machine", "q35,usb=off,dump-guest-core=off", "-cpu", "host" if ACCELERATOR == "kvm" else "qemu64",
        "-m", MEMORY_MIB, "-overcommit", "mem-lock=off", "-smp", 1, "-rtc", "base=utc", "-no-shutdown", "-boot", "strict=on",
        *PORTS, "-device", "qemu-xhci,id=usb,bus=pci.1,addr=0x0", "-device", "VGA,vgamem_mb=16,bus=pcie.0,addr=0x1",
        "-device", "virtio-balloon-pci,bus=pci.3,addr=0x0",
        "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0,bus=pci.4,addr=0x0",
        "-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,mac=52:54:00:0a:00:0f,addr=0x10,romfile=",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]


def disk(source, kind="raw"):
    """An overlay that is thrown away over `source`, QEMU's options of a block node."""
    return [
        "-drive", f"if=none,id=disk,snapshot=on,discard=unmap,driver={kind},{source}",
        "-device", "virtio-blk-pci,bus=pci.2,addr=0x0,drive=disk,bootindex=1",
    ]


def boot(workload, drive, limit, begun=None):
    """Seconds from `begun` (now unless given) until the workload's marker."""
    console = FOLDER / "console.log"
    console.unlink(missing_ok=True)
    begun = begun or time.monotonic()
    arguments = [*machine(), *drive, "-serial", f"file:{console}"]
    with open(FOLDER / "qemu.log", "wb") as log, processes.running(arguments, stdout=log, stderr=log) as qemu:
        return watch(console, MARKERS[workload], begun, limit, lambda: qemu.poll() is None, FOLDER / "qemu.log")


def watch(console, marker, begun, limit, is_alive, log):
    """Waits for a text in a console's log."""
    while True:
        now = time.monotonic()
        if os.path.exists(console) and marker in console_bytes(console):
            return now - begun
        if now - begun > limit:
            raise processes.Failed(f"over {limit:.0f} s")
        if not is_alive():
            words = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
            raise processes.Failed(f"the guest ended: {words[-1] if words else 'without a word'}")
        time.sleep(0.02)


def console_bytes(path):
    with open(path, "rb") as file:
        return file.read()
