"""The ways to boot the same disk from the same server, each a context manager that gives QEMU's options of the disk."""
import contextlib

from . import guest, processes
from .prepare import image
from .settings import FOLDER


@contextlib.contextmanager
def local(workload, url):
    yield guest.disk(f"file.filename={image(workload)}")


@contextlib.contextmanager
def curl_raw(workload, url):
    yield guest.disk(f"file.driver=http,file.url={url}images/{workload}.raw,file.timeout=600")


@contextlib.contextmanager
def curl_qcow2(workload, url):
    yield guest.disk(f"file.driver=http,file.url={url}images/{workload}.qcow2,file.timeout=600", "qcow2")


@contextlib.contextmanager
def curl_deflate(workload, url):
    yield guest.disk(f"file.driver=http,file.url={url}images/{workload}.deflate.qcow2,file.timeout=600", "qcow2")


@contextlib.contextmanager
def nbdkit(workload, url):
    """Its cache in 256 KiB pieces, which was the best of what we tried."""
    socket = FOLDER / "nbdkit.sock"
    socket.unlink(missing_ok=True)
    arguments = [
        "nbdkit", "-f", "-r", "-U", socket, "--filter=readahead", "--filter=cache", "curl", f"url={url}images/{workload}.raw",
        "cache-on-read=true", "cache-min-block-size=256K", "timeout=600",
    ]
    with open(FOLDER / "nbdkit.log", "wb") as log, processes.running(arguments, stderr=log):
        processes.wait_for(socket.exists, 60, "nbdkit")
        yield guest.disk(f"file.driver=nbd,file.server.type=unix,file.server.path={socket}")


@contextlib.contextmanager
def casync(workload, url):
    folder = FOLDER / "casync-mount"
    processes.unmount(folder)
    folder.mkdir(exist_ok=True)
    disk = folder / "image.raw"
    arguments = ["casync", "mount", f"--store={url}casync/default.castr", f"{url}casync/{workload}.caidx", folder]
    with open(FOLDER / "casync.log", "wb") as log:
        process = processes.start(arguments, stdout=log, stderr=log)
        try:
            processes.wait_for(disk.exists, 300, "casync mount")
            yield guest.disk(f"file.filename={disk}")
        finally:
            processes.unmount(folder)
            processes.end(process)


@contextlib.contextmanager
def download(workload, url, kind="qcow2"):
    """The whole compressed image first."""
    target = FOLDER / "downloaded.qcow2"
    try:
        processes.run(["curl", "--noproxy", "*", "-sSf", "-o", target, f"{url}images/{workload}.{kind}"], timeout=3600)
        yield guest.disk(f"file.filename={target}", "qcow2")
    finally:
        target.unlink(missing_ok=True)


def download_deflate(workload, url):
    return download(workload, url, "deflate.qcow2")


PEERS = {
    "local file": local,
    "QEMU curl, raw": curl_raw,
    "QEMU curl, qcow2 zstd": curl_qcow2,
    "nbdkit curl+cache+readahead": nbdkit,
    "casync mount": casync,
    "download, then boot": download,
    "QEMU curl, qcow2 deflate": curl_deflate,
    "download qcow2 deflate, then boot": download_deflate,
}
