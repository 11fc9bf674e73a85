"""No file is younger than now: a build that read the clock of a wrong host shows here."""

import os
import time
from pathlib import Path

PRISTINE = True
OUTSIDE = {"/proc", "/sys", "/dev", "/smoke"}

limit = time.time() + 60
count, late = 0, []
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if str(Path(folder, name)) not in OUTSIDE]
    for path in (Path(folder, name) for name in (*folders, *names)):
        count += 1
        if path.lstat().st_mtime > limit:
            late.append(str(path))
assert not late, f"modified in the future: {late[:10]}"
print(f"{count} files and folders")
