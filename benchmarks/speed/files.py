"""The measurements that are made whole. Each is a generator of (name, facts) of one round; ours and what it is held against alternate."""
import os
import statistics
import subprocess
import time

from . import casyncindex, client, discarded, firstpicture, manyversions, processes, reading, warm
from .prepare import ENVIRONMENT, image, index
from .settings import CLIENT, FOLDER, PUBLISHER, TREE

WORKLOAD = "programs"


def sequential(bench):
    """The whole image from a fast server into an empty cache, against decompressing and hashing the same blocks on all cores."""
    yield "sequential/limit", {"seconds": decompress_and_hash(stored_blocks())}
    beside = client.Client("beside", f"http://127.0.0.1:{bench.server.port}/")
    with beside.mounted(WORKLOAD) as path:
        yield "sequential/OS Circular", {"seconds": reading.sequential(path)}


def stored_blocks():
    """The files of the workload's blocks: those that its index names and that lie in the store."""
    files = {casyncindex.stored(TREE / "blocks", digest) for _, digest in casyncindex.blocks(index(WORKLOAD))}
    return sorted(file for file in files if file.exists())


def decompress_and_hash(files):
    """Seconds of as many `zstd -d | openssl sha256` as there are processors, each with its share."""
    shares = os.cpu_count()
    begun = time.monotonic()
    running = []
    for share in range(shares):
        names = FOLDER / f"share-{share}"
        names.write_text("\n".join(map(str, files[share::shares])))
        running.append(processes.start(
            ["sh", "-c", f"xargs cat < '{names}' | zstd -dcq | openssl dgst -sha256 > /dev/null"]))
    for process in running:
        process.wait()
    return time.monotonic() - begun


def mounted(bench):
    """Cached blocks through a mount, against a C file system that only calls pread."""
    bench.line.shape(None)
    if bench.here != "whole":
        bench.client.forget()
        bench.client.run("fetch", f"bench/{WORKLOAD}")
        bench.here = "whole"
    with reading.pread_filesystem(image(WORKLOAD)) as limit, bench.client.mounted(WORKLOAD) as ours:
        paths = {"preadfs": limit, "OS Circular": ours}
        for name, path in paths.items():
            # Everything once, so that each block has been verified: that is another measurement's.
            reading.sequential(path)
            reading.drop_pages(path)
            yield f"mounted sequential/{name}", {"seconds": reading.sequential(path)}
        # Short turns: what the machine does meanwhile changes within seconds.
        turns = [{name: reading.at_random(path) for name, path in paths.items()} for _ in range(10)]
        for name in paths:
            yield f"mounted random/{name}", {"seconds": 1 / statistics.median(turn[name] for turn in turns)}


def publish(bench):
    """A new image, then the same one again, against what others do with it and what the processors can."""
    disk, data, target = FOLDER / "publish.raw", FOLDER / "publish.data", FOLDER / "published"
    try:
        clear(target)
        begun = time.monotonic()
        both = [processes.start(["zstd", "-3", "-T0", "-q", "-f", "-o", target / "zst", data]),
                processes.start(["openssl", "dgst", "-sha256", data], stdout=subprocess.DEVNULL)]
        for process in both:
            process.wait()
        yield "publish/limit: zstd -3 and SHA-256 on all cores", {"seconds": time.monotonic() - begun}
        clear(target)
        environment = {**ENVIRONMENT, "OSCIRCULAR_KEYS": str(FOLDER / "published-keys")}
        discarded.discard(FOLDER / "published-keys")
        processes.run([PUBLISHER, "init", target / "tree"], environment)
        add = [PUBLISHER, "add", target / "tree", "debian"]
        yield "publish/OS Circular", {"seconds": processes.timed([*add, "2026-01-05", disk], environment=environment)}
        yield "publish again/OS Circular", {"seconds": processes.timed([*add, "2026-01-12", disk], environment=environment)}
        clear(target)
        casync = ["casync", "make", "--chunk-size=262144", f"--store={target}/default.castr"]
        yield "publish/casync make", {"seconds": processes.timed([*casync, target / "1.caibx", disk])}
        yield "publish again/casync make", {"seconds": processes.timed([*casync, target / "2.caibx", disk])}
        clear(target)
        convert = ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd,cluster_size=256k"]
        yield "publish/qemu-img convert -c", {"seconds": processes.timed([*convert, disk, target / "disk.qcow2"])}
        yield "publish again/limit: SHA-256 of what is not zero", {
            "seconds": processes.timed(["openssl", "dgst", "-sha256", data])}
    finally:
        discarded.discard(target)


def clear(folder):
    discarded.discard(folder)
    folder.mkdir()


def start(bench):
    """How long until something shows: a list, the menu; against a process that only starts."""
    bench.line.shape(None)
    environment = bench.client.environment
    yield "start/process", {"seconds": best_of([CLIENT, "--version"], environment)}
    yield "start/list", {"seconds": best_of([CLIENT, "list"], environment)}
    yield "start/menu", {"seconds": firstpicture.seconds([CLIENT], environment)}
    many = manyversions.follow(bench.client, FOLDER / "client/many")
    yield "start/menu, 500 x 500 versions", {"seconds": firstpicture.seconds([CLIENT], many)}
    yield "start/menu, 500 x 500 versions, its first row", {
        "seconds": firstpicture.seconds([CLIENT], many, manyversions.FIRST_ROW, times=3)}


def best_of(arguments, environment, times=10):
    """The quickest of some runs: the others waited for the machine."""
    return min(processes.timed(arguments, environment=environment) for _ in range(times))


KINDS = {"sequential": sequential, "mounted": mounted, "publish": publish, "start": start, "warm": warm.measured}
