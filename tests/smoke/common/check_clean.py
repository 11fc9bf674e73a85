"""No caches, histories, package lists, sources or leftovers of the build."""

from pathlib import Path

PRISTINE = True  # other checks leave caches of their own

FORBIDDEN = (
    "/root/.cache",
    "/root/.*_history",
    "/root/.wget-hsts",
    "/root/.lesshst",
    "/root/.config",
    "/root/.local",
    "/home/*",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
    "/etc/apt/apt.conf.d/*proxy*",
    "/etc/apt/auth.conf",
    "/var/lib/apt/lists/*",
    "/var/cache/apt/*",
    "/var/cache/apt/archives/*",
    "/var/cache/ldconfig/*",
    "/var/log/*.log",
    "/var/log/apt/*",
    "/tmp/*",
    "/tmp/.*",
    "/var/tmp/*",
    "/usr/local/bin/install-wheels",
    "/requirements.txt",
    "/wheels",
    "/out",
    "/skeleton",
)


def matches(pattern):
    return Path("/").glob(pattern.lstrip("/"))


found = sorted({str(path) for pattern in FORBIDDEN for path in matches(pattern)})
assert not found, "left behind: " + ", ".join(found)
print(f"{len(FORBIDDEN)} places are clean")
