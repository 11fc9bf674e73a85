"""Licences come along: of every Python distribution that ships one, and of every Debian package."""

import re
from importlib.metadata import distributions
from pathlib import Path

LICENCE = re.compile(r"(?i)licen[cs]e|copying|copyright|notice")

with_text = 0
for distribution in distributions():
    files = [f for f in distribution.files or [] if ".dist-info/" in str(f)]
    promised = distribution.metadata.get_all("License-File") or []
    missing = [name for name in promised if not any(str(f).endswith(name) for f in files)]
    assert not missing, f"{distribution.name} promises licence files that are not there: {missing}"
    texts = [f for f in files if LICENCE.search(f.name)]
    gone = [str(f) for f in texts if not Path(distribution.locate_file(f)).is_file()]
    assert not gone, f"{distribution.name}: licence files are gone: {gone}"
    with_text += bool(texts)
assert with_text, "no Python distribution has a licence file"

status = Path("/var/lib/dpkg/status").read_text().split("\n\n")
installed = [p for p in status if "\nStatus: install ok installed" in f"\n{p}"]
packages = [re.search(r"^Package: (\S+)", package, re.MULTILINE)[1] for package in installed]
assert packages, "dpkg knows no package"
silent = [p for p in packages if not Path("/usr/share/doc", p, "copyright").is_file()]
assert not silent, f"Debian packages without their copyright file: {silent}"
print(f"{with_text} Python licence texts, {len(packages)} Debian copyright files")
