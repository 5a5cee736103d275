"""What is measured against: nginx, and the repository's own slow line in front of it, both on loopback."""
import json
import os
import subprocess
import urllib.request

from . import processes
from .settings import FOLDER, PROJECT, PROXY, TREE

CONFIGURATION = """{user}
daemon off;
worker_processes auto;
pid "{folder}/pid";
error_log "{folder}/error.log";
events {{ worker_connections 1024; }}
http {{
    log_format short '$request_length $bytes_sent $request_uri';
    access_log "{folder}/access.log" short;
    client_body_temp_path "{folder}/temporary/body";
    proxy_temp_path "{folder}/temporary/proxy";
    fastcgi_temp_path "{folder}/temporary/fastcgi";
    uwsgi_temp_path "{folder}/temporary/uwsgi";
    scgi_temp_path "{folder}/temporary/scgi";
    server {{
        listen 127.0.0.1:{port};
        root "{tree}";
        include "{project}/share/nginx/oscircular.conf";
        location /images/ {{ alias "{images}/"; }}
        location /casync/ {{ alias "{casync}/"; }}
    }}
}}
"""


class Server:
    """nginx with the signed tree at /, whole images at /images/ and casync's stores at /casync/."""

    def __init__(self):
        self.folder = FOLDER / "nginx"
        (self.folder / "temporary").mkdir(parents=True, exist_ok=True)
        self.port = int(processes.run([PROJECT / "share/demo/free-port", "18090"]))
        (self.folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                user="user www-data;" if os.geteuid() == 0 else "", folder=self.folder, port=self.port,
                tree=TREE, images=FOLDER / "images", casync=FOLDER / "casync", project=PROJECT))
        self.process = processes.start(
            ["nginx", "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"],
            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        processes.wait_for(self._answers, 10, "nginx")

    def _answers(self):
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{self.port}/metadata/timestamp.json"):
                return True
        except OSError:
            return False

    def requests(self):
        """Number of requests that were answered so far."""
        return self.answered()[0]

    def answered(self):
        """(number of requests that were answered so far, bytes that were sent for them, headers too)."""
        with open(self.folder / "access.log", "rb") as log:
            return counted(log.read())

    def close(self):
        processes.end(self.process)


def counted(log):
    """(whole lines, the sum of their second fields) of an access log."""
    lines = log[:log.rfind(b"\n") + 1].splitlines()
    return len(lines), sum(int(line.split(b" ", 2)[1]) for line in lines)


class SlowLine:
    """`network-proxy` before a server; its rate and delay can be changed at any time."""

    def __init__(self, server_port):
        self.process = processes.start(
            [PROXY, "--server", server_port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def shape(self, line):
        """Takes the line's rate and delay; None for neither."""
        self._tell(f"rate {line.rate if line else 0}")
        self._tell(f"round-trip {line.round_trip if line else 0}")

    def bytes_down(self):
        return json.loads(self._tell("stats"))["bytesDown"]

    def _tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise processes.Failed(f"network-proxy: '{words}' gave '{answer}'")
        return answer

    def close(self):
        processes.end(self.process)
