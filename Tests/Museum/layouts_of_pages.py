"""The servers whose lists are unlike the others': clear-signed texts, xz in blocks, minisign and signify."""
import json

from images import DAYS

NEWEST = DAYS[-1]


def compact(day):
    return day.replace("-", "")


def make_all(files, images):
    for make in [freebsd, netbsd, fedora_iot, void, openbsd, gentoo, flatcar, amazon, oracle]:
        make(files, images)


def freebsd(files, images):
    """One build for each release, as xz in blocks, and snapshots by day; the digests are those of the packed files."""
    builds = [("14.4-RELEASE", "Latest", "", 0), ("15.1-RELEASE", "Latest", "", 2),
              *(("16.0-CURRENT", compact(day), f"-{compact(day)}", number) for number, day in enumerate(DAYS))]
    for release, folder, ending, number in builds:
        at = f"download.freebsd.org/{'snapshots' if ending else 'releases'}/VM-IMAGES/{release}/amd64/{folder}"
        names = []
        for flavour in ["ufs", "zfs", "BASIC-CLOUDINIT-ufs", "BASIC-CLOUDINIT-zfs"]:
            names.append(f"FreeBSD-{release}-amd64{ending}-{flavour}.raw.xz")
            files.image(f"{at}/{names[-1]}", images["xz"][number], DAYS[number])
        for algorithm in ["sha256", "sha512"]:
            files.write(f"{at}/CHECKSUM.{algorithm.upper()}", files.bsd(at, names, algorithm), DAYS[number])


def netbsd(files, images):
    """One folder for each release: ISOs and packed live images in one list of digests, which nobody signs."""
    for number, release in enumerate(["9.4", "10.0", "10.1"]):
        at, day = f"cdn.netbsd.org/pub/NetBSD/NetBSD-{release}/images", DAYS[number]
        names = [f"NetBSD-{release}-amd64.iso", f"NetBSD-{release}-amd64-live.img.gz"]
        for name, kind in zip(names, ["iso", "gz"]):
            files.image(f"{at}/{name}", images[kind][number], day)
        files.write(f"{at}/SHA512", files.bsd(at, names, "sha512"), day)


def fedora_iot(files, images):
    """xz of one block, with a clear-signed list of digests for each build."""
    at = "dl.fedoraproject.org/pub/alt/iot/44/IoT/x86_64/images"
    for number, day in enumerate(DAYS):
        name = f"Fedora-IoT-raw-44-{compact(day)}.0.x86_64.raw.xz"
        files.image(f"{at}/{name}", images["xz-whole"][number], day)
        files.write(f"{at}/Fedora-IoT-44-x86_64-{compact(day)}.0-CHECKSUM", files.keys.clear(
            "fedora", files.bsd(at, [name], "sha256", sized=True), day), day)


def void(files, images):
    """Dated folders, signed by a minisign key that signify reads, too."""
    for number, day in enumerate(DAYS):
        for folder in [compact(day), *(["current"] if day == NEWEST else [])]:
            at = f"repo-default.voidlinux.org/live/{folder}"
            names = [f"void-live-x86_64-{compact(day)}-{flavour}.iso" for flavour in ["base", "xfce"]]
            for name in names:
                files.image(f"{at}/{name}", images["iso"][number], day)
            sums = files.write(f"{at}/sha256sum.txt", files.bsd(at, names, "sha256"), day)
            files.write(f"{at}/sha256sum.sig", files.keys.minisign("void", sums), day)


def openbsd(files, images):
    """The signature holds what it signs."""
    for number, (release, day) in enumerate(zip(["7.7", "7.8", "7.9"], DAYS)):
        at, short = f"cdn.openbsd.org/pub/OpenBSD/{release}/amd64", release.replace(".", "")
        names = [f"cd{short}.iso", f"install{short}.img", f"install{short}.iso", f"miniroot{short}.img"]
        for name in names:
            files.image(f"{at}/{name}", images["iso" if name.endswith("iso") else "raw"][number], day)
        sums = files.write(f"{at}/SHA256", files.bsd(at, names, "sha256"), day)
        files.write(f"{at}/SHA256.sig", files.keys.signify("openbsd", sums), day)


def gentoo(files, images):
    """Clear-signed pointers to the newest build, and dated folders with clear-signed digests. A subkey signs."""
    top = "distfiles.gentoo.org/releases/amd64/autobuilds"
    for kind in ["console", "cloudinit"]:
        for number, day in enumerate(DAYS):
            stamp = f"{compact(day)}T170110Z"
            name = f"di-amd64-{kind}-{stamp}.qcow2"
            for folder in [stamp, *([f"current-di-amd64-{kind}"] if day == NEWEST else [])]:
                at = f"{top}/{folder}"
                files.image(f"{at}/{name}", images["deflate"][number], day)
                files.write(f"{at}/{name}.sha256", files.keys.clear("gentoo", files.gnu(at, [name], "sha256"), day), day)
                blake, sha = (files.sum(f"{at}/{name}", algorithm) for algorithm in ["blake2b", "sha512"])
                files.write(f"{at}/{name}.DIGESTS", files.keys.clear(
                    "gentoo", f"# BLAKE2B HASH\n{blake}  {name}\n# SHA512 HASH\n{sha}  {name}\n", day), day)
        pointer = f"# Latest as of Mon, 16 Nov 2026 23:00:01 +0000\n# ts=1795129201\n{stamp}/{name} {files.size(f'{top}/{stamp}/{name}')}\n"
        files.write(f"{top}/latest-di-amd64-{kind}.txt", files.keys.clear("gentoo", pointer, NEWEST), NEWEST)


def flatcar(files, images):
    """Folders named by versions, qcow2 of version 2, a signature of the image itself."""
    for number, (version, day) in enumerate(zip(["4593.1.0", "4593.2.0", "4593.2.1"], DAYS)):
        for folder in [version, *(["current"] if day == NEWEST else [])]:
            at = f"stable.release.flatcar-linux.net/amd64-usr/{folder}"
            file = f"{at}/flatcar_production_qemu_image.img"
            files.image(file, images["old"][number], day)
            files.sign(file, "flatcar", day, ".sig")
            files.write(f"{at}/version.txt", f"FLATCAR_BUILD=4593\nFLATCAR_VERSION={version}\nFLATCAR_BUILD_ID=\"{day}-0312\"\n", day)


def amazon(files, images):
    """`latest` leads to the newest dated folder; nothing is signed."""
    for number, day in enumerate(DAYS):
        build = f"2023.9.{compact(day)}.0"
        at, name = f"cdn.amazonlinux.com/al2023/os-images/{build}/kvm", f"al2023-kvm-{build}-kernel-6.1-x86_64.xfs.gpt.qcow2"
        files.image(f"{at}/{name}", images["deflate"][number], day)
        files.write(f"{at}/SHA256SUMS", files.gnu(at, [name], "sha256"), day)


def oracle(files, images):
    """A document with what the paths in it start from."""
    for number, (release, image) in enumerate([("ol8", "OL8U10_x86_64-kvm-b288.qcow2"), ("ol9", "OL9U6_x86_64-kvm-b289.qcow2"),
                                               ("ol10", "OL10U1_x86_64-kvm-b291.qcow2")]):
        top = "yum.oracle.com/templates/OracleLinux"
        update = image.split("U")[1].split("_")[0]
        file = f"{top}/{release.upper()}/u{update}/x86_64/{image}"
        files.image(file, images["deflate"][number], DAYS[number])
        files.write(f"{top}/{release}-template.json", json.dumps({
            "base_url": f"https://{file.rsplit('/', 1)[0]}/",
            "kvm": {"image": image, "sha256": files.sum(file, "sha256")}}), DAYS[number])
