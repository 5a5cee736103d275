"""A copy of the museum for one server: its own addresses in the documents, and tables of vendors for it."""
import json
import os
import pathlib
import re
import shutil
import tomllib
import urllib.parse

here = pathlib.Path(__file__).resolve().parent
# The documents that name addresses.
NAMING = ("releases.json", "stable.json", "-template.json", ".metalink")
# What the tiny guest needs, in place of what the vendor's own image does.
TINY = {"firmware": "bios", "memory": 256, "cpus": 1, "seed": "none", "login": "root, no password on the console", "user": "root",
        "summary": "The tests' tiny guest, in a place where this system's image would be"}
TINY_FOR_AARCH64 = TINY | {"firmware": "uefi", "login": "root, no password on the console; no ssh"}
# Whose the keys of the tables are. A vendor with several keys signs everything with one of them here.
KEYS = {"DF9B9C49EAA9298432589D76DA87E80D6294BE9B": "debian-cd", "827C8569F2518CC677FECA1AED65462EC8D5E4C5": "kali",
        "843938DF228D22F7B3742BC0D94AA3F0EFE21092": "ubuntu-cd", "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81": "ubuntu-cloud",
        "3E80CA1A8B89F69CBA57D98A76A5EF9054449A5C": "arch-iso", "1B9A16984A4E8CB448712D2AE0B78BF4326C6F8F": "arch-boxes"}
VENDORS = {"fedora-coreos": "fedora", "coreos": "fedora", "almalinux": "alma", "rockylinux": "rocky"}


def make_site(cache, url, site, tables):
    """:param url: of the server, without a slash at its end.
    :param tables: the folder of the tables that are made over."""
    site.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(site / "files", ignore_errors=True)
    shutil.copytree(cache / "files", site / "files", copy_function=os.link)
    shutil.copytree(cache / "keys", site / "files/keys", ignore=shutil.ignore_patterns("*.json"))
    for place in (site / "files").rglob("*"):
        if place.name.endswith(NAMING):
            own = place.read_text().replace("https://", f"{url}/")
            status = place.stat()
            # Another file: the museum's own keeps what it says.
            place.unlink()
            place.write_text(own)
            os.utime(place, ns=(status.st_mtime_ns, status.st_mtime_ns))
    shutil.rmtree(site / "vendors", ignore_errors=True)
    (site / "vendors").mkdir()
    for table in sorted(tables.glob("*.toml")):
        made = table_here(tomllib.loads(table.read_text()), cache, url, site / "files")
        if made.get("system"):
            (site / "vendors" / table.name).write_text(text_of(made))


def table_here(table, cache, url, files):
    """A table with the systems that are in the museum, at this server's addresses."""
    table = table | {"key": [key_here(key, table["name"], cache, url) for key in table.get("key", [])], "system": [
        made for system in table.get("system", []) if (made := system_here(system, table.get("defaults", {}), cache, url, files))]}
    if "defaults" in table:
        table["defaults"] = addresses_here(without_other_hosts(table["defaults"], files), url)
        table["defaults"].pop("cpu-level", None)
    return table


def key_here(key, vendor, cache, url):
    fingerprints = json.loads((cache / "keys/fingerprints.json").read_text())
    name = KEYS.get(key["fingerprint"], VENDORS.get(vendor, vendor))
    if name in fingerprints:
        return key | {"fingerprint": fingerprints[name], "url": f"{url}/keys/{name}.asc"}
    public = cache / f"keys/{name}.pub"
    return key | {"fingerprint": public.read_text().split("\n")[1]} if public.exists() else key


def system_here(system, defaults, cache, url, files):
    """:returns: None where the museum has nothing of it."""
    every = defaults | system
    is_usual = every.get("architecture", "x86_64") == "x86_64"
    if not is_usual and not (cache / "images/aarch64.qcow2").exists():
        return None
    upstream = every.get("upstream", [])
    found = [place for place in ([upstream] if isinstance(upstream, str) else upstream) if exists(place, files)]
    if not any(offers(place, every, files) for place in found):
        return None
    made = addresses_here(without_other_hosts(system, files), url)
    made["upstream"] = addresses_here(found, url)
    made.pop("cpu-level", None)
    if not is_usual:
        return made | TINY_FOR_AARCH64
    is_cloud = "genericcloud" in str(every.get("image", "")) + str(every.get("entry", "")) and (cache / "images/cloud.qcow2").exists()
    return made | ({"firmware": "bios", "memory": 512} if is_cloud else TINY)


def offers(address, system, files):
    """Whether the museum has a build of a system there: a page an entry that fits, a document of many systems this one."""
    listing = system.get("listing", "directory")
    if listing == "simplestreams":
        return json.dumps(system["product"]) in (files / path_of(address)).read_text()
    if listing != "directory":
        return True
    words = {"date": r"\d{4}[-.]?\d\d[-.]?\d\d", "number": r"\d+", "serial": r"(\.\d+)?", "word": r"[A-Za-z0-9]+"}

    def fitting(pattern):
        return re.compile("".join(words[part[1:-1]] if part.startswith("{") else re.escape(part)
                                  for part in re.split(r"(\{\w+\})", pattern)))

    folders = [files]
    for part in path_of(address).strip("/").split("/"):
        folders = [found for folder in folders for found in folder.iterdir() if found.is_dir() and fitting(part).fullmatch(found.name)]
    return any(fitting(system["entry"]).fullmatch(name.name) for folder in folders for name in folder.iterdir())


def path_of(address):
    return urllib.parse.unquote(address.split("://", 1)[-1].split("?")[0])


def exists(address, files):
    """Whether the museum has a document, or the folder that a pattern's first fixed part names."""
    path = path_of(address)
    if "{" in path:
        path = path.split("{")[0].rsplit("/", 1)[0]
    return (files / path).exists() or path.startswith(("download.fedoraproject.org/", "cdn.amazonlinux.com/al2023/os-images/latest"))


def without_other_hosts(table, files):
    """Mirrors that the museum does not have are left out."""
    mirrors = [place for place in table.get("mirrors", []) if exists(place, files)]
    return {key: mirrors if key == "mirrors" else value for key, value in table.items() if key != "mirrors" or mirrors}


def addresses_here(value, url):
    if isinstance(value, dict):
        return {key: item if key == "homepage" else addresses_here(item, url) for key, item in value.items()}
    if isinstance(value, list):
        return [addresses_here(item, url) for item in value]
    return re.sub(r"^https?://", f"{url}/", value) if isinstance(value, str) else value


def text_of(table):
    """TOML, as far as tables of vendors use it."""
    def lines(values):
        return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()
                       if not isinstance(value, dict) and not (isinstance(value, list) and value and isinstance(value[0], dict)))

    text = lines({key: value for key, value in table.items() if key not in ["key", "system", "defaults"]})
    if "defaults" in table:
        text += "\n[defaults]\n" + lines(table["defaults"])
    for kind in ["key", "system"]:
        text += "".join(f"\n[[{kind}]]\n{lines(entry)}" for entry in table[kind])
    return text
