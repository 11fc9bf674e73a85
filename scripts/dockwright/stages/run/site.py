"""A job in; a container per host, and the network between them, for the length of a block, out."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers, tar_stream
from dockwright.errors import DockwrightError, JobError
from dockwright.stages.run.job import ML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient, DockerClient

    from dockwright.stages.run.job import Job

LABEL = "dockwright.run"
PID_PATH = "/dev/shm/dockwright.pid"  # noqa: S108 - the container's, writable in every one
START = ("sh", "-c", f'echo $$ >{PID_PATH}; exec "$@"', "sh")
STOP = ("sh", "-c", f"kill -TERM $(cat {PID_PATH})")
STALE = timedelta(minutes=10)
"""A network older than this without a container belongs to a run that was killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """What the image is for, `train` or `serve`, in a host's container."""

    api: APIClient
    key: str
    connection: object

    def output(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes as it comes, each with its stream: 1 or, for errors, 2."""
        yield from containers.frames(self.connection)

    def exit_code(self) -> int | None:
        """Return how it ended; None when it runs, or its container is gone."""
        from docker.errors import NotFound  # noqa: PLC0415 - slow to import

        try:
            code = self.api.exec_inspect(self.key)["ExitCode"]
        except NotFound:
            return None
        return None if code is None else int(code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One host of a job: a container that does nothing by itself."""

    name: str
    api: APIClient
    container: str

    def receive(self, archive: Iterator[bytes]) -> None:
        """Unpack what goes to /opt/ml."""
        try:
            self.api.put_archive(self.container, "/", archive)
        except tar_stream.ShrunkError as e:
            msg = f"{e} became shorter while it was sent; let nothing write it meanwhile"
            raise DockwrightError(msg) from None

    @contextmanager
    def running(self, program: str) -> Iterator[Process]:
        """Run `train` or `serve` for the length of a block, or until it ends by itself."""
        key = self.api.exec_create(self.container, [*START, program])["Id"]
        connection = self.api.exec_start(key, socket=True)
        try:
            yield Process(api=self.api, key=key, connection=connection)
        finally:
            containers.hang_up(connection)

    def stop(self) -> None:
        """Ask it to stop: `train` passes SIGTERM on to the script, `serve` answers what it has."""
        from docker.errors import APIError  # noqa: PLC0415 - slow to import

        with suppress(APIError):  # it has ended meanwhile
            self.api.exec_start(self.api.exec_create(self.container, list(STOP))["Id"])

    def freeze(self) -> None:
        """Let nothing in the container go on: what is read then is of one moment."""
        self.api.pause(self.container)

    def read(self, folder: str) -> Iterator[bytes]:
        """Yield a folder below /opt/ml as a tar, itself the only one at its root; nothing if none."""
        from docker.errors import NotFound  # noqa: PLC0415 - slow to import

        with suppress(NotFound):
            chunks, _ = self.api.get_archive(self.container, f"/{ML}/{folder}")
            yield from chunks


@contextmanager
def opened(client: DockerClient, job: Job) -> Iterator[tuple[Host, ...]]:
    """Make the job's containers; they and their network are gone after the block.

    Should we be killed, the containers end with us and the next run removes the network.
    """
    from requests import RequestException  # noqa: PLC0415 - slow to import

    try:
        _sweep(client)
        with ExitStack() as stack:
            network = stack.enter_context(_network(client, job)) if len(job.hosts) > 1 else None
            yield tuple(stack.enter_context(_host(client, job, h, network)) for h in job.hosts)
    except RequestException as e:  # the engine's own refusals are among these
        msg = f"the container engine could not run the job: {getattr(e, 'explanation', None) or e}"
        raise JobError(msg) from e


@contextmanager
def _network(client: DockerClient, job: Job) -> Iterator[str]:
    api = client.api
    labels = {LABEL: job.name}
    made = api.create_network(
        job.name, driver="bridge", internal=not job.has_network, labels=labels
    )
    try:
        yield job.name
    finally:
        api.remove_network(made["Id"])


@contextmanager
def _host(client: DockerClient, job: Job, name: str, network: str | None) -> Iterator[Host]:
    api = client.api
    options: dict[str, Any] = {}
    if network is not None:
        aliases: Any = {network: api.create_endpoint_config(aliases=[name])}
        options["networking_config"] = api.create_networking_config(aliases)
    container = api.create_container(
        job.image,
        ["cat"],
        stdin_open=True,
        name=f"{job.name}-{name}",
        hostname=name,
        environment=dict(job.environment),
        labels={LABEL: job.name},
        volumes=[f"/{ML}"],
        host_config=_host_config(client, job, network),
        **options,
    )["Id"]
    try:
        with containers.kept_alive(api, container):
            yield Host(name=name, api=api, container=container)
    finally:
        containers.remove(api, container)


def _host_config(client: DockerClient, job: Job, network: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"auto_remove": True}
    # As the kernel's own default for a tmpfs; the engine's 64 MB are too few for data loaders.
    options["shm_size"] = int(client.info()["MemTotal"]) // 2
    if network is not None:
        options["network_mode"] = network
    elif not job.has_network:
        options["network_mode"] = "none"
    if job.has_gpus:
        options["device_requests"] = [containers.GPUS]
    return dict(client.api.create_host_config(**options))


def _sweep(client: DockerClient) -> None:
    """Remove networks that killed runs have left."""
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    for network in client.api.networks(filters={"label": LABEL}):
        made = datetime.fromisoformat(network["Created"][:19]).replace(tzinfo=UTC)
        label = f"{LABEL}={network['Labels'][LABEL]}"
        users = client.api.containers(all=True, quiet=True, filters={"label": label})
        if not users and datetime.now(UTC) - made > STALE:
            with suppress(APIError):  # another run was faster
                client.api.remove_network(network["Id"])
