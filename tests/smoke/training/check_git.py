"""git is there and can commit: training jobs take their scripts from repositories."""

import subprocess
import tempfile

AUTHOR = ("-c", "user.name=smoke", "-c", "user.email=smoke@example.invalid")


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments[0]} fails: {done.stderr}"
    return done.stdout.strip()


version = git("--version")
with tempfile.TemporaryDirectory() as folder:
    git("init", "--quiet", folder)
    git("-C", folder, *AUTHOR, "commit", "--quiet", "--allow-empty", "--message", "first")
    assert git("-C", folder, "log", "--format=%s") == "first"
print(version)
