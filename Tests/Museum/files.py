"""The files of the museum: images at their vendors' places, lists of digests, pages of folders."""
import calendar
import functools
import hashlib
import html
import os
import pathlib
import time
import urllib.parse


@functools.cache
def digest(path, algorithm):
    """Of an image, which many vendors have."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@functools.cache
def torrent(image, name, length=262144):
    """A torrent of pieces of 256 KiB, as Debian and Kali publish them."""
    pieces = b""
    with open(image, "rb") as file:
        while piece := file.read(length):
            pieces += hashlib.sha1(piece).digest()
    return bencode({b"announce": b"http://bttracker.invalid:6969/announce", b"created by": b"mktorrent 1.1",
                    b"info": {b"length": os.path.getsize(image), b"name": name.encode(), b"piece length": length, b"pieces": pieces}})


def bencode(value):
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


class Files:
    """One folder for each host below ROOT. Paths here are HOST/PATH."""

    def __init__(self, root, keys):
        self.root, self.keys = root, keys
        root.mkdir(parents=True)

    def place(self, path):
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def image(self, path, image, day):
        """An image at its vendor's place: a hard link, so its time is that of the first vendor that has it."""
        os.link(image, self.place(path))
        self.dated(path, day)
        return self.root / path

    def write(self, path, content, day):
        self.place(path).write_bytes(content if isinstance(content, bytes) else content.encode())
        self.dated(path, day)
        return self.root / path

    def dated(self, path, day):
        seconds = calendar.timegm(time.strptime(day + " 03:12", "%Y-%m-%d %H:%M"))
        os.utime(self.root / path, (seconds, seconds))

    def sign(self, path, key, day, suffix, armored=False):
        self.write(path + suffix, self.keys.detached(key, self.root / path, day, armored), day)

    def gnu(self, folder, names, algorithm, mark=" "):
        """Lines `HEX  NAME`, or `HEX *NAME`."""
        return "".join(f"{self.sum(f'{folder}/{name}', algorithm)} {mark}{name}\n" for name in names)

    def bsd(self, folder, names, algorithm, sized=False):
        """Lines `SHA256 (NAME) = HEX`, perhaps each after `# NAME: N bytes`."""
        return "".join((f"# {name}: {self.size(f'{folder}/{name}')} bytes\n" if sized else "")
                       + f"{algorithm.upper()} ({name}) = {self.sum(f'{folder}/{name}', algorithm)}\n" for name in names)

    def sum(self, path, algorithm):
        return digest(os.path.realpath(self.root / path), algorithm)

    def size(self, path):
        return (self.root / path).stat().st_size

    def pages(self):
        """Each folder gets a page as Apache makes it. Those of whole hosts are no listing anywhere."""
        for folder, _, _ in os.walk(self.root, topdown=False):
            place = pathlib.Path(folder)
            times = [entry.stat().st_mtime for entry in place.iterdir()]
            if len(place.relative_to(self.root).parts) > 1:
                (place / "index.html").write_text(page(place, self.root))
            # A folder is as old as what is newest in it.
            os.utime(place, (max(times), max(times)))


def page(folder, root):
    """The page of a folder, with links to sort it and to the folder above."""
    title = "Index of /" + "/".join(folder.relative_to(root).parts[1:])
    lines = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("index."):
            continue
        name = entry.name + ("/" if entry.is_dir() else "")
        status = entry.stat()
        size = "-" if entry.is_dir() else str(status.st_size)
        shown = name if len(name) < 24 else name[:21] + "..>"
        lines.append(f'<a href="{urllib.parse.quote(name)}">{html.escape(shown)}</a>{" " * max(1, 25 - len(shown))}'
                     f'{time.strftime("%Y-%m-%d %H:%M", time.gmtime(status.st_mtime))}  {size}')
    return (f'<!DOCTYPE HTML>\n<html><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n<pre>'
            '<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <a href="?C=S;O=A">Size</a><hr>'
            '<a href="../">Parent Directory</a>\n' + "\n".join(lines) + "\n<hr></pre>\n</body></html>\n")
