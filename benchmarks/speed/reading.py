"""Reading one file: all of it in order, and 4 KiB at random past the page cache."""
import contextlib
import mmap
import os
import random
import subprocess
import time

from . import processes
from .settings import FOLDER, PROJECT

PIECE = 1 << 20


def sequential(path):
    """Seconds to read the whole file in pieces of 1 MiB."""
    buffer = bytearray(PIECE)
    begun = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.monotonic() - begun


def drop_pages(path):
    """The kernel forgets what it has of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def at_random(path, seconds=1.0):
    """Reads of 4 KiB a second, O_DIRECT, one at a time; the same places in every run."""
    places = random.Random(4096)
    pages = os.stat(path).st_size // 4096
    buffer = mmap.mmap(-1, 4096)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        count, begun = 0, time.monotonic()
        while (spent := time.monotonic() - begun) < seconds:
            for _ in range(64):
                os.preadv(descriptor, [buffer], places.randrange(pages) * 4096)
            count += 64
        return count / spent
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def pread_filesystem(path, log=None):
    """`path` through benchmarks/preadfs.c, compiled here.
    :param log: gets a line with offset and length for each read; complete afterwards.
    """
    program, folder = FOLDER / "preadfs", FOLDER / "preadfs-mount"
    flags = processes.run(["pkg-config", "--cflags", "--libs", "fuse3"]).split()
    processes.run(["cc", "-O2", "-o", program, PROJECT / "benchmarks/preadfs.c", *flags])
    processes.unmount(folder)
    folder.mkdir(exist_ok=True)
    process = processes.start([program, path, folder, *([log] if log else [])])
    try:
        processes.wait_for((folder / "image").exists, 10, "preadfs")
        yield folder / "image"
    finally:
        processes.unmount(folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        processes.end(process)


def touched(log, size):
    """Numbers of the blocks of `size` bytes that a log of reads touches, by first touch."""
    numbers = {}
    for line in log.read_text().splitlines():
        offset, length = map(int, line.split())
        for number in range(offset // size, (offset + length - 1) // size + 1):
            numbers.setdefault(number)
    return list(numbers)
