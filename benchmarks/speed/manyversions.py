"""A client that follows catalogs of 500 x 500 versions, as their files lie in its state: no server is asked for them."""
import json
import shutil

from . import discarded

# A catalog's document ends at 16 MiB: 50 systems of 500 versions each fit.
SYSTEMS, VERSIONS, SYSTEMS_IN_A_CATALOG = 500, 500, 50
FIRST_ROW = b"system000"


def follow(client, folder):
    """Copies the catalogs that a client follows, and makes them large.
    :returns: the environment of such a client.
    """
    discarded.discard(folder)
    shutil.copytree(client.folder / "state.new", folder / "state", symlinks=True)
    catalogs = folder / "state/oscircular/catalogs"
    for first in range(0, SYSTEMS, SYSTEMS_IN_A_CATALOG):
        name = f"many{first // SYSTEMS_IN_A_CATALOG}"
        catalog = shutil.copytree(catalogs / "bench", catalogs / name)
        source = json.loads((catalog / "source.json").read_text())
        (catalog / "source.json").write_text(json.dumps({**source, "name": name}))
        document = json.loads((catalog / "catalog.json").read_text())
        document["distributions"] = [
            system(f"system{number:03}") for number in range(first, first + SYSTEMS_IN_A_CATALOG)]
        (catalog / "catalog.json").write_text(json.dumps(document, indent=1))
    discarded.discard(catalogs / "bench")
    return {**client.environment, "XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}


def system(identifier):
    return {
        "id": identifier, "title": f"System {identifier}", "summary": "one of many", "architecture": "x86_64",
        "guest": {"memoryMiB": 512, "cpus": 1, "firmware": "bios", "media": "disk"},
        "versions": [version(identifier, number) for number in reversed(range(VERSIONS))],
    }


def version(identifier, number):
    day = f"{2000 + number // 336}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"
    return {
        "id": day, "published": f"{day}T03:00:00Z", "notes": "",
        "index": f"{identifier}/{day}.caibx", "size": 1572864000, "storedSize": 348900481, "digest": "sha256:" + "0" * 64,
    }
