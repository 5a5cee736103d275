"""The measurements that are made whole. Each is a generator of (name, facts) of one round; ours and what it is held against alternate."""
import os
import statistics
import subprocess
import time

from . import casyncindex, client, discarded, firstpicture, manyversions, processes, processor, reading, warm
from .prepare import ENVIRONMENT, image, index
from .settings import CLIENT, FOLDER, PUBLISHER, TREE

WORKLOAD = "programs"


def sequential(bench):
    """The whole image from a fast server into an empty cache, against decompressing and hashing the same blocks on all cores: of files
    that lie here, and with the transfer and the reader that we have, too."""
    blocks = stored_blocks()
    seconds, cpu = decompress_and_hash(blocks)
    yield "sequential/limit", {"seconds": seconds, "cpu": cpu}
    yield "sequential/limit with transfer and reader", {"seconds": transfer_and_read(blocks, bench.server.port)}
    beside = client.Client("beside", f"http://127.0.0.1:{bench.server.port}/")
    with beside.mounted(WORKLOAD) as path, processor.Meter(beside) as meter:
        seconds = reading.sequential(path)
        yield "sequential/OS Circular", {"seconds": seconds, "cpu": until_quiet(meter)}


def until_quiet(meter):
    """CPU seconds when what was left over for later has been done, too."""
    used = meter.seconds()
    for _ in range(20):
        time.sleep(0.5)
        before, used = used, meter.seconds()
        if used - before < 0.02:
            break
    return used


def stored_blocks():
    """The files of the workload's blocks: those that its index names and that lie in the store."""
    files = {casyncindex.stored(TREE / "blocks", digest) for _, digest in casyncindex.blocks(index(WORKLOAD))}
    return sorted(file for file in files if file.exists())


def decompress_and_hash(files):
    """(seconds, CPU seconds) of as many `zstd -d | openssl sha256` as there are processors, each with its share."""
    lists = shared_out(map(str, files))
    before, begun = processor.of_ended_children(), time.monotonic()
    unpack("xargs cat <", lists)()
    return time.monotonic() - begun, processor.of_ended_children() - before


def transfer_and_read(files, port):
    """Seconds until all blocks have come from the server, decompressed and hashed, beside a reader of the whole image through the
    leanest file system: all that has to be done in a cold read, by as many threads at once."""
    lists = shared_out(f'url = "http://127.0.0.1:{port}/{file.relative_to(TREE)}"' for file in files)
    with reading.pread_filesystem(image(WORKLOAD)) as path:
        # From the page cache, where the blocks are by now, too.
        reading.sequential(image(WORKLOAD))
        begun = time.monotonic()
        wait = unpack("curl -q --noproxy '*' -sSf -K", lists)
        reading.sequential(path)
        wait()
        return time.monotonic() - begun


def shared_out(lines):
    """A file of lines for each processor."""
    lines, shares = list(lines), os.cpu_count()
    names = [FOLDER / f"share-{share}" for share in range(shares)]
    for share, name in enumerate(names):
        name.write_text("\n".join(lines[share::shares]) + "\n")
    return names


def unpack(source, lists):
    """Starts `zstd -d | openssl sha256` on what a command writes, once for each list.
    :returns: what waits for their end.
    """
    running = [
        processes.start(["bash", "-o", "pipefail", "-c", f"{source} '{name}' | zstd -dcq | openssl dgst -sha256 > /dev/null"])
        for name in lists]

    def wait():
        if any([process.wait() for process in running]):
            raise processes.Failed(f"the blocks could not be read by '{source}'")
    return wait


def mounted(bench):
    """Cached blocks through a mount, against a C file system that only calls pread."""
    hold_whole(bench)
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


def hold_whole(bench):
    """The client has all of the image."""
    bench.line.shape(None)
    if bench.here != "whole":
        bench.client.forget()
        bench.client.run("fetch", f"bench/{WORKLOAD}")
        bench.here = "whole"


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
    hold_whole(bench)
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
