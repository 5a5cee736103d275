"""Programs started by the benchmarks: they end with us, whatever happens to us."""
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import time


# Of <linux/prctl.h>.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Failed(Exception):
    """One measurement could not be made; the others go on."""


def reap_orphans():
    """Goes on as a child of a process that adopts and reaps what loses its parent, at once, as an init system does. libvirt waits for QEMU's
    process to be gone, and a container's first process may take a second to reap it, which would be measured as ours."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        return
    # Ctrl-C reaches the child itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: os.kill(child, number))
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def start(arguments, **options):
    """A child that gets SIGTERM when this process dies."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, arguments)], **options)


def end(process, patience=5):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(arguments, **options):
    process = start(arguments, **options)
    try:
        yield process
    finally:
        end(process)


def run(arguments, environment=None, timeout=900, **options):
    """Output of a program that has to succeed."""
    arguments = [str(argument) for argument in arguments]
    try:
        ended = subprocess.run(
            arguments, env=environment, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"{arguments[0]} did not end within {timeout} s") from None
    if ended.returncode != 0:
        words = (ended.stderr or ended.stdout).decode(errors="replace").strip().splitlines()
        raise Failed(f"{' '.join(arguments[:3])}: {words[-1] if words else ended.returncode}")
    return ended.stdout.decode(errors="replace")


def timed(arguments, **options):
    """Seconds that a program takes."""
    begun = time.monotonic()
    run(arguments, **options)
    return time.monotonic() - begun


def wait_for(condition, seconds, what):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def unmount(folder):
    """Lazily too: a server that hangs must not keep the folder."""
    if os.path.ismount(folder):
        if subprocess.run(["fusermount3", "-u", folder], capture_output=True).returncode != 0:
            subprocess.run(["fusermount3", "-u", "-z", folder], capture_output=True)


def alone(folder):
    """Keeps others out of a folder until this process ends; what it starts does not hold the lock.
    :return: the lock, to be kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failed(f"another benchmark works in {folder}") from None
    return lock


def obey_signals():
    """SIGTERM and SIGHUP clean up as Ctrl-C does."""
    def stop(number, _):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
