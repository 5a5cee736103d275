"""A stick as a file, and its partition that keeps things, read and written from outside."""
import os
import re
import shutil
import subprocess

from machine import fail

LABEL = "oscircular-keep"


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, **options)


def new(path, iso, room):
    """Puts the image on a stick that has that many more bytes."""
    path.unlink(missing_ok=True)
    shutil.copy(iso, path)
    os.truncate(path, iso.stat().st_size + room)


def keep(path, files):
    """Creates the partition that keeps things, as another computer may do, with the files of a folder."""
    run("sfdisk", "-q", "--relocate", "gpt-bak-std", path, stderr=subprocess.DEVNULL)
    run("sfdisk", "-q", "--append", path, input=f"name={LABEL}\n", text=True, stderr=subprocess.DEVNULL)
    offset, size = place(path)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", LABEL, "-d", files, "-E", f"offset={offset}", path, f"{size // 1024}k",
        stderr=subprocess.DEVNULL)


def place(path):
    """Offset and size of the partition that keeps things, in bytes."""
    table = run("sfdisk", "-d", path, capture_output=True, text=True).stdout
    line = next((line for line in table.splitlines() if LABEL in line), None) or fail(f"no partition keeps things:\n{table}")
    first, size = re.search(r"start= *(\d+), size= *(\d+)", line).groups()
    return int(first) * 512, int(size) * 512


def look(path, command):
    """What debugfs says about the file system that keeps things."""
    return run("debugfs", "-R", command, f"{path}?offset={place(path)[0]}", capture_output=True, text=True).stdout


def names(path, folder):
    rows = [line.split("/") for line in look(path, f"ls -p {folder}").splitlines() if line.count("/") > 5]
    return [row[5] for row in rows if row[5] not in (".", "..")]


def fill(path, work):
    """Leaves hardly any blocks free, and none for anybody but root."""
    offset, size = place(path)
    alone, filler = work / "keep.raw", work / "filler"
    # e2fsck must see the journal that a power cut left, and loses the offset because of it.
    run("dd", f"if={path}", f"of={alone}", "bs=4M", "iflag=skip_bytes,count_bytes", f"skip={offset}", f"count={size}", "conv=sparse", "status=none")
    if subprocess.run(["e2fsck", "-fp", alone], stdout=subprocess.DEVNULL).returncode > 1:
        fail("the file system on the stick is not whole")
    text = run("debugfs", "-R", "stats", alone, capture_output=True, text=True).stdout
    free, block = (int(re.search(rf"^{what}: *(\d+)", text, re.M)[1]) for what in ("Free blocks", "Block size"))
    with open(filler, "wb") as file:
        run("head", "-c", (free - 256) * block, "/dev/urandom", stdout=file)
    run("debugfs", "-w", "-R", f"write {filler} filler", alone, capture_output=True)
    run("dd", f"if={alone}", f"of={path}", "bs=4M", "oflag=seek_bytes", f"seek={offset}", "conv=notrunc", "status=none")
    alone.unlink()
    filler.unlink()


def break_superblock(path):
    """Damages the superblock, as a stick that is wearing out may do."""
    with open(path, "r+b") as file:
        file.seek(place(path)[0] + 1024)
        file.write(b"\xff" * 1024)


def cached_blocks(path):
    cache = ".cache/oscircular/v1"
    return sum(len(names(path, f"{cache}/{prefix}")) for prefix in names(path, cache) if len(prefix) in (2, 4))


def guests_that_were_up(path):
    logs = ".local/state/oscircular/logs"
    return sum("READY" in look(path, f"cat {logs}/{name}") for name in names(path, logs))
