"""zstd's own program, on bytes."""
import subprocess

from . import processes


def zstd(data, *options):
    ended = subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True)
    if ended.returncode != 0:
        raise processes.Failed(f"zstd {' '.join(options)}: {ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout


def packed(data, *options):
    """One frame with its length in its header, by which a reader unpacks it in place; no checksum, as in a tree."""
    return zstd(data, "--no-check", f"--stream-size={len(data)}", *options)
