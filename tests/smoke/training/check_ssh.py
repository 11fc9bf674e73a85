"""No key lies in the image; where it has an ssh server for mpirun, keys made at the start reach it."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
PORT = 12222
PLACES = ("/root", "/home", "/etc/ssh", "/opt/ml")
KEYS = ("authorized_keys*", "*known_hosts", "id_*", "ssh_host_*")
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes")


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{argv[0]} fails: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def serve(folder):
    """Start an ssh server that this container alone can reach, with keys of its own."""
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    options = {
        "ListenAddress": f"127.0.0.1:{PORT}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",  # /tmp is everybody's
    }
    Path("/run/sshd").mkdir(exist_ok=True)
    flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *flags])


def wait_for(server):
    for _ in range(100):
        assert server.poll() is None, "the ssh server ended"
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", PORT)):
                return
        time.sleep(0.05)
    msg = "the ssh server does not listen"
    raise AssertionError(msg)


def reached():
    """Return who the ssh server says that a client with a key made here is."""
    with tempfile.TemporaryDirectory() as folder:
        server = serve(Path(folder))
        try:
            wait_for(server)
            flags = [part for option in OPTIONS for part in ("-o", option)]
            key = f"{folder}/user"
            return run("ssh", "-q", "-p", str(PORT), "-i", key, *flags, "root@127.0.0.1", "whoami")
        finally:
            server.terminate()
            server.wait(10)


found = [str(path) for place in PLACES for key in KEYS for path in Path(place).rglob(key)]
assert not found, f"whoever has the image has {', '.join(found)}"
wanted = "openssh-server" in FACTS["os_packages"]
assert wanted == (shutil.which("sshd") is not None), f"an ssh server is wanted: {wanted}"
if wanted:
    said = reached()
    assert said == "root", said
print("no keys;", "reached with one made here" if wanted else "no ssh server either")
