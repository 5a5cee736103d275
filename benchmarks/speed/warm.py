"""Warm starts, beside a boot of the same version in the same round: the demo's Debian, all of it here, and published."""
import os
import time

from . import guest, lifecycle, processor, warmstate
from .client import start_libvirt
from .processes import Failed
from .settings import ACCELERATOR, LINES

SYSTEM, PUBLISHED = "warm", "published"
LINE = "50 Mbit/50 ms"
# A template is made when the round says so. Nothing else is fetched meanwhile.
SETTINGS = f'[guest]\naccel = "{ACCELERATOR}"\n[warm]\nmake = "never"\n'
# Seconds after which a boot is given up, and a start that does not come to one.
LONGEST, SHORTEST = 600, 120
MISFITS = {
    "the record shows it": warmstate.of_another_description,
    "QEMU notices it": warmstate.with_a_strange_device,
    "the guest does not wake": warmstate.that_sleeps_on,
}


def measured(bench):
    """One round."""
    client = bench.client
    bench.here = None
    bench.line.shape(None)
    client.configure(SETTINGS)
    client.forget()
    client.run("fetch", f"bench/{SYSTEM}")
    start_libvirt()
    events = lifecycle.Lifecycle(uri(), client.environment)
    try:
        with processor.Meter(client) as meter:
            begun = time.monotonic()
            client.run("fetch", "--warm", f"bench/{SYSTEM}")
            yield "warm/template", {"seconds": time.monotonic() - begun, "cpu": meter.seconds()}
        yield "warm/boot", cold(client)
        yield "warm/start", warm(client, events)
        state = warmstate.WarmState(client.folder / "cache")
        try:
            yield "warm/no misfit", {"seconds": until_running(client, "--cold")}
            for what, change in MISFITS.items():
                state.put(change)
                yield f"warm/misfit/{what}", {"seconds": until_running(client)}
        finally:
            state.forget()
    finally:
        events.close()
    yield from published(bench)


def uri():
    return "qemu:///system" if os.geteuid() == 0 else "qemu:///session"


def cold(client):
    """A boot, from the command to the login prompt; all of its image is here."""
    with processor.Meter(client) as meter:
        seconds, facts = client.boot(SYSTEM, LONGEST, lambda: {"cpu": meter.seconds()}, "--cold")
    return {"seconds": seconds, **facts}


def warm(client, events):
    """A warm start, from the command to the prompt that answers a key, and what it consists of."""
    with client.session(SYSTEM, SHORTEST) as session:
        awake = session.wait(warmstate.AWAKE)
        answered = session.wait(guest.MARKERS[SYSTEM])
        status = session.status()
        if status.get("start") != "warm":
            raise Failed(f"the session was {status.get('start')}: it should have started warm")
        there, runs = events.times(session.domain)
    return {"seconds": answered, **parts(session.begun, there, runs, session.begun + awake, session.begun + answered),
            "said": status.get("startSeconds")}


def parts(begun, there, runs, awake, answered):
    """Seconds that are ours, that QEMU loads the memory, and that the guest wakes. Ours is all else, the making of the machine by libvirt
    and QEMU too."""
    return {"ours": there - begun + answered - awake, "load": runs - there, "wake": awake - runs}


def until_running(client, *options):
    """Seconds from the command until a boot has begun. The command returns then."""
    with client.session(SYSTEM, SHORTEST, *options) as session:
        status = session.status()
        if status.get("start") == "warm":
            raise Failed("the session started warm: it should have been booted")
        return session.returned


def published(bench):
    """With an empty cache, over the line: our own boot, and a start from the state that the publisher made."""
    bench.line.shape(LINES[LINE])
    for task, system, expected in (("boot", SYSTEM, "booted"), ("start", PUBLISHED, "warm")):
        bench.client.forget()
        size, requests = bench.line.bytes_down(), bench.server.requests()

        def facts():
            counted = {
                "mb": (bench.line.bytes_down() - size) / 1e6, "requests": bench.server.requests() - requests}
            started = bench.client.sessions()[0].get("start")
            if started != expected:
                raise Failed(f"bench/{system} was {started}, not {expected}")
            return counted

        seconds, counted = bench.client.boot(system, LONGEST, facts)
        yield f"warm/cold cache/{task}", {"seconds": seconds, **counted}
