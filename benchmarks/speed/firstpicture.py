"""From the start of a program with screens to a picture."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

# The last line of every screen of the menu names this key.
DRAWN = b"quit"


def seconds(arguments, environment, marker=DRAWN, times=10, limit=20.0):
    """Until the screen shows the marker, in lower case: the quickest of some starts. None when it was never there."""
    measured = [once([str(argument) for argument in arguments], environment, marker, limit) for _ in range(times)]
    return min((one for one in measured if one), default=None)


def once(arguments, environment, marker, limit):
    begun = time.monotonic()
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execvpe(arguments[0], arguments, {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    written, result = b"", None
    try:
        while result is None and (left := begun + limit - time.monotonic()) > 0:
            if select.select([descriptor], [], [], left)[0]:
                written += os.read(descriptor, 65536)
                if marker in written.lower():
                    result = time.monotonic() - begun
    except OSError:
        # It has ended.
        pass
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(descriptor)
    return result
