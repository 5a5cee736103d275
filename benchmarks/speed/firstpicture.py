"""From the start of a program with screens to its first picture."""
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


def seconds(arguments, environment, times=10, limit=20.0):
    """The quickest of some starts; None when none of them drew anything."""
    measured = [once([str(argument) for argument in arguments], environment, limit) for _ in range(times)]
    return min((one for one in measured if one), default=None)


def once(arguments, environment, limit):
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
                if DRAWN in written.lower():
                    result = time.monotonic() - begun
    except OSError:
        # It has ended.
        pass
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(descriptor)
    return result
