"""The least that a start can bring over the line, from the trace of what it reads and from its image. It knows nothing of any tree,
so that no choice of the publisher's moves it."""
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from . import reading
from .compression import packed

# What is measured and hidden in a file of its own is told by this number.
FORMAT = 1
PAGE, BLOCK, PIECE = 4096, 262_144, 1 << 20
# The level of blocks when the first limit was set, and the hardest that a publisher may reasonably take.
USUAL, HARD = "-3", "-19"


@dataclass(frozen=True)
class Limits:
    """Bytes after compression, but for `read`."""

    # Blocks that are not zero, each once and by itself: the limit of the first round.
    blocks: int
    blocks_usual: int
    blocks_hard: int
    # Pages of these blocks, in the order of their first read: in pieces of 1 MiB, and as one stream that looks back over all of it.
    read: int
    pieces_usual: int
    pieces_hard: int
    stream_hard: int


def of(image, log):
    """The limits of a start, worked out once for each trace of it."""
    kept = log.with_suffix(".limits.json")
    made_of = [FORMAT, log.stat().st_mtime_ns, image.stat().st_mtime_ns, image.stat().st_size]
    if kept.exists():
        known = json.loads(kept.read_text())
        if known["of"] == made_of:
            return Limits(**known["limits"])
    limits = measured(image, log)
    kept.write_text(json.dumps({"of": made_of, "limits": asdict(limits)}, indent=1))
    return limits


def measured(image, log):
    with open(image, "rb") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = distinct(part(file, number, BLOCK) for number in reading.touched(log, BLOCK))
        pages = b"".join(pages_of(file, log))
        # The longest first: it is one thread's work.
        stream = pool.submit(size, pages, HARD, "--long=27")
        pieces = [pages[at:at + PIECE] for at in range(0, len(pages), PIECE)]
        sums = [sum(pool.map(lambda data, level=level: size(data, level), datas))
                for datas in (blocks, pieces) for level in (USUAL, HARD)]
        return Limits(len(blocks), sums[0], sums[1], len(pages), sums[2], sums[3], stream.result())


def size(data, *options):
    return len(packed(data, *options))


def part(file, number, length):
    return os.pread(file.fileno(), length, number * length)


def distinct(blocks):
    """Those that are not zero, each once."""
    seen = {}
    for block in blocks:
        if block.strip(b"\0"):
            seen.setdefault(hashlib.sha256(block).digest(), block)
    return list(seen.values())


def pages_of(file, log):
    """Pages by first read. Zeros in a block that is not zero are read from it, so they count; a block of zeros is a hole."""
    holes = {}
    for number in reading.touched(log, PAGE):
        block = number * PAGE // BLOCK
        if block not in holes:
            holes[block] = not part(file, block, BLOCK).strip(b"\0")
        if not holes[block]:
            yield part(file, number, PAGE)
