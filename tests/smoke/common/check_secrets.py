"""No credentials, private keys, client configuration or repositories, by name or by content."""

import os
import re
from pathlib import Path

PRISTINE = True

NAMES = re.compile(
    r"\.git|\.hg|\.svn|\.netrc|_netrc|\.git-credentials|\.gitconfig|\.pypirc|\.npmrc|pip\.conf"
    r"|uv\.toml|\.env|\.aws|\.docker|\.kaggle|\.ssh|\.gnupg|\.boto"
    r"|id_(rsa|dsa|ecdsa|ed25519)|ssh_host_\w+_key|auth\.json|kubeconfig"
)
CONTENTS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\bhf_[A-Za-z0-9]{34}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\b(AKIA|ASIA)[A-Z0-9]{16}\b"
    rb"|\bpypi-[A-Za-z0-9_-]{80,}|://[^\s/:@]+:[^\s/:@]+@"
)
OUTSIDE = {"/proc", "/sys", "/dev", "/smoke"}
# From packages that are checked by hash or signature: what they say in public is no secret.
PACKAGED = re.compile(r"/usr/(?!local/)|/opt/venv/lib/|/var/lib/dpkg/|/etc/ssl/certs/")
MAX_BYTES = 1_000_000


def files():
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in OUTSIDE]
        for name in (*folders, *names):
            yield Path(folder, name)


def is_telling(path):
    if PACKAGED.match(str(path)) or path.is_symlink() or not path.is_file():
        return False
    return path.stat().st_size <= MAX_BYTES and CONTENTS.search(path.read_bytes()) is not None


every = list(files())
named = sorted(str(path) for path in every if NAMES.fullmatch(path.name))
assert not named, "what may hold credentials: " + ", ".join(named)
telling = sorted(str(path) for path in every if is_telling(path))
assert not telling, "what looks like a credential is in: " + ", ".join(telling)
print(f"{len(every)} files and folders looked at")
