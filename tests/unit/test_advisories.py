"""A version is affected exactly where the advisories say so, and in doubt it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisory_database import CRITICAL, DEBIAN, MEDIUM, PYPI, affected, entry
from dockwright.spec import osv
from dockwright.spec.advisories import Component, Finding, is_affected, match
from dockwright.spec.osv import Affected, Entry
from dockwright.spec.severity import Severity

if TYPE_CHECKING:
    from advisory_database import Json

TORCH = Component(ecosystem=PYPI, name="torch", version="2.13.0+cpu")
EXPAT = Component(ecosystem=DEBIAN, name="expat", version="2.5.0-1+deb12u5")
START = {"introduced": "0"}


def read(*entries: Json) -> list[Entry]:
    return [osv.loads(json.dumps(one).encode(), name=one["id"]) for one in entries]


def found(component: Component, *entries: Json) -> tuple[Finding, ...]:
    matches = match([component], read(*entries))
    assert not matches.undecided
    return matches.findings


def is_hit(version: str, about: Json) -> bool:
    ecosystem = about["package"]["ecosystem"]
    return is_affected(ecosystem, version, Affected.model_validate_json(json.dumps(about)))


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([START], ["0.0.1.dev1", "99"], []),
        ([START, {"fixed": "2.0"}], ["1.9", "2.0rc1"], ["2.0", "2.0.post1", "3"]),
        ([{"introduced": "1.0"}, {"last_affected": "2.0"}], ["1.0", "2.0"], ["0.9", "2.0.1"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.0"}], ["1.0"], ["0.9", "1.0.post1"]),
        (
            [{"fixed": "3.0"}, {"introduced": "2.0"}, {"fixed": "1.0"}, START],
            ["0.9", "2.0", "2.9"],
            ["1.0", "1.9", "3.0"],
        ),
        ([START, {"fixed": "1.0"}, {"introduced": "1.0"}], ["0.9", "1.0", "9"], []),
        ([{"fixed": "1.0"}], ["0.9"], ["1.0"]),  # nothing says since when: always
        ([START, {"limit": "2.0"}], ["1.9"], ["2.0", "3.0"]),
        ([START, {"limit": "*"}], ["1.9", "99"], []),
        ([{"introduced": "10.0"}, {"fixed": "9.0"}], ["10.0", "11"], ["9.5"]),
    ],
)
def test_a_range_affects_what_is_between_its_events(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    about = affected("torch", *events)
    assert [v for v in (*inside, *outside) if is_hit(v, about)] == inside


VERSIONS = ("0.1.dev1", "0.1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.2", "1.10", "2.0", "1!0.1")
EVENTS = st.lists(
    st.tuples(st.sampled_from(("introduced", "fixed", "last_affected")), st.sampled_from(VERSIONS)),
    max_size=6,
    unique_by=lambda event: event[1],
)


def naively(events: list[tuple[str, str]]) -> list[str]:
    """Go through all versions in turn, switching at each event: what a person would do."""
    changes = {version: kind for kind, version in events}
    affected_now = "introduced" not in changes.values()
    hit = []
    for version in VERSIONS:
        kind = changes.get(version)
        if kind in {"introduced", "fixed"}:
            affected_now = kind == "introduced"
        if affected_now:
            hit.append(version)
        if kind == "last_affected":
            affected_now = False
    return hit


@given(EVENTS, st.sampled_from(("", "+cpu", "+cu130")))
def test_any_range_in_any_order_affects_what_a_naive_walk_finds(
    events: list[tuple[str, str]], build: str
) -> None:
    about = affected("torch", *({kind: version} for kind, version in events), {"limit": "*"})
    assert [v for v in VERSIONS if is_hit(v + build, about)] == naively(events)


@given(st.lists(st.sampled_from(VERSIONS)), st.sampled_from(VERSIONS))
def test_a_list_of_versions_affects_these_and_their_builds(listed: list[str], ours: str) -> None:
    about = affected("torch", *([{"introduced": "2!0"}] if not listed else []), versions=listed)
    assert is_hit(ours, about) == is_hit(f"{ours}+cpu", about) == (ours in listed)


def test_a_build_for_one_accelerator_is_a_build_of_its_version() -> None:
    assert is_hit("2.13.0+cpu", affected("torch", START, {"last_affected": "2.13.0"}))
    assert not is_hit("2.13.0+cpu", affected("torch", START, {"fixed": "2.13.0"}))
    assert is_hit("2.13.0+cpu", affected("torch", versions=["2.13"]))
    assert is_hit("2.13.0+cpu", affected("torch", versions=["2.13.0+cpu"]))
    assert not is_hit("2.13.0+cpu", affected("torch", versions=["2.13.0+cu130"]))


def test_versions_and_ranges_add_up() -> None:
    about = affected("torch", START, {"fixed": "1.0"}, versions=["2.0", "not a version"])
    assert [v for v in ("0.9", "1.5", "2.0") if is_hit(v, about)] == ["0.9", "2.0"]


@pytest.mark.parametrize(
    "about",
    [affected("torch"), affected("torch", {"introduced": "0a1b2c"}, {"fixed": "f00"}, kind="GIT")],
)
def test_an_entry_that_names_no_versions_is_about_all_of_them(about: Json) -> None:
    assert is_hit("2.13.0", about)


def test_debian_s_versions_compare_as_debian_s() -> None:
    about = affected("expat", START, {"fixed": "2.5.0-1+deb12u6"}, ecosystem=DEBIAN)
    assert is_hit("2.5.0-1+deb12u5", about)
    assert not is_hit("2.5.0-1+deb12u10", about)
    assert is_hit("2.5.0-1+deb12u6~bpo11+1", about)
    assert not is_hit("1:0.1-1", about)


def test_a_name_is_the_same_however_it_is_written() -> None:
    one = entry("PYSEC-1", affected("Hugging_Face.Hub", START))
    component = Component(ecosystem=PYPI, name="hugging-face-hub", version="1.0")
    assert [finding.name for finding in found(component, one)] == ["PYSEC-1"]
    assert found(Component(ecosystem=DEBIAN, name="hugging-face-hub", version="1.0"), one) == ()


def test_other_packages_other_ecosystems_and_what_was_withdrawn_are_passed_over() -> None:
    assert not found(
        TORCH,
        entry("A-1", affected("torchvision", START)),
        entry("A-2", affected("torch", START, ecosystem="npm")),
        entry("A-3", affected("torch", START), withdrawn="2026-11-21T00:00:00Z"),
        entry("A-4", {"ranges": [{"type": "GIT", "repo": "x", "events": [START]}]}),
    )


def test_one_vulnerability_under_many_names_is_one_finding() -> None:
    (finding,) = found(
        TORCH,
        entry("PYSEC-1", affected("torch", START), aliases=["CVE-2026-1"], vector=MEDIUM),
        entry("GHSA-x", affected("torch", START), aliases=["CVE-2026-1"], vector=CRITICAL),
        entry("OTHER-1", affected("torch", START), aliases=["GHSA-x"], published=None),
    )
    assert finding.name == "CVE-2026-1"
    assert finding.ids == ("CVE-2026-1", "GHSA-x", "OTHER-1", "PYSEC-1")
    assert finding.severity is Severity.CRITICAL
    assert finding.published.isoformat() == "2026-11-20"
    two = found(
        TORCH,
        entry("PYSEC-1", affected("torch", START)),
        entry("PYSEC-2", affected("torch", START)),
    )
    assert [finding.name for finding in two] == ["PYSEC-1", "PYSEC-2"]


def test_a_notice_about_several_is_a_finding_for_each_as_old_as_the_update() -> None:
    until = affected("expat", START, {"fixed": "2.5.0-1+deb12u6"}, ecosystem=DEBIAN)
    first, second = found(
        EXPAT,
        entry("DLA-1-1", until, upstream=["CVE-1", "CVE-2"], published="2026-11-25T00:00:00Z"),
        entry("DEBIAN-CVE-1", until, upstream=["CVE-1"], published="2024-01-01T00:00:00Z"),
    )
    assert (first.name, first.ids) == ("CVE-1", ("CVE-1", "DEBIAN-CVE-1", "DLA-1-1"))
    assert (second.name, second.ids) == ("CVE-2", ("CVE-2", "DLA-1-1"))
    assert {f.published.isoformat() for f in (first, second)} == {"2026-11-25"}


def test_the_fix_to_take_is_the_first_that_no_entry_calls_affected() -> None:
    (finding,) = found(
        TORCH,
        entry("A-1", affected("torch", START, {"fixed": "2.13.1"}), aliases=["CVE-1"]),
        entry("B-1", affected("torch", START, {"fixed": "2.13.2"}), aliases=["CVE-1"]),
    )
    assert finding.fixed == "2.13.2"
    (finding,) = found(
        TORCH,
        entry(
            "A-1",
            affected("torch", START, {"fixed": "1.0"}, {"introduced": "2.0"}, {"fixed": "2.13.10"}),
        ),
    )
    assert finding.fixed == "2.13.10"
    (finding,) = found(TORCH, entry("A-1", affected("torch", {"introduced": "2.0"})))
    assert finding.fixed is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"vector": CRITICAL}, Severity.CRITICAL),
        ({"vector": "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N"}, "medium"),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}, "high"),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, Severity.LOW),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({"vector": MEDIUM, "database_specific": {"severity": "CRITICAL"}}, Severity.MEDIUM),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense"}]}, None),
        ({"database_specific": {"severity": 7}}, None),
        ({}, None),
    ],
)
def test_severity_is_computed_else_told_else_unknown(more: Json, expected: str | None) -> None:
    (finding,) = found(TORCH, entry("A-1", affected("torch", START), **more))
    assert finding.severity == expected


def test_debian_s_own_rating_counts_where_there_is_no_other() -> None:
    rated = affected("expat", START, ecosystem=DEBIAN, ecosystem_specific={"urgency": "low"})
    (finding,) = found(EXPAT, entry("DEBIAN-CVE-1", rated))
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize(
    ("component", "about", "reason"),
    [
        (TORCH, affected("torch", START, {"fixed": "1.0-?"}), "A-1: '1.0-?' is not a Python"),
        (EXPAT, affected("expat", START, {"fixed": "1_0"}, ecosystem=DEBIAN), "A-1: '1_0' is not"),
        (
            Component(ecosystem=PYPI, name="torch", version="latest"),
            affected("other", START),
            "'latest' is not a Python version",
        ),
    ],
)
def test_what_cannot_be_compared_is_undecided_and_never_clean(
    component: Component, about: Json, reason: str
) -> None:
    matches = match([component], read(entry("A-1", about)))
    assert matches.findings == ()
    assert matches.undecided[component].startswith(reason)
