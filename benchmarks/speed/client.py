"""OS Circular itself, as a user runs it, in folders of its own."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

from . import discarded, guest, processes
from .settings import ACCELERATOR, CLIENT, FOLDER, MEMORY_MIB, TREE


class Client:
    """A user who follows one catalog."""

    def __init__(self, name, url):
        self.folder = FOLDER / "client" / name
        # Short, for sockets: their paths end at 108 bytes. Others may pass, for QEMU's user.
        self.runtime = FOLDER / "run"
        self.runtime.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.environment = {
            **os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        self.stop_all()
        discarded.discard(self.folder)
        for part in ("config", "state", "cache"):
            (self.folder / part).mkdir(parents=True)
        self.run("catalog", "add", "bench", url, "--root", TREE / "metadata/1.root.json")
        shutil.copytree(self.folder / "state", self.folder / "state.new", symlinks=True)
        self.follow_vendor(url)

    def follow_vendor(self, url):
        """A table with each workload's compressed qcow2, of which the server says nothing more."""
        folder = self.folder / "config/oscircular/vendors"
        folder.mkdir(parents=True)
        systems = "".join(
            f'[[system]]\nid = "{workload}"\ntitle = "{workload}"\nkind = "cloud"\nrelease = "1"\nlisting = "fixed"\nformat = "qcow2"\n'
            f'upstream = "{url}images/{workload}.deflate.qcow2"\nfirmware = "bios"\nmemory = {MEMORY_MIB}\ncpus = 1\n'
            for workload in ("init", "programs", "login"))
        (folder / "bench.toml").write_text(f'name = "bench"\ntitle = "Bench"\nhomepage = "{url}"\n{systems}')

    def has_boot_set(self):
        """Of a start that was recorded here."""
        folder = self.folder / "state/oscircular/boot-sets"
        return folder.exists() and any(path.is_file() for path in folder.rglob("*"))

    def wait_for_boot_set(self):
        """The disk and the processor have to be quiet first."""
        processes.wait_for(self.has_boot_set, 300, "a recorded boot set")
        return {}

    def run(self, *arguments, timeout=900):
        return processes.run([CLIENT, *arguments], self.environment, timeout)

    def forget(self, but=None):
        """As on the day the catalog was added: no blocks, no boot set of one's own.
        :param but: a folder of the state that stays.
        """
        kept = self.folder / "kept"
        if but:
            shutil.copytree(self.folder / "state/oscircular" / but, kept)
        for part in ("state", "cache"):
            discarded.discard(self.folder / part)
        shutil.copytree(self.folder / "state.new", self.folder / "state", symlinks=True)
        if but:
            shutil.move(kept, self.folder / "state/oscircular" / but)
        (self.folder / "cache").mkdir()

    def configure(self, settings):
        """Writes config.toml."""
        folder = self.folder / "config/oscircular"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(settings)

    def sessions(self):
        return json.loads(self.run("sessions", "--json", timeout=60))["sessions"]

    def stop_all(self):
        """What a run that was killed left; nobody else has sessions in our runtime folder."""
        with contextlib.suppress(processes.Failed):
            for session in self.sessions():
                subprocess.run(
                    [CLIENT, "stop", "--force", session["id"]], env=self.environment, capture_output=True, timeout=60)

    def boot(self, workload, limit, at_marker, *options):
        """Seconds from the command to the workload's marker.
        :param workload: with its catalog, if that is not the tree's, and with @ and a version, if that is not the newest.
        :param at_marker: called then, before the guest is stopped; its result comes second.
        """
        with self.session(workload, limit, *options) as session:
            seconds = session.wait(guest.MARKERS[workload.split("/")[-1].split("@")[0]])
            facts = at_marker()
            facts["rss_mb"] = round(peak_memory(session.pid) / 1e6, 1)
            if pack := session.status().get("pack"):
                facts["pack"] = pack
            return seconds, facts

    @contextlib.contextmanager
    def session(self, workload, limit, *options):
        """A session that is stopped in the end.
        :param workload: with its catalog, if that is not the tree's.
        """
        start_libvirt()
        begun = time.monotonic()
        try:
            started = json.loads(self.run(
                "boot", workload if "/" in workload else f"bench/{workload}", "--detach", "--json", "--display", "none", "--accel", ACCELERATOR,
                *options, timeout=limit))
            yield Session(self, started, begun, limit)
        finally:
            self.stop_all()

    @contextlib.contextmanager
    def mounted(self, workload):
        """The image's file."""
        folder = FOLDER / "mount"
        processes.unmount(folder)
        folder.mkdir(exist_ok=True)
        path = self.run("mount", f"bench/{workload}", folder).strip().splitlines()[-1]
        try:
            yield path
        finally:
            with contextlib.suppress(processes.Failed):
                self.run("umount", folder, timeout=60)
            processes.unmount(folder)


class Session:
    """One that a client has started.

    :param begun: when its command was started, by the monotonic clock.
    """

    def __init__(self, client, started, begun, limit):
        self.client, self.begun, self.limit = client, begun, limit
        # Seconds from the command until it returned: the guest runs then.
        self.returned = time.monotonic() - begun
        self.id, self.pid, self.console = started["id"], started["pid"], started["consoleLog"]
        self.domain = f"oscircular-{self.id}"

    def wait(self, marker):
        """Seconds from the command until its console shows a text."""
        return guest.watch(
            self.console, marker, self.begun, self.limit, lambda: os.path.exists(f"/proc/{self.pid}"),
            processes_log(self.client.folder, self.id))

    def status(self):
        return next(status for status in self.client.sessions() if status["id"] == self.id)


def processes_log(folder, identifier):
    """Where a session says why it ended."""
    return folder / "state/oscircular/logs" / f"{identifier}.session.log"


def peak_memory(pid):
    """Bytes that a process had resident at most."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


libvirt = []


def start_libvirt():
    """Root's guests need two daemons, which a container does not start by itself."""
    if os.geteuid() != 0:
        return
    if not virtlogd_answers():
        start_daemon("virtlogd")
        processes.wait_for(virtlogd_answers, 30, "virtlogd")
    if not libvirt_answers():
        start_daemon("libvirtd", "--timeout", "300")
        processes.wait_for(libvirt_answers, 60, "libvirtd")


def virtlogd_answers():
    # Its socket outlives it.
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex("/run/libvirt/virtlogd-sock") == 0


def start_daemon(*arguments):
    with open(FOLDER / f"{arguments[0]}.log", "wb") as log:
        libvirt.append(processes.start(
            arguments, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}))


def libvirt_answers():
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(
            ["virsh", "-q", "-c", "qemu:///system", "version"], capture_output=True, timeout=20).returncode == 0
    return False


def stop_libvirt():
    for process in reversed(libvirt):
        processes.end(process)
