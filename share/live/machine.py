"""A computer with the stick in its USB port, in software emulation."""
import shutil
import signal
import socket
import subprocess
import sys
import time

from screen import shows

START = time.monotonic()


def say(text):
    print(f"test-usb: {time.monotonic() - START:.0f} s: {text}", file=sys.stderr, flush=True)


def fail(text):
    raise SystemExit(f"test-usb: FAILED: {text}")


def until(what, condition, within=900, every=2):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(every)
    fail(what)


class Machine:
    KEYS = {" ": "spc", "\n": "ret", ".": "dot", "-": "minus", "/": "slash", ":": "shift-semicolon", "@": "shift-2"}
    PLUG = "usb-storage,drive=stick,id=plug,bus=usb.0,bootindex=0,removable=on"

    def __init__(self, name, folder, stick, font, uefi=False, memory=2048, network=True, screen="std", options=()):
        """:param folder: where screenshots and the output of the serial port go."""
        self.name, self.folder, self.font = name, folder, font
        self.monitor_path = folder / f"{name}.monitor"
        words = ["qemu-system-x86_64", "-machine", f"q35,accel=tcg,smm={'on' if uefi else 'off'}", "-cpu", "qemu64", "-smp", "1", "-m", str(memory), "-display", "none",
                 "-vga", screen, "-monitor", f"unix:{self.monitor_path},server=on,wait=off", "-serial", f"file:{folder / name}.serial",
                 "-blockdev", f"driver=raw,node-name=stick,file.driver=file,file.filename={stick}",
                 "-device", "qemu-xhci,id=usb", "-device", self.PLUG, "-device", "virtio-rng-pci", *options]
        words += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,id=nic"] if network else ["-nic", "none"]
        if uefi:
            # With Secure Boot, and with Microsoft's keys, as computers are sold.
            shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", folder / f"{name}.vars")
            words += ["-global", "driver=cfi.pflash01,property=secure,value=on",
                      "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
                      "-drive", f"if=pflash,format=raw,file={folder / name}.vars"]
        self.monitor_path.unlink(missing_ok=True)
        self.started = time.monotonic()
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
        until("QEMU does not start", lambda: self.monitor_path.exists() or self.process.poll() is not None, within=30, every=0.1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.cut()

    def cut(self):
        """Pulls the plug."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def monitor(self, command):
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(60)
            channel.connect(str(self.monitor_path))
            answer = b""
            while answer.count(b"(qemu)") < 1:
                answer += channel.recv(65536)
            channel.sendall(command.encode() + b"\n")
            while answer.count(b"(qemu)") < 2:
                answer += channel.recv(65536)

    def type(self, text):
        for letter in text:
            self.key(self.KEYS.get(letter) or (f"shift-{letter.lower()}" if letter.isupper() else letter))

    def key(self, *names):
        for name in names:
            self.monitor(f"sendkey {name}")
            time.sleep(0.3)

    def pull_stick(self):
        self.monitor("device_del plug")

    def plug_stick(self):
        self.monitor(f"device_add {self.PLUG}")

    def connect(self, is_connected):
        """Plugs the network cable in, or pulls it out."""
        self.monitor(f"set_link nic {'on' if is_connected else 'off'}")

    def picture(self):
        path = self.folder / f"{self.name}.ppm"
        self.monitor(f"screendump {path}")
        return path.read_bytes()

    def text(self):
        """What the text console shows."""
        return self.font.read(self.picture())

    def screenshot(self, name):
        self.monitor(f"screendump {self.folder / name}.png -f png")
        say(f"screenshot {self.folder / name}.png, {self.seconds:.0f} s after power-on")

    @property
    def seconds(self):
        return time.monotonic() - self.started

    def wait(self, *words, within=900):
        """Waits until the text console shows one of the texts, and returns the whole screen."""
        deadline, text = time.monotonic() + within, ""
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                fail(f"{self.name}: the machine is off, waiting for {words}")
            text = self.text()
            if any(shows(text, word) for word in words):
                return text
            time.sleep(2)
        self.screenshot(f"{self.name}-failed")
        fail(f"{self.name}: the console never showed {words} but:\n{text}")

    def wait_for_picture(self, within=300):
        """Waits until a graphic screen shows the menu's list and stops changing. The emulated screen shows a picture only when the next one
        arrives, so what is seen may be out of date: keys that change nothing produce more pictures."""
        deadline, before = time.monotonic() + within, b""
        while time.monotonic() < deadline:
            picture = self.picture()
            if picture == before and sum(byte > 200 for byte in picture) > 10_000:
                return
            before = picture
            self.key("i", "esc")
            time.sleep(5)
        self.screenshot(f"{self.name}-failed")
        fail(f"{self.name}: no picture")

    def choose(self, *places):
        """Entries of the boot menu and its submenus, counted from 0."""
        self.wait("OS Circular, text only", within=120)
        for place in places:
            self.key(*["down"] * place, "ret")
            time.sleep(2)
