"""casync's blob index, as much of it as the benchmarks need (oscircular-index(5))."""
HEADER, TABLE, ITEM, TAIL = 48, 16, 40, 40


def blocks(path):
    """(end offset, digest in hex) of every block in order."""
    index = path.read_bytes()
    for at in range(HEADER + TABLE, len(index) - TAIL, ITEM):
        yield int.from_bytes(index[at:at + 8], "little"), index[at + 8:at + ITEM].hex()


def stored(store, digest):
    """The file of a block, whether it is there or not."""
    return store / digest[:4] / f"{digest}.cacnk"
