"""The private engine comes up, builds and runs, survives being killed, and leaves nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright import process
from dockwright.clients import apt, bridge, daemons, docker, engine, engine_remains, engine_site
from dockwright.errors import NoEngineError, NotRootError
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright.clients.engine_site import Site

IMAGE = "busybox:test"
DOCKERFILE = """\
FROM scratch AS made
COPY bin/busybox /bin/busybox
RUN --network=none ["/bin/busybox", "sh", "-c", "mkdir /out && echo built > /out/word"]
FROM scratch
COPY bin/busybox /bin/busybox
COPY --link --from=made /out/ /
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    # Long, since a socket's path in it would break the kernel's limit of 107 bytes.
    home = tmp_path_factory.mktemp("home") / ("long" * 25)
    made = Workspace(root=home, home=home)
    yield made
    engine.down(made, purge=True)


@pytest.fixture(scope="module")
def place(workspace: Workspace) -> Site:
    return engine_site.site(workspace)


@pytest.fixture(scope="module")
def busybox(workspace: Workspace) -> Path:
    """A build context with one static program."""
    into = workspace.home / "busybox"
    state_path = workspace.home / "apt"
    apt.fetch(["busybox-static"], suite=apt.host_suite(), state_path=state_path, into=into)
    return into


@pytest.fixture
def up(workspace: Workspace) -> engine.Engine:
    """The engine, empty but for images."""
    running = engine.up(workspace)
    with docker.connect(running) as client:
        for container in client.containers.list(all=True):
            container.remove(force=True)
        client.networks.prune()
    return running


@pytest.fixture
def image(up: engine.Engine, busybox: Path) -> str:
    (busybox / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    argv = (*up.buildx, "build", "--provenance=false", "--tag", IMAGE, str(busybox))
    process.run(argv, timeout_s=120, env=up.env)
    return IMAGE


def pids(place: Site) -> set[int]:
    return {p.pid for p in daemons.running(place.programs.path)}


def assert_nothing_is_left(place: Site) -> None:
    assert pids(place) == set()
    mountinfo = engine_remains.MOUNTINFO.read_text(encoding="utf-8")
    assert engine_remains.mounts_below(mountinfo, [place.engine_path, place.run_path]) == ()
    assert place.bridge not in bridge.names()
    assert not place.run_path.exists()


def start_container(up: engine.Engine, image: str) -> int:
    """Run a container that ignores SIGTERM; return its process's pid on the host."""
    script = "trap '' TERM; while :; do /bin/busybox sleep 1; done"
    with docker.connect(up) as client:
        client.networks.create("test-network")
        container = client.containers.run(
            image, ["/bin/busybox", "sh", "-c", script], detach=True, network="test-network"
        )
        container.reload()
        return int(container.attrs["State"]["Pid"])


def test_an_image_is_built_without_network_and_runs(image: str, up: engine.Engine) -> None:
    assert up.private
    with docker.connect(up) as client:
        word = client.containers.run(image, ["/bin/busybox", "cat", "/word"], remove=True)
        assert word == b"built\n"
        assert client.images.get(image).attrs["RepoDigests"]  # the containerd store's mark


def test_containers_reach_each_other_by_name_and_the_host_their_ports(
    image: str, up: engine.Engine
) -> None:
    serve = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/"]
    with docker.connect(up) as client:
        client.networks.create("test-network")
        ports = {"8080/tcp": ("127.0.0.1", 0)}
        web = client.containers.run(
            image, serve, name="web", detach=True, network="test-network", ports=ports
        )
        get = ["/bin/busybox", "wget", "-qO-", "http://web:8080/word"]
        answer = client.containers.run(image, get, remove=True, network="test-network")
        assert answer == b"built\n"
        web.reload()
        port = web.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
        assert httpx.get(f"http://127.0.0.1:{port}/word").text == "built\n"


def test_up_when_it_is_up_changes_nothing(
    workspace: Workspace, up: engine.Engine, place: Site
) -> None:
    before = pids(place)
    assert engine.up(workspace) == up
    assert pids(place) == before


def test_the_hosts_forwarding_is_left_alone(workspace: Workspace) -> None:
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    engine.down(workspace)
    before = forwarding.read_text(encoding="utf-8")
    engine.up(workspace)
    assert forwarding.read_text(encoding="utf-8") == before


@pytest.mark.full
def test_down_stops_stubborn_containers_and_leaves_nothing(
    workspace: Workspace, image: str, up: engine.Engine, place: Site
) -> None:
    networks = set(bridge.names())
    container_pid = start_container(up, image)
    engine.down(workspace)
    assert_nothing_is_left(place)
    assert not daemons.is_alive(container_pid)
    assert set(bridge.names()) == networks - {place.bridge}
    engine.down(workspace)  # a second time is no error

    again = engine.up(workspace)
    with docker.connect(again) as client:
        assert image in client.images.get(image).tags


def test_after_a_kill_of_the_daemon_down_ends_its_orphans(
    workspace: Workspace, image: str, up: engine.Engine, place: Site
) -> None:
    container_pid = start_container(up, image)
    kill_dockerd(place)
    assert daemons.is_alive(container_pid)
    engine.down(workspace)
    assert_nothing_is_left(place)
    assert not daemons.is_alive(container_pid)


@pytest.mark.full
def test_after_a_kill_of_the_daemon_no_build_step_goes_on(
    workspace: Workspace, up: engine.Engine, busybox: Path, place: Site, tmp_path: Path
) -> None:
    dockerfile = tmp_path / "Dockerfile"
    step = 'RUN --network=none ["/bin/busybox", "sleep", "987654"]'
    dockerfile.write_text(f"FROM scratch\nCOPY bin /bin\n{step}\n", encoding="utf-8")
    argv = (*up.buildx, "build", "--file", str(dockerfile), str(busybox))
    log_path = tmp_path / "log"
    build = process.spawn_daemon(argv, log_path=log_path, env=up.env)
    wait_until(lambda: "runc" in seen(place), log_path)
    wait_until(sleepers, log_path)
    kill_dockerd(place)
    os.waitpid(build, 0)
    engine.down(workspace)
    assert_nothing_is_left(place)
    assert not sleepers()


@pytest.mark.full
def test_after_a_kill_of_the_daemon_up_brings_one_back(
    workspace: Workspace, image: str, up: engine.Engine, place: Site
) -> None:
    container_pid = start_container(up, image)
    kill_dockerd(place)
    engine.up(workspace)
    assert not daemons.is_alive(container_pid)
    assert sorted(p.exe_path.name for p in daemons.running(place.programs.path)) == [
        "containerd",
        "dockerd",
    ]


def test_a_stale_pidfile_never_costs_another_programs_life(
    workspace: Workspace, up: engine.Engine, place: Site, tmp_path: Path
) -> None:
    assert up.private
    kill_dockerd(place)
    innocent = process.spawn_daemon(("sleep", "300"), log_path=tmp_path / "log")
    try:
        for name in ("dockerd.pid", "exec/containerd/containerd.pid"):
            (place.run_path / name).write_text(str(innocent), encoding="utf-8")
        engine.up(workspace)
        engine.down(workspace)
        assert daemons.is_alive(innocent)
    finally:
        os.kill(innocent, signal.SIGKILL)
        os.waitpid(innocent, 0)


@pytest.mark.full
@pytest.mark.parametrize("moment", ["bridge", "dockerd", "containerd"])
def test_up_recovers_from_an_up_that_was_killed(
    workspace: Workspace, place: Site, tmp_path: Path, moment: str
) -> None:
    engine.down(workspace)
    log_path = tmp_path / "log"
    first = start_up_elsewhere(workspace, log_path)
    wait_until(lambda: moment in seen(place), log_path)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)

    assert engine.up(workspace).private
    names = [p.exe_path.name for p in daemons.running(place.programs.path)]
    assert sorted(names) == ["containerd", "dockerd"]
    engine.down(workspace)
    assert_nothing_is_left(place)


@pytest.mark.full
def test_two_ups_at_once_make_one_engine(workspace: Workspace, place: Site, tmp_path: Path) -> None:
    engine.down(workspace)
    other = start_up_elsewhere(workspace, tmp_path / "log")
    engine.up(workspace)
    _, exit_status = os.waitpid(other, 0)
    assert exit_status == 0, daemons.tail(tmp_path / "log")
    names = [p.exe_path.name for p in daemons.running(place.programs.path)]
    assert sorted(names) == ["containerd", "dockerd"]


@pytest.mark.full
def test_a_daemon_that_cannot_start_is_reported_with_the_end_of_its_log(
    workspace: Workspace, place: Site
) -> None:
    engine.up(workspace)
    engine.down(workspace)
    identity = place.data_path / "engine-id"
    identity.unlink()
    identity.mkdir()  # dockerd wants to read a file
    try:
        with pytest.raises(NoEngineError, match=r"(?s)the private engine ended.*engine-id"):
            engine.up(workspace)
        assert_nothing_is_left(place)
    finally:
        identity.rmdir()


def test_a_user_who_is_not_root_is_told_so(workspace: Workspace) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(NotRootError, match="needs root"):
            engine.up(workspace)
    finally:
        os.seteuid(0)


def start_up_elsewhere(workspace: Workspace, log_path: Path) -> int:
    """Run `up` in another process; return its pid."""
    code = (
        "import sys; from pathlib import Path; from dockwright.clients import engine;"
        "from dockwright.workspace import Workspace; home = Path(sys.argv[1]);"
        "engine.up(Workspace(root=home, home=home))"
    )
    command = (sys.executable, "-c", code, workspace.home)
    return process.spawn_daemon(command, log_path=log_path, env={"PYTHONPATH": ":".join(sys.path)})


def kill_dockerd(place: Site) -> None:
    for daemon in daemons.running(place.programs.path):
        if daemon.exe_path.name == "dockerd":
            daemons.end(daemon, grace_s=0)  # straight to SIGKILL


def sleepers() -> bool:
    found = daemons.running(Path("/"))
    return any("987654" in p.argv for p in found)


def seen(place: Site) -> set[str]:
    names = {p.exe_path.name for p in daemons.running(place.programs.path)}
    return names | ({"bridge"} if place.bridge in bridge.names() else set())


def wait_until(true: Callable[[], bool], log_path: Path, *, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, daemons.tail(log_path)
        time.sleep(0.01)
