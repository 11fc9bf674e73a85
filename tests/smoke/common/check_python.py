"""`python3`, `pip3` and `bash` are there, Python being that of the virtual environment."""

import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path
from zoneinfo import ZoneInfo

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
VENV = FACTS["venv"]

for program in ("python3", "pip3"):
    assert shutil.which(program) == f"{VENV}/bin/{program}", f"{program}: {shutil.which(program)}"
assert shutil.which("bash"), "there is no bash, which training launchers start"
assert sys.prefix == VENV, f"sys.prefix is {sys.prefix}, not {VENV}"
assert platform.python_version().startswith(FACTS["python"] + "."), platform.python_version()
assert sysconfig.get_path("purelib").startswith(VENV), sysconfig.get_path("purelib")
says = subprocess.run(["pip3", "--version"], capture_output=True, text=True, check=True).stdout
assert VENV in says, f"pip3 works for another Python: {says}"
assert sys.getfilesystemencoding() == "utf-8", sys.getfilesystemencoding()

context = ssl.create_default_context()
assert context.cert_store_stats()["x509_ca"] > 50, "no certificate authorities: TLS cannot work"
assert ZoneInfo("Europe/Berlin"), "no time zones"
print(f"Python {platform.python_version()} in {VENV}")
