"""The servers that publish documents of their builds: simplestreams, CoreOS's streams, GitLab's packages."""
import hashlib
import itertools
import json

from images import DAYS, processors

NEWEST = DAYS[-1]
UBUNTU = [("22.04", "jammy", "22.04 LTS", "2027-06-01"), ("24.04", "noble", "24.04 LTS", "2029-05-31"),
          ("26.04", "resolute", "26.04 LTS", "2031-05-29")]


def compact(day):
    return day.replace("-", "")


def make_all(files, images):
    for make in [ubuntu_cloud, ubuntu_iso, linuxcontainers, coreos, arch_boxes, arch_iso]:
        make(files, images)


def stream(files, top, document, content_id, products, key, day=NEWEST):
    """A products file, its index, its detached signature and its clear-signed copy."""
    products = {"content_id": content_id, "datatype": "image-downloads", "format": "products:1.0",
                "updated": "Mon, 16 Nov 2026 03:12:00 +0000", "products": products}
    index = {"format": "index:1.0", "updated": products["updated"], "index": {content_id: {
        "datatype": "image-downloads", "format": "products:1.0", "path": f"streams/v1/{document}.json",
        "updated": products["updated"], "products": sorted(products["products"])}}}
    for name, value in [(document, products), ("index", index)]:
        text = json.dumps(value, indent=1)
        files.write(f"{top}/streams/v1/{name}.json", text, day)
        if key:
            files.sign(f"{top}/streams/v1/{name}.json", key, day, ".gpg", armored=True)
            signed = files.keys.clear(key, text.replace(".json", ".sjson"), day)
            files.write(f"{top}/streams/v1/{name}.sjson", signed, day)


def ubuntu_cloud(files, images):
    for top, kind, product in [("cloud-images.ubuntu.com/releases", "server", "com.ubuntu.cloud:server"),
                               ("cloud-images.ubuntu.com/minimal/releases", "minimal", "com.ubuntu.cloud:minimal")]:
        products = {}
        for (release, codename, title, support), (word, made) in itertools.product(UBUNTU, processors(images, "amd64", "arm64")):
            versions = {}
            for number, day in enumerate(DAYS):
                file = f"ubuntu-{release}-{kind}-cloudimg-{word}"
                path = f"{'server/releases/' if kind == 'server' else 'releases/'}{codename}/release-{compact(day)}"
                places = [f"{top}/{path}", f"{top}/{codename}/release-{compact(day)}"]
                if day == NEWEST:
                    places.append(f"{top}/{codename}/release")
                for at in places:
                    files.image(f"{at}/{file}.img", made["old" if release == "22.04" else "deflate"][number], day)
                    files.write(f"{at}/{file}.manifest", "base-files\t13ubuntu10\n", day)
                    # Those of all processors, as far as they are made.
                    names = sorted(place.name for place in (files.root / at).iterdir() if place.suffix in [".img", ".manifest"])
                    files.write(f"{at}/SHA256SUMS", files.gnu(at, names, "sha256", mark="*"), day)
                    files.sign(f"{at}/SHA256SUMS", "ubuntu-cloud", day, ".gpg")
                versions[compact(day)] = {"label": "release", "pubname": f"ubuntu-{codename}-{release}-{word}-{kind}-{compact(day)}", "items": {
                    "disk1.img": {"ftype": "disk1.img", "path": f"{path}/{file}.img", "size": files.size(f"{places[0]}/{file}.img"),
                                  "sha256": files.sum(f"{places[0]}/{file}.img", "sha256")},
                    "manifest": {"ftype": "manifest", "path": f"{path}/{file}.manifest", "size": 26,
                                 "sha256": files.sum(f"{places[0]}/{file}.manifest", "sha256")}}}
            products[f"{product}:{release}:{word}"] = {
                "aliases": f"{release},{codename}", "arch": word, "os": "ubuntu", "release": codename, "release_codename": codename,
                "release_title": title, "support_eol": support, "supported": True, "version": release, "versions": versions}
        name = "com.ubuntu.cloud:released:download"
        stream(files, top, name, name, products, "ubuntu-cloud")


def ubuntu_iso(files, images):
    for release, point in [("24.04", "24.04.4"), ("26.04", "26.04.1")]:
        for folder in {release, point}:
            at = f"releases.ubuntu.com/{folder}"
            names = [f"ubuntu-{point}-desktop-amd64.iso", f"ubuntu-{point}-live-server-amd64.iso"]
            for name in names:
                files.image(f"{at}/{name}", images["iso"][-1], NEWEST)
            files.write(f"{at}/SHA256SUMS", files.gnu(at, names, "sha256", mark="*"), NEWEST)
            files.sign(f"{at}/SHA256SUMS", "ubuntu-cd", NEWEST, ".gpg", armored=True)


def linuxcontainers(files, images):
    """Three builds of each; each file has a signature beside it."""
    products = {}
    for distro, releases in {"debian": ["bookworm", "trixie"], "alpine": ["3.23"], "voidlinux": ["current"], "nixos": ["25.11"],
                             "devuan": ["excalibur"], "oracle": ["9"], "ubuntu": ["noble"], "kali": ["current"],
                             "archlinux": ["current"]}.items():
        for release in releases:
            for variant in ["cloud", "default"]:
                versions = {}
                for number, day in enumerate(DAYS):
                    build = f"{compact(day)}_05:24"
                    path = f"images/{distro}/{release}/amd64/{variant}/{build}"
                    at = f"images.linuxcontainers.org/{path}"
                    files.image(f"{at}/disk.qcow2", images["deflate"][number], day)
                    files.write(f"{at}/incus.tar.xz", f"metadata of {distro} {build}\n", day)
                    files.write(f"{at}/SHA256SUMS", files.gnu(at, ["disk.qcow2", "incus.tar.xz"], "sha256"), day)
                    for name in ["SHA256SUMS", "disk.qcow2"] if variant == "cloud" else ["SHA256SUMS"]:
                        files.sign(f"{at}/{name}", "linuxcontainers", day, ".asc", armored=True)
                    both = hashlib.sha256((files.root / at / "incus.tar.xz").read_bytes()
                                          + (files.root / at / "disk.qcow2").read_bytes()).hexdigest()
                    versions[build] = {"items": {
                        "disk.qcow2": {"ftype": "disk-kvm.img", "path": f"{path}/disk.qcow2", "size": files.size(f"{at}/disk.qcow2"),
                                       "sha256": files.sum(f"{at}/disk.qcow2", "sha256")},
                        "incus.tar.xz": {"ftype": "incus.tar.xz", "path": f"{path}/incus.tar.xz", "combined_disk-kvm-img_sha256": both,
                                         "size": files.size(f"{at}/incus.tar.xz"), "sha256": files.sum(f"{at}/incus.tar.xz", "sha256")}}}
                products[f"{distro}:{release}:amd64:{variant}"] = {
                    "aliases": f"{distro}/{release}/{variant}", "arch": "amd64", "os": distro.capitalize(), "release": release,
                    "release_title": release, "variant": variant, "requirements": {"secureboot": "false"}, "versions": versions}
    stream(files, "images.linuxcontainers.org", "images", "images", products, None)


def coreos(files, images):
    """A document of the newest build, and one of all; a signature of the image itself."""
    host, builds = "builds.coreos.fedoraproject.org", []
    for number, day in enumerate(DAYS):
        build = f"44.{compact(day)}.3.1"
        folder = f"prod/streams/stable/builds/{build}/x86_64"
        artifacts = {}
        for artifact, kind, name in [("nutanix", "qcow2", f"fedora-coreos-{build}-nutanix.x86_64.qcow2"),
                                     ("metal", "iso", f"fedora-coreos-{build}-live-iso.x86_64.iso")]:
            file = f"{host}/{folder}/{name}"
            files.image(file, images["deflate" if kind == "qcow2" else "iso"][number], day)
            files.sign(file, "fedora", day, ".sig")
            artifacts[artifact] = {"release": build, "formats": {kind: {"disk": {
                "location": f"https://{file}", "signature": f"https://{file}.sig", "sha256": files.sum(file, "sha256")}}}}
        artifacts["qemu"] = {"release": build, "formats": {"qcow2.xz": {"disk": {
            "location": f"https://{host}/{folder}/fedora-coreos-{build}-qemu.x86_64.qcow2.xz", "sha256": "0" * 64}}}}
        builds.insert(0, {"id": build, "arches": ["aarch64", "x86_64"]})
    files.write(f"{host}/streams/stable.json", json.dumps({
        "stream": "stable", "metadata": {"last-modified": f"{NEWEST}T03:12:00Z"},
        "architectures": {"x86_64": {"artifacts": artifacts, "images": {}}}}, indent=1), NEWEST)
    files.write(f"{host}/prod/streams/stable/builds/builds.json", json.dumps({
        "schema-version": "1.0.0", "builds": builds, "timestamp": f"{NEWEST}T03:12:00Z"}, indent=1), NEWEST)


def arch_boxes(files, images):
    """GitLab's packages say which builds there are and their digests; the images are elsewhere, each with its own signature."""
    host, packages = "gitlab.archlinux.org/api/v4/projects/archlinux/arch-boxes/packages", []
    for number, day in enumerate(DAYS):
        build, listed = f"{compact(day)}.{556894 + number}", []
        for kind in ["basic", "cloudimg"]:
            name = f"Arch-Linux-x86_64-{kind}-{build}.qcow2"
            file = f"geo.mirror.pkgbuild.com/images/v{build}/{name}"
            files.image(file, images["zstd"][number], day)
            files.write(f"{file}.SHA256", f"{files.sum(file, 'sha256')}  {name}\n", day)
            files.sign(file, "arch-boxes", day, ".sig")
            listed += [{"id": 9000 + 10 * number + len(listed), "package_id": 700 + number, "file_name": name, "size": files.size(file),
                        "created_at": f"{day}T03:12:00.000Z", "file_sha256": files.sum(file, "sha256")}]
        files.write(f"{host}/{700 + number}/package_files/index.json", json.dumps(listed), day)
        packages.insert(0, {"id": 700 + number, "name": "images", "version": f"v{build}", "package_type": "generic", "status": "default",
                            "created_at": f"{day}T03:12:00.000Z"})
    files.write(f"{host}/index.json", json.dumps(packages), NEWEST)


def arch_iso(files, images):
    releases = []
    for number, release in enumerate(["2026.09.01", "2026.10.01", "2026.11.01"]):
        day, name = release.replace(".", "-"), f"archlinux-{release}-x86_64.iso"
        for folder in [release, *(["latest"] if number == 2 else [])]:
            at = f"geo.mirror.pkgbuild.com/iso/{folder}"
            files.image(f"{at}/{name}", images["iso"][number], day)
            files.write(f"{at}/sha256sums.txt", files.gnu(at, [name], "sha256"), day)
            files.sign(f"{at}/{name}", "arch-iso", day, ".sig")
        releases.insert(0, {"version": release, "release_date": day, "available": True, "kernel_version": "7.0.1",
                            "iso_url": f"/iso/{release}/{name}", "sha256_sum": files.sum(f"{at}/{name}", "sha256")})
    files.write("archlinux.org/releng/releases/json/index.json",
                json.dumps({"version": 1, "releases": releases, "latest_version": "2026.11.01"}), NEWEST)
