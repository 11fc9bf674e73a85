"""No key lies in the image, and who makes keys at its start reaches it with ssh, as mpirun does."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

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


found = [str(path) for place in PLACES for key in KEYS for path in Path(place).rglob(key)]
assert not found, f"whoever has the image has {', '.join(found)}"

with tempfile.TemporaryDirectory() as folder:
    server = serve(Path(folder))
    try:
        wait_for(server)
        flags = [part for option in OPTIONS for part in ("-o", option)]
        key = f"{folder}/user"
        said = run("ssh", "-q", "-p", str(PORT), "-i", key, *flags, "root@127.0.0.1", "whoami")
    finally:
        server.terminate()
        server.wait(10)
assert said == "root", said
print("no keys; reached with one made here")
