"""Folders that a measurement no longer needs. They are removed when the run is over: for minutes after a removal ext4 without a journal
looks for inodes that were not freed just now, and who makes files then measures that."""
import shutil
import time

from .settings import FOLDER

PLACE = FOLDER / "discarded"


def discard(folder):
    """Takes the folder away, if it is there."""
    if folder.exists():
        PLACE.mkdir(exist_ok=True)
        folder.rename(PLACE / str(time.monotonic_ns()))


def remove():
    shutil.rmtree(PLACE, ignore_errors=True)
