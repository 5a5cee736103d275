"""The vendors' keys, made here: OpenPGP by gpg, and those of minisign and signify."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

# RSA is what most have; these two have Ed25519.
CURVES = {"arch-boxes", "arch-iso"}
OPENPGP = ["debian-cd", "ubuntu-cloud", "ubuntu-cd", "fedora", "arch-boxes", "arch-iso", "opensuse", "alpine", "linuxcontainers",
           "gentoo", "kali", "rocky", "alma", "flatcar"]
MINISIGN, SIGNIFY = ["void"], ["openbsd"]


class Keys:
    """Signs while it is open. FOLDER gets NAME.asc and NAME.pub, and fingerprints.json: name -> primary key's fingerprint."""

    def __init__(self, folder, openpgp=OPENPGP):
        self.folder, self.openpgp = folder, openpgp

    def __enter__(self):
        self.folder.mkdir(parents=True)
        # Short: an agent's socket has at most 107 bytes of path.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="museum."))
        self.fingerprints, self.made = {}, {}
        try:
            for name in self.openpgp:
                self.fingerprints[name] = self.make_openpgp(name)
                (self.folder / f"{name}.asc").write_bytes(self.gpg("--armor", "--export", self.fingerprints[name]))
            for name in MINISIGN:
                self.run("minisign", "-G", "-W", "-p", self.folder / f"{name}.pub", "-s", self.home / f"{name}.sec")
            for name in SIGNIFY:
                self.run("signify-openbsd", "-G", "-n", "-p", self.folder / f"{name}.pub", "-s", self.home / f"{name}.sec")
        except BaseException:
            self.__exit__()
            raise
        (self.folder / "fingerprints.json").write_text(json.dumps(self.fingerprints, indent=1))
        return self

    def __exit__(self, *_):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.environment, stderr=subprocess.DEVNULL)
        # Nobody needs the secret keys any more, and nothing that tests leave behind can sign.
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self):
        return dict(os.environ, GNUPGHOME=str(self.home), LC_ALL="C")

    def run(self, *arguments, **options):
        return subprocess.run([str(word) for word in arguments], check=True, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options).stdout

    def gpg(self, *arguments, day="2026-01-01", **options):
        # A moment later than the key, which is of the same clock.
        return self.run("gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--faked-system-time",
                        day.replace("-", "") + "T030000!", *arguments, **options)

    def make_openpgp(self, name):
        kind = "ed25519" if name in CURVES else "rsa3072"
        user = f"{name} of the museum <{name}@museum.invalid>"
        self.gpg("--quick-generate-key", user, kind, "cert" if name == "gentoo" else "sign", "never")
        listing = self.gpg("--with-colons", "--list-keys", f"={user}").decode()
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        if name == "gentoo":
            # As theirs: the primary key is pinned, and a subkey signs.
            self.gpg("--quick-add-key", fingerprint, "rsa3072", "sign", "never")
        return fingerprint

    def detached(self, name, path, day, armored=False):
        """:returns: the signature's bytes. What many places have is signed once."""
        with open(path, "rb") as file:
            key = name, hashlib.file_digest(file, "sha256").digest(), day, armored
        if key not in self.made:
            self.made[key] = self.sign(name, path, day, armored)
        return self.made[key]

    def sign(self, name, path, day, armored):
        return self.gpg("-u", self.fingerprints[name], "--digest-algo", "SHA512", *(["--armor"] if armored else []), "--detach-sign",
                        "--output", "-", path, day=day)

    def clear(self, name, text, day):
        """:returns: the clear-signed text's bytes."""
        return self.gpg("-u", self.fingerprints[name], "--digest-algo", "SHA256", "--clear-sign", day=day, input=text.encode())

    def minisign(self, name, path):
        """As signify reads it, too: the file itself is signed, not its hash."""
        return self.small("minisign", "-S", "-l", "-W", "-s", self.home / f"{name}.sec", "-m", path, name=name)

    def signify(self, name, path):
        """With the signed text behind the signature, as OpenBSD's SHA256.sig."""
        return self.small("signify-openbsd", "-S", "-e", "-s", self.home / f"{name}.sec", "-m", path, name=name)

    def small(self, *arguments, name):
        output = self.home / f"{name}.sig"
        self.run(*arguments, "-x", output)
        return output.read_bytes()
