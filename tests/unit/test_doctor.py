"""The doctor calls missing what a build needs, and names what mends it."""

from __future__ import annotations

from pathlib import Path

from dockwright.clients.fitness import CONTAINERD_STORE, EngineFacts
from dockwright.stages import doctor
from dockwright.stages.doctor import State

FIT = EngineFacts(server_version="28.2.2", image_store=CONTAINERD_STORE, buildx_version="0.24.0")
OLD = EngineFacts(server_version="20.10.24", image_store="overlay2", buildx_version="0.24.0")
SILENT = EngineFacts(server_version=None, image_store=None, buildx_version=None)


def test_an_old_python_is_missing_what_we_need() -> None:
    assert doctor.judge_python((3, 10)).state is State.MISSING
    assert doctor.judge_python((3, 11)).state is State.OK


def test_a_fit_host_engine_is_named_with_its_buildx_and_store() -> None:
    findings = doctor.judge_engine(FIT, None, is_debian=False, is_root=False)
    assert [f.state for f in findings] == [State.OK] * 3
    assert findings[0].what == "the host's, Docker 28.2.2"
    assert findings[1].what == "0.24.0"


def test_a_private_engine_serves_beside_an_unfit_host_engine() -> None:
    findings = doctor.judge_engine(OLD, FIT, is_debian=True, is_root=True)
    assert findings[0].what == "private, Docker 28.2.2"


def test_an_unfit_engine_is_missing_where_no_private_one_can_come_up() -> None:
    (finding,) = doctor.judge_engine(OLD, None, is_debian=True, is_root=False)
    assert finding.state is State.MISSING
    assert "20.10.24" in finding.what
    assert "containerd-snapshotter" in finding.what
    assert finding.remedy


def test_no_engine_is_no_obstacle_where_the_build_brings_one_up() -> None:
    (finding,) = doctor.judge_engine(SILENT, None, is_debian=True, is_root=True)
    assert finding.state is State.NOTE
    assert "none answers" in finding.what


def test_too_little_room_is_missing_and_little_room_is_noted() -> None:
    path = Path("/home/x")
    assert doctor.judge_space("home", path, doctor.NEEDED_BYTES - 1).state is State.MISSING
    assert doctor.judge_space("home", path, doctor.NEEDED_BYTES).state is State.NOTE
    assert doctor.judge_space("home", path, doctor.COMFORTABLE_BYTES).state is State.OK


def test_containers_that_do_not_reach_each_other_are_noted_with_the_cause() -> None:
    finding = doctor.judge_forwarding(are_cut_off=True)
    assert finding.state is State.NOTE
    assert "FORWARD policy" in finding.what
    assert doctor.judge_forwarding(are_cut_off=False).state is State.OK
    assert "not known" in doctor.judge_forwarding(are_cut_off=None).what


def test_the_tool_that_names_the_index_is_told() -> None:
    named = doctor.judge_index(uv_names_one=False, pip_names_one=True)
    assert named.what == "as configured for pip"
    assert doctor.judge_index(uv_names_one=False, pip_names_one=False).what == "uv's own default"


def test_mmdebstrap_need_not_be_installed_on_debian() -> None:
    assert doctor.judge_mmdebstrap(is_installed=False, is_debian=True).state is State.OK
    assert doctor.judge_mmdebstrap(is_installed=False, is_debian=False).state is State.NOTE
