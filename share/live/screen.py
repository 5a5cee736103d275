"""What a text console shows, read from its screenshot."""
import gzip
import re
import struct


def shows(text, words):
    """Whether a screen shows the text; one letter in four may be misread, because a computer's own font is not quite Debian's."""
    loose = "".join(" +" if letter == " " else f"[{re.escape(letter)}?]" for letter in words)
    return any(found.count("?") * 4 <= len(found) for found in re.findall(loose, text))


class Font:
    """The console's font: a PSF file with a table of characters."""

    def __init__(self, path):
        data = gzip.open(path).read()
        if data[:2] == b"\x36\x04":
            mode, self.height = data[2], data[3]
            count, offset, self.size = 512 if mode & 1 else 256, 4, self.height
            table = data[offset + count * self.size:]
            names = [chunk for chunk in self.split(table)]
        else:
            _, _, offset, _, count, self.size, self.height, _ = struct.unpack("<8I", data[:32])
            names = [chunk.decode("utf-8", "ignore")[:1] for chunk in data[offset + count * self.size:].split(b"\xff")]
        self.glyphs = {}
        for number in range(count):
            bits = data[offset + number * self.size:offset + (number + 1) * self.size]
            name = names[number] if number < len(names) and names[number] else "?"
            if bits not in self.glyphs or name.isascii():
                self.glyphs[bits] = name

    @staticmethod
    def split(table):
        values = struct.unpack(f"<{len(table) // 2}H", table[:len(table) // 2 * 2])
        name = ""
        for value in values:
            if value == 0xFFFF:
                yield name
                name = ""
            elif not name and value != 0xFFFE:
                name = chr(value)

    def read(self, picture):
        """The text on a screenshot (binary PPM) of a text console."""
        header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", picture)
        if not header:
            return ""
        width, height = int(header[1]), int(header[2])
        pixels = memoryview(picture)[header.end():]
        cell = 9 if width == 720 else 8
        lines = []
        for top in range(0, height - self.height + 1, self.height):
            line = ""
            for left in range(0, width - cell + 1, cell):
                rows = [[bytes(pixels[3 * ((top + y) * width + left + x):][:3]) for x in range(8)] for y in range(self.height)]
                colors = {color for row in rows for color in row}
                found = " " if len(colors) == 1 else "?"
                if len(colors) == 2:
                    for ink in colors:
                        bits = bytes(sum(128 >> x for x in range(8) if row[x] == ink) for row in rows)
                        name = self.glyphs.get(bits)
                        if name and name != "?":
                            found = name
                            break
                line += found
            lines.append(line.rstrip())
        return "\n".join(lines)
