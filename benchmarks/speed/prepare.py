"""Makes, once, what is measured: guests, the signed tree, and the same images as the peers want them."""
import hashlib
import os
import shutil

from . import casyncindex, guest, limits, processes, reading
from .client import start_libvirt
from .settings import ACCELERATOR, BLOCK_SIZE, CLIENT, FOLDER, MEMORY_MIB, PROJECT, PUBLISHER, TREE, say

WORKLOADS = ("init", "programs", "login")
# The demo's Debian before and after its upgrade; what does not change from week to week has the first.
VERSION, LATER_VERSION = "2026-01-05", "2026-01-12"
# The same disk as `login`, of which guests start warm: from a state that is made here, and from a published one.
WARM = ("warm", "published")
# To be raised when what is made changes: what older programs made is then made anew.
RECIPE = 5
UUID = "5f6f7363-6465-4269-8a01-000000000001"
IMAGES, CASYNC = FOLDER / "images", FOLDER / "casync"
KEYS = FOLDER / f"{TREE.name}.keys"
# Bytes of an image to publish: a disk, and programs of this machine behind it.
PUBLISHED_SIZE = 1_500_000_000
BLOCK = 262_144
ENVIRONMENT = {**os.environ, "OSCIRCULAR_KEYS": str(KEYS), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}

# What runs as init: it stays, for the kernel of an init that ends panics, and computes for ever.
INITS = {
    "init": b"""#!/bin/sh
echo INIT RUNS > /dev/console
exec sleep infinity
""",
    "programs": b"""#!/bin/sh
# The whole of many files, as a desktop's start reads them.
cat /usr/bin/* /usr/lib/x86_64-linux-gnu/*.so* > /dev/null 2>&1
echo PROGRAMS READ > /dev/console
exec sleep infinity
""",
}


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
    remake("weeks", digest_of("share/demo/build-debian", "share/demo/configure-debian", "share/park"), make_weeks)
    recipe = hashlib.sha256(f"{RECIPE}{[os.stat(week).st_mtime for week in weeks()]}".encode())
    remake("images", recipe.hexdigest(), make_images)
    # The help tells the publisher's defaults.
    recipe.update(processes.run([PUBLISHER, "add", "--help"]).encode())
    remake(TREE.name, recipe.hexdigest(), make_tree)
    for workload in WORKLOADS:
        needed(workload)
    return recipe.hexdigest()


def remake(name, recipe, make):
    """Calls `make` unless its folder was made by the same recipe before."""
    stamp = FOLDER / f"{name}.recipe"
    if not stamp.exists() or stamp.read_text() != recipe:
        stamp.unlink(missing_ok=True)
        make()
        stamp.write_text(recipe)


def digest_of(*names):
    """Of files of the project, and of all files in folders of it."""
    digest = hashlib.sha256()
    for place in (PROJECT / name for name in names):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def make_weeks():
    """An image that exists is kept, however it was made."""
    for week in weeks():
        week.unlink(missing_ok=True)
    processes.run([PROJECT / "share/demo/build-debian", *weeks()], ENVIRONMENT, 3600)


def make_images():
    """The workloads differ in one kernel parameter, so their disks share nearly all blocks."""
    say("making the guests' disks and the peers' copies of them")
    shutil.rmtree(IMAGES, ignore_errors=True)
    shutil.rmtree(CASYNC, ignore_errors=True)
    IMAGES.mkdir()
    CASYNC.mkdir()
    for name, text in INITS.items():
        (FOLDER / f"{name}.init").write_bytes(text)
        (FOLDER / f"{name}.init").chmod(0o755)
    for workload, base in (("init", 0), ("programs", 0), ("login", 1)):
        disk = image(workload)
        processes.run(["cp", "--sparse=always", "--reflink=auto", weeks()[base], disk])
        if workload in INITS:
            # Both on both, so that the disks differ in nothing but the kernel's parameter.
            for name in INITS:
                processes.run(
                    ["debugfs", "-w", "-R", f"write {FOLDER}/{name}.init /usr/sbin/{name}.init", f"{disk}?offset=1048576"],
                    ENVIRONMENT)
            processes.run(
                [PROJECT / "share/tiny-guest/bootloader", disk, "/vmlinuz", "/initrd.img",
                 f"root=UUID={UUID} rw init=/sbin/{workload}.init"],
                ENVIRONMENT)
        # What people do today: whole images, compressed in 256 KiB clusters.
        processes.run([
            "qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd,cluster_size=256k", disk,
            disk.with_suffix(".qcow2")])
        # As vendors do.
        processes.run(["qemu-img", "convert", "-c", "-O", "qcow2", disk, disk.with_suffix(".deflate.qcow2")])
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
    shutil.rmtree(KEYS, ignore_errors=True)
    processes.run([PUBLISHER, "init", TREE], ENVIRONMENT)
    start_libvirt()
    size = ["--block-size", BLOCK_SIZE] if BLOCK_SIZE else []

    def publish(system, version, disk, *options):
        processes.run(
            [PUBLISHER, "add", TREE, system, version, disk, "--memory", MEMORY_MIB, "--cpus", 1, *options, *size], ENVIRONMENT)

    # The newest is what is booted, and is of the same disk as in any other system.
    publish("login", VERSION, weeks()[0])
    processes.run([PUBLISHER, "record", TREE, "login", VERSION, "--accel", ACCELERATOR], ENVIRONMENT, 1800)
    for system in (*WORKLOADS, *WARM):
        workload, parks = ("login", ["--park"]) if system in WARM else (system, [])
        version = LATER_VERSION if system == "login" else VERSION
        publish(system, version, image(workload), *parks)
        record(system, version, workload)
    processes.run([PUBLISHER, "warm", TREE, "published", VERSION, "--accel", ACCELERATOR], ENVIRONMENT, 1800)


def record(system, version, workload):
    """The client takes ten seconds of a quiet disk for the end of a boot, which a busy machine meets while the guest computes: then again."""
    ends, digests = zip(*casyncindex.blocks(index(system)))
    traced = {digests[number] for number in touches(workload, ends[0])}
    for _ in range(3):
        processes.run([PUBLISHER, "record", TREE, system, version, "--accel", ACCELERATOR], ENVIRONMENT, 1800)
        missing = len(traced - set(boot_set_names(system)))
        if missing <= len(traced) // 20:
            return
        say(f"the boot set of {system} lacks {missing} of {len(traced)} blocks that a start touches")
    say(f"no whole boot set of {system} could be recorded: the machine is too busy, and our boots will be slow")


def touches(workload, size):
    """Numbers of the blocks of `size` bytes that a start reads until its marker."""
    return reading.touched(reads(workload), size)


def reads(workload):
    """What a start reads until its marker: a file with offset and length of each read, in order."""
    log = FOLDER / f"{workload}.reads"
    if not log.exists() or log.stat().st_mtime < image(workload).stat().st_mtime:
        with reading.pread_filesystem(image(workload), FOLDER / "reads.new") as disk:
            guest.boot(workload, guest.disk(f"file.filename={disk}"), 600)
        (FOLDER / "reads.new").rename(log)
    return log


def renew():
    """A timestamp holds two weeks; the tree may be older."""
    processes.run([PUBLISHER, "timestamp", TREE], ENVIRONMENT)


def index(system):
    """The newest index of a system."""
    return max((TREE / "targets" / system).glob("*.caibx"), key=lambda path: path.stat().st_mtime)


def boot_set_names(system):
    """Digests in the newest boot set of a system."""
    path = max((TREE / "targets" / system).glob("*.bootset"), key=lambda path: path.stat().st_mtime)
    return path.read_text().split()[2:]


def needed(workload):
    """The least that has to come for a start until its marker, by our own trace."""
    return limits.of(image(workload), reads(workload))
