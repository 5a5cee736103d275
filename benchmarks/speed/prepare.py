"""Makes, once, what is measured: guests, the signed tree, and the same images as the peers want them."""
import hashlib
import os
import shutil

from . import processes
from .client import start_libvirt
from .settings import ACCELERATOR, CLIENT, FOLDER, MEMORY_MIB, PROJECT, PUBLISHER, say

WORKLOADS = ("init", "programs", "login")
VERSION = "2026-01-05"
# To be raised when what is made changes: what older programs made is then made anew.
RECIPE = 1
UUID = "5f6f7363-6465-4269-8a01-000000000001"
IMAGES, TREE, CASYNC = FOLDER / "images", FOLDER / "tree", FOLDER / "casync"
# Bytes of an image to publish: a disk, and programs of this machine behind it.
PUBLISHED_SIZE = 1_500_000_000
BLOCK = 262_144
ENVIRONMENT = {**os.environ, "OSCIRCULAR_KEYS": str(FOLDER / "keys"), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}

READ_PROGRAMS = b"""#!/bin/sh
# The whole of many files, as a desktop's start reads them.
cat /usr/bin/* /usr/lib/x86_64-linux-gnu/*.so* > /dev/null 2>&1
echo PROGRAMS READ > /dev/console
"""


def block_size():
    """--block-size for the tree; empty means the publisher's own choice."""
    return os.environ.get("OSCIRCULAR_BENCH_BLOCK_SIZE", "")


def image(workload):
    return IMAGES / f"{workload}.raw"


def weeks():
    return FOLDER / "week-1.raw", FOLDER / "week-2.raw"


def prepare():
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.chmod(FOLDER, 0o755)
    for program in (CLIENT, PUBLISHER):
        if not program.exists():
            raise processes.Failed(f"{program} is missing: build the release first ('make bench' does)")
    processes.run([PROJECT / "share/demo/build-debian", *weeks()], ENVIRONMENT, 3600)
    recipe = hashlib.sha256(f"{RECIPE}{[os.stat(week).st_mtime for week in weeks()]}".encode())
    remake("images", recipe.hexdigest(), make_images)
    # The help tells the publisher's defaults.
    recipe.update(processes.run([PUBLISHER, "add", "--help"]).encode() + block_size().encode())
    remake("tree", recipe.hexdigest(), make_tree)
    return recipe.hexdigest()


def remake(name, recipe, make):
    """Calls `make` unless its folder was made by the same recipe before."""
    stamp = FOLDER / f"{name}.recipe"
    if not stamp.exists() or stamp.read_text() != recipe:
        stamp.unlink(missing_ok=True)
        make()
        stamp.write_text(recipe)


def make_images():
    """The workloads differ in one kernel parameter and one file, so their disks share nearly all blocks."""
    say("making the guests' disks and the peers' copies of them")
    shutil.rmtree(IMAGES, ignore_errors=True)
    shutil.rmtree(CASYNC, ignore_errors=True)
    IMAGES.mkdir()
    CASYNC.mkdir()
    script = FOLDER / "read-programs"
    script.write_bytes(READ_PROGRAMS)
    script.chmod(0o755)
    for workload, base, init in (("init", 0, "/bin/true"), ("programs", 0, "/sbin/read-programs"), ("login", 1, None)):
        disk = image(workload)
        processes.run(["cp", "--sparse=always", "--reflink=auto", weeks()[base], disk])
        if init:
            processes.run(
                ["debugfs", "-w", "-R", f"write {script} /usr/sbin/read-programs", f"{disk}?offset=1048576"], ENVIRONMENT)
            processes.run(
                [PROJECT / "share/tiny-guest/bootloader", disk, "/vmlinuz", "/initrd.img", f"root=UUID={UUID} rw init={init}"],
                ENVIRONMENT)
        # What people do today: whole images, compressed in 256 KiB clusters.
        processes.run([
            "qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd,cluster_size=256k", disk,
            disk.with_suffix(".qcow2")])
        # casync mounts folders, so the image lies in one.
        folder = CASYNC / workload
        folder.mkdir()
        os.link(disk, folder / "image.raw")
        processes.run([
            "casync", "make", f"--chunk-size={BLOCK}", f"--store={CASYNC}/default.castr", CASYNC / f"{workload}.caidx",
            folder])
    make_published_images()


def make_published_images():
    """`publish.raw`: a disk of PUBLISHED_SIZE bytes. `publish.data`: its blocks that are not zero, one after the other."""
    disk = FOLDER / "publish.raw"
    processes.run(["cp", "--sparse=always", "--reflink=auto", weeks()[1], disk])
    missing = PUBLISHED_SIZE - disk.stat().st_size
    processes.run(["sh", "-c", f"tar -C /usr -cf - lib share 2> /dev/null | head -c {missing} >> '{disk}'"])
    zero = bytes(BLOCK)
    with open(disk, "rb") as source, open(FOLDER / "publish.data", "wb") as target:
        while block := source.read(BLOCK):
            if block != zero[:len(block)]:
                target.write(block)


def make_tree():
    say("publishing the signed tree and recording the boot sets")
    shutil.rmtree(TREE, ignore_errors=True)
    shutil.rmtree(FOLDER / "keys", ignore_errors=True)
    processes.run([PUBLISHER, "init", TREE], ENVIRONMENT)
    start_libvirt()
    size = ["--block-size", block_size()] if block_size() else []
    for workload in WORKLOADS:
        processes.run(
            [PUBLISHER, "add", TREE, workload, VERSION, image(workload), "--memory", MEMORY_MIB, "--cpus", 1, *size],
            ENVIRONMENT)
        processes.run([PUBLISHER, "record", TREE, workload, VERSION, "--accel", ACCELERATOR], ENVIRONMENT, 1800)


def renew():
    """A timestamp holds two weeks; the tree may be older."""
    processes.run([PUBLISHER, "timestamp", TREE], ENVIRONMENT)


def published_file(ending):
    """The newest target file with such a name."""
    return max((TREE / "targets").rglob(f"*{ending}"), key=lambda path: path.stat().st_mtime)


def boot_set(workload):
    """(blocks, compressed bytes) that a start touches as recorded."""
    path = next((TREE / "targets" / workload).glob("*.bootset"))
    names = path.read_text().split("\n")[1:]
    files = [TREE / "blocks" / name[:4] / f"{name}.cacnk" for name in names if name]
    sizes = [file.stat().st_size for file in files if file.exists()]
    return len(sizes), sum(sizes)
