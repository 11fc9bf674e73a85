"""No set-user-id programs but Debian's own, nothing that everyone may write but /tmp and its like."""

import os
import stat
from pathlib import Path

PRISTINE = True

# What Debian's essential packages bring: mount, passwd, login, util-linux, and openssh-client.
SETID = {
    "/usr/bin/chage",  # codespell:ignore chage
    "/usr/bin/chfn",
    "/usr/bin/chsh",
    "/usr/bin/expiry",
    "/usr/bin/gpasswd",
    "/usr/bin/mount",
    "/usr/bin/newgrp",
    "/usr/bin/passwd",
    "/usr/bin/ssh-agent",
    "/usr/bin/su",
    "/usr/bin/umount",
    "/usr/lib/openssh/ssh-keysign",
    "/usr/sbin/unix_chkpwd",
}
SHARED = {"/tmp", "/var/tmp", "/run/lock", "/var/lock"}
OUTSIDE = {"/proc", "/sys", "/dev", "/smoke"}

setid, writable, foreign = set(), set(), set()
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if str(Path(folder, name)) not in OUTSIDE]
    for path in (Path(folder, name) for name in (*folders, *names)):
        info = path.lstat()
        is_privileged = info.st_mode & (stat.S_ISUID | stat.S_ISGID)
        if is_privileged and stat.S_ISREG(info.st_mode):
            setid.add(str(path.resolve()))
        if info.st_mode & stat.S_IWOTH and not stat.S_ISLNK(info.st_mode):
            writable.add(str(path))
        if info.st_uid >= 1000:
            foreign.add(str(path))

assert setid <= SETID, f"set-user-id or set-group-id: {sorted(setid - SETID)}"
assert writable <= SHARED, f"everyone may write: {sorted(writable - SHARED)}"
unguarded = sorted(path for path in writable if not Path(path).stat().st_mode & stat.S_ISVTX)
assert not unguarded, f"everyone may delete others' files in: {unguarded}"
assert not foreign, f"belong to a person's account: {sorted(foreign)}"
print(f"{len(setid)} privileged programs, all known")
