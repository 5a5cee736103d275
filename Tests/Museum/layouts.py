"""The servers of the distributions whose cloud images and live systems are signed, or not, in lists of digests.

Names, grammars and oddities are those of the real servers in November 2026; what is here only to be passed over is there, too."""
import base64
import itertools
import json

from files import torrent
from images import DAYS, processors
import layouts_of_streams
import layouts_of_pages

NEWEST = DAYS[-1]


def compact(day):
    return day.replace("-", "")


def make_all(files, images):
    if "cloud" in images:
        debian_cloud(files, images)
        return files.pages()
    for make in [debian_cloud, debian_iso, kali, fedora, centos, rocky, alma, opensuse, alpine]:
        make(files, images)
    layouts_of_streams.make_all(files, images)
    layouts_of_pages.make_all(files, images)
    files.pages()


def debian_cloud(files, images):
    """Dated folders with SHA512SUMS and a document with digests in base64; `latest` is a folder beside them. Nothing is signed. What is
    asked for lies on a mirror, to which every request is redirected."""
    for codename, version in [("bookworm", 12), ("trixie", 13)]:
        for number, day in enumerate(DAYS):
            build = f"{compact(day)}-{2650 + 7 * number}"
            for folder, ending in [(build, f"-{build}"), *([("latest", "")] if day == NEWEST else [])]:
                at = f"cloud.debian.org/images/cloud/{codename}/{folder}"
                names = []
                for (word, made), kind in itertools.product(
                        processors(images, "amd64", "arm64"), ["nocloud", "generic", "genericcloud"]):
                    name = f"debian-{version}-{kind}-{word}{ending}"
                    qcow2 = made["deflate"] if kind == "nocloud" else made.get("cloud", made["deflate"])
                    files.image(f"{at}/{name}.qcow2", qcow2[number], day)
                    names += [f"{name}.json", f"{name}.qcow2"]
                    if kind == "nocloud" and word == "amd64":
                        files.image(f"{at}/{name}.raw", made["raw"][number], day)
                        names.append(f"{name}.raw")
                    text = json.dumps(debian_build(files, at, codename, kind, build, name, word), indent=1)
                    files.write(f"{at}/{name}.json", text, day)
                files.write(f"{at}/SHA512SUMS", files.gnu(at, names, "sha512"), day)
        files.write(f"cloud.debian.org/images/cloud/{codename}/daily/20261117-2665/SHA512SUMS", "", NEWEST)


def debian_build(files, at, codename, kind, build, name, word):
    digest = bytes.fromhex(files.sum(f"{at}/{name}.qcow2", "sha512"))
    return {"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "cloud.debian.org/v1alpha1", "kind": "Build", "data": {"packages": [{"name": "base-files", "version": "13.8"}]}},
        {"apiVersion": "cloud.debian.org/v1alpha1", "kind": "Upload",
         "data": {"familyRef": None, "provider": "cloud.debian.org", "ref": f"{codename}/{build}/{name}.qcow2"},
         "metadata": {"annotations": {"cloud.debian.org/digest": "sha512:" + base64.b64encode(digest).decode().rstrip("=")},
                      "labels": {"cloud.debian.org/vendor": kind, "cloud.debian.org/version": build, "debian.org/arch": word,
                                 "debian.org/dist": "debian", "debian.org/release": codename,
                                 "upload.cloud.debian.org/image-format": "qcow2"}}}]}


def debian_iso(files, images):
    """Live and installer images, whose signed lists of digests in bt-* cover the torrents. Earlier releases are in an archive."""
    for number, (release, day) in enumerate(zip(["13.4.0", "13.5.0", "13.6.0"], DAYS)):
        newest = day == NEWEST
        for kind, image_names in [("live", [f"debian-live-{release}-amd64-{desktop}.iso" for desktop in ["gnome", "kde", "standard", "xfce"]]),
                                  ("", [f"debian-edu-{release}-amd64-netinst.iso", f"debian-{release}-amd64-netinst.iso",
                                        f"debian-mac-{release}-amd64-netinst.iso"])]:
            suffix, sort = ("-live", "hybrid") if kind else ("", "cd")
            folders = [f"cdimage.debian.org/cdimage/archive/{release}{suffix}"] if not newest else [
                f"cdimage.debian.org/debian-cd/{release}{suffix}", f"cdimage.debian.org/debian-cd/current{suffix}"]
            for folder in folders:
                at, torrents = f"{folder}/amd64/iso-{sort}", f"{folder}/amd64/bt-{sort}"
                for name in image_names:
                    files.image(f"{at}/{name}", images["iso"][number], day)
                    files.write(f"{torrents}/{name}.torrent", torrent(images["iso"][number], name), day)
                for algorithm in ["sha256", "sha512"]:
                    sums = algorithm.upper() + "SUMS"
                    text = files.gnu(at, image_names, algorithm)
                    files.write(f"{at}/{sums}", text, day)
                    files.write(f"{torrents}/{sums}", text + files.gnu(torrents, [f"{name}.torrent" for name in image_names], algorithm), day)
                    for place in [at, torrents]:
                        files.sign(f"{place}/{sums}", "debian-cd", day, ".sign", armored=True)




def kali(files, images):
    """Torrents are in the one signed list of digests."""
    for number, (release, day) in enumerate(zip(["2026.1", "2026.2", "2026.3"], DAYS)):
        for folder in [f"kali-{release}", *(["current"] if day == NEWEST else [])]:
            at, names = f"cdimage.kali.org/{folder}", []
            for kind in ["installer", "installer-netinst", "installer-purple"]:
                name = f"kali-linux-{release}-{kind}-amd64.iso"
                files.image(f"{at}/{name}", images["iso"][number], day)
                files.write(f"{at}/{name}.torrent", torrent(images["iso"][number], name), day)
                names += [name, f"{name}.torrent"]
            files.write(f"{at}/SHA256SUMS", files.gnu(at, names, "sha256"), day)
            files.sign(f"{at}/SHA256SUMS", "kali", day, ".gpg", armored=True)


def fedora(files, images):
    """releases.json names each release's only build, by an address that redirects each time; the list of digests is clear-signed."""
    listed = []
    for number, (version, build) in enumerate([("42", "42-1.1"), ("43", "43-1.6"), ("44", "44-1.7")]):
        day = DAYS[number]
        cloud = [("Cloud", "Cloud_Base", f"Cloud/{word}/images", f"Fedora-Cloud-Base-Generic-{build}.{word}.qcow2", made["deflate"], word)
                 for word, made in processors(images, "x86_64", "aarch64")]
        for variant, subvariant, folder, name, made, word in [
                *cloud,
                ("Workstation", "Workstation", "Workstation/x86_64/iso", f"Fedora-Workstation-Live-{build}.x86_64.iso", images["iso"], "x86_64"),
                ("Server", "Server", "Server/x86_64/iso", f"Fedora-Server-netinst-x86_64-{build}.iso", images["iso"], "x86_64")]:
            path = f"pub/fedora/linux/releases/{version}/{folder}"
            at = f"dl.fedoraproject.org/{path}"
            files.image(f"{at}/{name}", made[number], day)
            text = "# A list of digests, as Fedora signs it.\n" + files.bsd(at, [name], "sha256", sized=True)
            files.write(f"{at}/Fedora-{variant}-{build}-{word}-CHECKSUM", files.keys.clear("fedora", text, day), day)
            listed.append({"version": version, "arch": word, "link": f"https://download.fedoraproject.org/{path}/{name}",
                           "variant": variant, "subvariant": subvariant, "sha256": files.sum(f"{at}/{name}", "sha256"),
                           "size": str(files.size(f"{at}/{name}"))})
    listed.append({"version": "45 Beta", "arch": "aarch64", "link": "https://download.fedoraproject.org/pub/fedora/linux/releases/test/"
                   "45_Beta/Cloud/aarch64/images/Fedora-Cloud-Base-Generic-45_Beta-1.2.aarch64.qcow2",
                   "variant": "Cloud", "subvariant": "Cloud_Base", "sha256": "0" * 64, "size": "1"})
    files.write("fedoraproject.org/releases.json", json.dumps(listed), NEWEST)


def centos(files, images):
    """A list that nobody signs, in which the newest stands under two names."""
    for release, (word, made) in itertools.product([9, 10], processors(images, "x86_64", "aarch64")):
        at, names = f"cloud.centos.org/centos/{release}-stream/{word}/images", []
        for number, day in enumerate(DAYS):
            name = f"CentOS-Stream-GenericCloud-{release}-{compact(day)}.0.{word}.qcow2"
            for alias in [name, *([f"CentOS-Stream-GenericCloud-{release}-latest.{word}.qcow2"] if day == NEWEST else []),
                          f"CentOS-Stream-GenericCloud-{word}-{release}-{compact(day)}.0.{word}.qcow2"]:
                files.image(f"{at}/{alias}", made["deflate"][number], day)
                files.write(f"{at}/{alias}.SHA256SUM", files.bsd(at, [alias], "sha256", sized=True), day)
                names.append(alias)
        files.write(f"{at}/CHECKSUM", files.bsd(at, names, "sha256", sized=True), NEWEST)


def rocky(files, images):
    """One build for each point release; the earlier ones are in the vault."""
    for (number, (release, day)), (word, made) in itertools.product(
            enumerate(zip(["10.0", "10.1", "10.2"], DAYS)), processors(images, "x86_64", "aarch64")):
        top = "pub/rocky" if day == NEWEST else "vault/rocky"
        at = f"dl.rockylinux.org/{top}/{release}/images/{word}"
        name = f"Rocky-10-GenericCloud-Base-{release}-{compact(day)}.0.{word}.qcow2"
        names = [name, *([f"Rocky-10-GenericCloud-Base.latest.{word}.qcow2"] if day == NEWEST else [])]
        for alias in names:
            files.image(f"{at}/{alias}", made["deflate"][number], day)
            files.write(f"{at}/{alias}.CHECKSUM", files.bsd(at, [alias], "sha256", sized=True), day)
        files.write(f"{at}/CHECKSUM", files.bsd(at, names, "sha256", sized=True), day)
        files.sign(f"{at}/CHECKSUM", "rocky", day, ".asc", armored=True)


def alma(files, images):
    """Only the newest build, and its list beside a detached signature."""
    for word, made in processors(images, "x86_64", "aarch64"):
        at = f"repo.almalinux.org/almalinux/10.2/cloud/{word}/images"
        names = [f"AlmaLinux-10-GenericCloud-10.2-{compact(NEWEST)}.0.{word}.qcow2", f"AlmaLinux-10-GenericCloud-latest.{word}.qcow2"]
        for name in names:
            files.image(f"{at}/{name}", made["deflate"][-1], NEWEST)
        files.write(f"{at}/CHECKSUM", files.gnu(at, names, "sha256"), NEWEST)
        files.sign(f"{at}/CHECKSUM", "alma", NEWEST, ".asc", armored=True)
    at = "repo.almalinux.org/almalinux/10.2/isos/x86_64"
    name = "AlmaLinux-10.2-x86_64-minimal.iso"
    files.image(f"{at}/{name}", images["iso"][-1], NEWEST)
    files.write(f"{at}/CHECKSUM", files.keys.clear("alma", files.bsd(at, [name], "sha256", sized=True), NEWEST), NEWEST)


def opensuse(files, images):
    """Aliases beside the builds, each with a list of one line that names the build; the page also comes as a table in JSON. Files are
    on mirrors, which a metalink names."""
    leap = "download.opensuse.org/distribution/leap/16.0/appliances"
    for word, made in processors(images, "x86_64", "aarch64"):
        opensuse_build(files, leap, f"Leap-16.0-Minimal-VM.{word}-Cloud", "-Build18.7", made["deflate"][-1], NEWEST, alias_in_sums=True)
    tumbleweed = "download.opensuse.org/tumbleweed/appliances"
    for number, day in enumerate(DAYS):
        opensuse_build(files, tumbleweed, "openSUSE-Tumbleweed-Minimal-VM.x86_64", f"-1.0.0-Cloud-Snapshot{compact(day)}",
                       images["deflate"][number], day, alias="-Cloud" if day == NEWEST else None)
    for at in [leap, tumbleweed]:
        entries = [{"name": place.name, "size": str(place.stat().st_size), "mtime": str(int(place.stat().st_mtime))}
                   for place in sorted((files.root / at).iterdir())]
        files.write(f"{at}/index.jsontable.json", json.dumps({"data": entries}), NEWEST)


def opensuse_build(files, at, name, build, image, day, alias="", alias_in_sums=False):
    for ending in [build] if alias is None else [build, alias]:
        file = f"{name}{ending}.qcow2"
        files.image(f"{at}/{file}", image, day)
        named = file if alias_in_sums else f"{name}{build}.qcow2"
        digest = files.sum(f"{at}/{file}", "sha256")
        files.write(f"{at}/{file}.sha256", f"{digest} {'' if alias_in_sums else ' '}{named}\n", day)
        files.sign(f"{at}/{file}.sha256", "opensuse", day, ".asc", armored=True)
        host, path = at.split("/", 1)
        files.write(f"{at}/{file}.metalink", f"""<?xml version="1.0" encoding="UTF-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic">
 <files><file name="{file}"><size>{files.size(f"{at}/{file}")}</size>
  <verification><hash type="sha-256">{digest}</hash></verification>
  <resources maxconnections="1">
   <url type="http" location="de" preference="100">https://ftp.gwdg.de/pub/opensuse/{path}/{file}</url>
   <url type="http" location="us" preference="99">https://{host}/{path}/{file}</url>
  </resources></file></files>
</metalink>
""", day)


def alpine(files, images):
    """Two branches; a digest alone in its file, and a signature of the image itself."""
    for branch, releases in [("v3.22", [("3.22.3", 0)]), ("v3.23", [("3.23.3", 1), ("3.23.4", 2)])]:
        at = f"dl-cdn.alpinelinux.org/alpine/{branch}/releases/cloud"
        for release, number in releases:
            for (word, made), flavour in itertools.product(
                    processors(images, "x86_64", "aarch64"), ["bios-cloudinit", "bios-tiny", "uefi-cloudinit", "uefi-tiny"]):
                for provider in ["nocloud", "generic"]:
                    file = f"{at}/{provider}_alpine-{release}-{word}-{flavour}-r0.qcow2"
                    files.image(file, made["plain"][number], DAYS[number])
                    files.write(file + ".sha512", files.sum(file, "sha512") + "\n", DAYS[number])
                    files.sign(file, "alpine", DAYS[number], ".asc", armored=True)
        release, number = releases[-1]
        at = f"dl-cdn.alpinelinux.org/alpine/{branch}/releases/x86_64"
        for flavour in ["standard", "virt"]:
            file = f"{at}/alpine-{flavour}-{release}-x86_64.iso"
            files.image(file, images["iso"][number], DAYS[number])
            for algorithm in ["sha256", "sha512"]:
                files.write(f"{file}.{algorithm}", files.gnu(at, [file.rsplit("/", 1)[1]], algorithm), DAYS[number])
            files.sign(file, "alpine", DAYS[number], ".asc", armored=True)
