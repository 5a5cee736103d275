"""The images of the museum: three weeks of the tiny guest as raw disk, ISO, qcow2 of each kind, xz in blocks and as a whole, and gzip."""
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
share = here.parent.parent / "share"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
# The days of the three builds, the oldest first; all vendors of the museum publish on the same days.
DAYS = ["2026-11-02", "2026-11-09", "2026-11-16"]


def run(*arguments, **options):
    return subprocess.run([str(word) for word in arguments], check=True, env=dict(os.environ, PATH=PATH, LC_ALL="C"), **options)


def cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.environ["HOME"] + "/.cache") / "oscircular-test"


@functools.cache
def guest():
    """The tiny guest that this user's tests share."""
    folder = cache() / "tiny-guest"
    run(share / "tiny-guest/build", folder)
    return folder / "disk.raw"


@functools.cache
def guest_for_aarch64():
    """:returns: None where it cannot be made: Debian's servers do not answer for another architecture."""
    folder = cache() / "tiny-guest-aarch64"
    try:
        run(share / "tiny-guest/build-aarch64", folder)
    except subprocess.CalledProcessError:
        print("museum: the tiny guest for aarch64 could not be made; its systems are left out", file=sys.stderr)
        return None
    return folder / "disk.raw"


def make(folder, cloud=None):
    """:returns: kind -> one path for each of DAYS. Kinds: raw, deflate, zstd, old (qcow2 v2, deflate), plain (qcow2 without
    compression), xz (blocks of 4 MiB), xz-whole (one block), gz, iso, aarch64 (deflate; the tiny guest for that processor, if it can be
    made: the same on each day). With a Debian with cloud-init only what Debian's servers have: raw, deflate, aarch64, cloud (deflate)."""
    folder.mkdir(parents=True)
    (folder / "tiny-guest").mkdir()
    weeks = [folder / f"{day}.raw" for day in DAYS]
    for name in ["disk.raw", "recipe"]:
        shutil.copy(guest().with_name(name), folder / "tiny-guest")
    run(share / "demo/build-tiny", *weeks)
    made = {"raw": weeks, "deflate": [converted(week, "deflate", ["-c"]) for week in weeks]}
    if other := guest_for_aarch64():
        made["aarch64"] = [converted(other, "aarch64", ["-c"], folder / "aarch64.qcow2")] * len(DAYS)
    if cloud:
        # Another day is the same system: what counts is that it logs in.
        return made | {"cloud": [converted(cloud, "cloud", ["-c"], folder / "cloud.qcow2")] * len(DAYS)}
    for kind, options in {"zstd": ["-c", "-o", "compression_type=zstd"], "old": ["-c", "-o", "compat=0.10"], "plain": []}.items():
        made[kind] = [converted(week, kind, options) for week in weeks]
    made |= {"xz": [], "xz-whole": [], "gz": []}
    for week in weeks:
        # The quickest level: the blocks are what matters.
        for kind, command in {"xz": ["xz", "-0", "-T2", "--block-size=4MiB"], "xz-whole": ["xz", "-0", "-T1"],
                              "gz": ["gzip", "-1", "-n"]}.items():
            packed = week.with_suffix(f".{kind}")
            with open(packed, "wb") as output:
                run(*command, "--stdout", week, stdout=output)
            made[kind].append(packed)
    made["iso"] = isos(weeks, folder)
    return made


def processors(images, usual, other):
    """The processors that a vendor's layout names, by the vendor's words: pairs of the word, and of what replaces kinds of images."""
    return [(usual, images)] + ([(other, dict.fromkeys(images, images["aarch64"]))] if "aarch64" in images else [])


def converted(raw, kind, options, output=None):
    output = output or raw.with_suffix(f".{kind}.qcow2")
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, raw, output)
    return output


def isos(weeks, folder):
    """The tiny guest with all of it in its initial RAM disk, on a CD that starts as a disk, too."""
    made = []
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = pathlib.Path(name)
        root, tree = work / "root", work / "tree"
        (tree / "boot/grub").mkdir(parents=True)
        # The guest's file system is the second of two archives. The first one's modules find nothing to mount: this starts it as it is.
        start = ("#!/bin/sh\nmount -t devtmpfs dev /dev\n"
                 "while read -r module; do insmod \"/modules/$module\"; done < /modules/order\nexec /sbin/init\n")
        (tree / "boot/grub/grub.cfg").write_text(
            "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\nset timeout=0\n"
            "menuentry tiny {\nlinux /boot/vmlinuz console=tty0 console=ttyS0 loglevel=6 cryptomgr.notests mitigations=off "
            "random.trust_cpu=on no_timer_check rdinit=/start\ninitrd /boot/initrd\n}\n")
        for week in weeks:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            run("debugfs", "-R", f"rdump / {root}", f"{week}?offset=1048576", stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            shutil.move(root / "boot/vmlinuz", tree / "boot/vmlinuz")
            shutil.move(root / "boot/initrd", tree / "boot/initrd")
            (root / "start").write_text(start)
            (root / "start").chmod(0o755)
            with open(tree / "boot/initrd", "ab") as initrd:
                # An archive begins at a multiple of four bytes.
                initrd.write(bytes(-initrd.tell() % 4))
                names = run("find", ".", "-mindepth", "1", cwd=root, capture_output=True).stdout
                initrd.write(run("cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0", cwd=root, input=names, capture_output=True).stdout)
            iso = week.with_suffix(".iso")
            run("grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", iso, tree, "--", "-volid", "TINY",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            made.append(iso)
    return made
