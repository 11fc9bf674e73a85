"""apt's configuration is read for the Debian archives it names, and for nothing else."""

from __future__ import annotations

from pathlib import Path

from dockwright.clients import archives
from dockwright.clients.archives import Archives, IndexTarget

INDEXTARGETS = """\
Debian|Debian|bookworm|/etc/apt/sources.list.d/debian.sources:1|http://mirror.example/debian/
Debian|Debian|bookworm-updates|/etc/apt/sources.list.d/debian.sources:1|http://mirror.example/debian/
Debian|Debian-Security|bookworm-security|/etc/apt/sources.list.d/debian.sources:2|http://mirror.example/security/
Debian|Debian|bookworm|/etc/apt/sources.list.d/debian.sources:1|http://mirror.example/debian/
"""
BACKPORTS = IndexTarget(
    origin="Debian Backports",
    label="Debian Backports",
    codename="bookworm-backports",
    entry_path=Path("/x"),
    uri="http://mirror.example/debian",
)
VENDOR = IndexTarget(
    origin="vendor",
    label="Debian",
    codename="stable",
    entry_path=Path("/x"),
    uri="http://v.example",
)
ARCHIVES = Archives(
    suite="bookworm",
    main_uri="http://mirror.example/debian",
    security_uri="http://mirror.example/security",
    keyring_path=Path("/keys/debian.gpg"),
)


def test_main_and_security_archives_are_told_apart() -> None:
    chosen = archives.choose_archives(archives.parse_targets(INDEXTARGETS))
    assert chosen is not None
    assert chosen.suite == "bookworm"
    assert chosen.main_uri == "http://mirror.example/debian"
    assert chosen.security_uri == "http://mirror.example/security"


def test_other_vendors_and_backports_are_no_debian_archive() -> None:
    assert archives.choose_archives((BACKPORTS, VENDOR)) is None


def test_a_host_without_security_archive_gives_no_security_line() -> None:
    main_only = archives.parse_targets(INDEXTARGETS.splitlines()[0])
    chosen = archives.choose_archives(main_only)
    assert chosen is not None
    assert chosen.security_uri is None
    assert not any("-security" in line for line in archives.source_lines(chosen, "trixie"))


def test_a_suite_has_release_updates_and_security_lines_signed_by_the_hosts_keyring() -> None:
    assert archives.source_lines(ARCHIVES, "trixie") == (
        "deb [signed-by=/keys/debian.gpg] http://mirror.example/debian trixie main",
        "deb [signed-by=/keys/debian.gpg] http://mirror.example/debian trixie-updates main",
        "deb [signed-by=/keys/debian.gpg] http://mirror.example/security trixie-security main",
    )


def test_a_rolling_suite_has_one_line() -> None:
    assert archives.source_lines(ARCHIVES, "sid") == (
        "deb [signed-by=/keys/debian.gpg] http://mirror.example/debian sid main",
    )


def test_keyring_is_found_in_a_deb822_file_in_the_stanza_of_the_archive() -> None:
    text = (
        "# made by hand\nTypes: deb\nURIs: http://other.example/x\nSigned-By: /keys/other.gpg\n\n"
        "Types: deb\n# URIs: http://other.example\nURIs: http://mirror.example/debian\n"
        "Signed-By: /keys/debian.gpg\n"
    )
    found = archives.find_keyring(text, "http://mirror.example/debian")
    assert found == Path("/keys/debian.gpg")


def test_keyring_is_found_in_a_one_line_entry() -> None:
    text = (
        "deb [signed-by=/keys/other.gpg] http://other.example/x stable main\n"
        "deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian trixie main\n"
    )
    found = archives.find_keyring(text, "http://mirror.example/debian")
    assert found == Path("/keys/debian.gpg")


def test_an_inlined_key_names_no_keyring_file() -> None:
    text = "URIs: http://mirror.example/debian\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    assert archives.find_keyring(text, "http://mirror.example/debian") is None


def test_a_private_state_runs_none_of_the_hosts_update_hooks(tmp_path: Path) -> None:
    _, config = archives.private_options(tmp_path)
    text = Path(config).read_text(encoding="utf-8")
    assert "#clear APT::Update::Post-Invoke;" in text
    assert f'Dir::State "{tmp_path}/state";' in text
