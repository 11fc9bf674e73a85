"""Logins go where they belong, in the form that is asked for, and never into a message."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import httpx
import pytest

from dockwright.clients import docker_credentials
from dockwright.clients.docker_credentials import Credential
from dockwright.errors import RegistryError
from fake_registry import HOST, FakeRegistry, error, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOGIN = Credential(username="me", secret="s3cret")  # noqa: S106
IDENTITY = Credential(username="<token>", secret="s3cret", is_identity_token=True)  # noqa: S106
TOKEN_HOST = "auth.test"  # noqa: S105 - a host


class TokenRegistry(FakeRegistry):
    """Wants a token for each repository; a token opens what it was asked for, `uses` times."""

    def __init__(self, *, realm: str = f"https://{TOKEN_HOST}/token", uses: int = 99) -> None:
        super().__init__()
        self.realm, self.uses = realm, uses
        self.asked: list[httpx.Request] = []
        self.valid: dict[str, int] = {}
        self.authorizations: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == TOKEN_HOST:
            self.asked.append(request)
            token = f"token-{len(self.asked)}"
            self.valid[f"Bearer {token}"] = self.uses
            return httpx.Response(200, json={"token": token})
        authorization = request.headers.get("Authorization")
        self.authorizations.append(authorization)
        if self.valid.get(authorization or "", 0) > 0:
            self.valid[authorization or ""] -= 1
            return super().__call__(request)
        scope = 'scope="repository:team/image:pull"'
        challenge = f'Bearer realm="{self.realm}",service="{HOST}",{scope}'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})


def test_a_token_is_fetched_with_the_login_and_used_again() -> None:
    registry = TokenRegistry()
    with opened(registry, login=LOGIN) as repository:
        assert repository.tags() == ()
        assert repository.tags() == ()
    (asked,) = registry.asked
    assert asked.url.params["service"] == HOST
    assert asked.url.params.get_list("scope") == ["repository:team/image:pull"]
    assert asked.headers["Authorization"] == _basic("me:s3cret")
    assert registry.authorizations == [None, "Bearer token-1", "Bearer token-1"]


def test_without_a_login_an_anonymous_token_is_fetched() -> None:
    registry = TokenRegistry()
    with opened(registry) as repository:
        assert repository.tags() == ()
    assert "Authorization" not in registry.asked[0].headers


def test_an_expired_token_is_replaced_in_the_middle_of_work() -> None:
    registry = TokenRegistry(uses=1)
    with opened(registry, login=LOGIN) as repository:
        for _ in range(3):
            assert repository.tags() == ()
    assert len(registry.asked) == 3


def test_an_identity_token_buys_an_access_token() -> None:
    registry = TokenRegistry()
    with opened(registry, login=IDENTITY) as repository:
        repository.tags()
    form = parse_qs(registry.asked[0].content.decode())
    assert registry.asked[0].method == "POST"
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["s3cret"]
    assert form["scope"] == ["repository:team/image:pull"]


def test_pushing_asks_for_the_right_to_push() -> None:
    registry = TokenRegistry()
    with opened(registry, login=LOGIN) as repository:
        repository.put_manifest("1", b"{}")
    scopes = registry.asked[0].url.params.get_list("scope")
    assert scopes[0] == "repository:team/image:pull,push"


@pytest.mark.parametrize("realm", ["http://auth.test/token", "ftp://auth.test/", "nonsense", ""])
def test_a_login_is_not_sent_unencrypted(realm: str) -> None:
    registry = TokenRegistry(realm=realm)
    with (
        opened(registry, login=LOGIN) as repository,
        pytest.raises(RegistryError, match="not over https"),
    ):
        repository.tags()
    assert registry.asked == []


def test_a_refused_login_says_how_to_log_in_and_not_with_what() -> None:
    registry = TokenRegistry()

    def handler(request: httpx.Request) -> httpx.Response:
        is_asked = request.url.host == TOKEN_HOST
        return httpx.Response(401) if is_asked else registry(request)

    with opened(handler, login=LOGIN) as repository, pytest.raises(RegistryError) as raised:
        repository.tags()
    assert f"docker login {HOST}" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_basic_is_sent_when_it_is_asked_for_and_then_unasked() -> None:
    sent: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("Authorization"))
        if sent[-1] == _basic("me:s3cret"):
            return httpx.Response(200, json={"tags": ["1"]})
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="here"'})

    with opened(handler, login=LOGIN) as repository:
        assert repository.tags() == ("1",)
        assert repository.tags() == ("1",)
    assert sent == [None, _basic("me:s3cret"), _basic("me:s3cret")]


@pytest.mark.parametrize("login", [None, LOGIN])
def test_a_lasting_401_is_not_asked_again_and_again(login: Credential | None) -> None:
    log: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        log.append(request.method)
        return httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=here"})

    with (
        opened(handler, login=login) as repository,
        pytest.raises(RegistryError, match="docker login"),
    ):
        repository.tags()
    assert len(log) == (1 if login is None else 2)


def test_an_upload_that_leads_elsewhere_gets_no_login() -> None:
    seen: dict[str, str | None] = {}
    registry = FakeRegistry()

    def handler(request: httpx.Request) -> httpx.Response:
        seen[request.url.host] = authorization = request.headers.get("Authorization")
        if request.url.host == "storage.test":
            return httpx.Response(200)
        if authorization is None:
            return httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=here"})
        return registry(request)

    with opened(handler, login=LOGIN) as repository:
        repository.tags()
        repository.session.send("PUT", "https://storage.test/x", scopes=repository.push_scopes)
        with pytest.raises(RegistryError, match="not over https"):
            repository.session.send("PUT", "http://storage.test/x", scopes=())
    assert seen == {HOST: _basic("me:s3cret"), "storage.test": None}


def test_a_login_is_not_shown() -> None:
    assert "s3cret" not in repr(LOGIN)
    assert "me" not in repr(LOGIN).removeprefix("Credential")
    with opened(FakeRegistry(), login=LOGIN) as repository:
        assert "s3cret" not in repr(repository)


@pytest.mark.parametrize(
    "stored", [HOST, f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/"]
)
def test_the_login_of_a_host_is_found_however_it_is_stored(
    docker_config: Callable[[object], Path], stored: str
) -> None:
    docker_config({"auths": {"other.test": {"auth": _b64("x:y")}, stored: {"auth": _b64("a:b:c")}}})
    assert docker_credentials.find(HOST) == Credential(username="a", secret="b:c")  # noqa: S106


def test_docker_hub_has_a_key_of_its_own(docker_config: Callable[[object], Path]) -> None:
    docker_config({"auths": {"https://index.docker.io/v1/": {"username": "a", "password": "b"}}})
    assert docker_credentials.find("docker.io") == Credential(username="a", secret="b")  # noqa: S106


def test_a_stored_identity_token_is_known_as_one(docker_config: Callable[[object], Path]) -> None:
    docker_config({"auths": {HOST: {"auth": _b64("a:"), "identitytoken": "t"}}})
    found = docker_credentials.find(HOST)
    assert found is not None
    assert found.is_identity_token


@pytest.mark.parametrize(
    "config",
    [{}, [], {"auths": {}}, {"auths": {HOST: {}}}, {"auths": {"a." + HOST: {"auth": "x"}}}],
)
def test_no_login_is_no_error(docker_config: Callable[[object], Path], config: object) -> None:
    docker_config(config)
    assert docker_credentials.find(HOST) is None


def test_no_file_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    assert docker_credentials.find(HOST) is None


@pytest.mark.parametrize("auth", ["%%%s3cret", "czNjcmV0"])
def test_a_broken_login_is_named_by_its_place_only(
    docker_config: Callable[[object], Path], auth: str
) -> None:
    path = docker_config({"auths": {HOST: {"auth": auth}}})
    with pytest.raises(RegistryError) as raised:
        docker_credentials.find(HOST)
    assert str(path) in str(raised.value)
    assert auth not in str(raised.value)


def test_a_broken_file_is_named_and_not_quoted(docker_config: Callable[[object], Path]) -> None:
    path = docker_config({})
    path.write_text('{"auths": s3cret', encoding="utf-8")
    with pytest.raises(RegistryError) as raised:
        docker_credentials.find(HOST)
    assert str(path) in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_helper_with_a_path_for_a_name_is_refused(
    docker_config: Callable[[object], Path],
) -> None:
    docker_config({"credsStore": "../../evil"})
    with pytest.raises(RegistryError, match="no name"):
        docker_credentials.find(HOST)


def test_a_forbidden_action_says_so() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return error(403, "DENIED", "no push for you")

    with (
        opened(handler) as repository,
        pytest.raises(RegistryError, match=r"403 Forbidden \(DENIED: no push for you\).*right"),
    ):
        repository.put_manifest("1", b"{}")


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """Write Docker's configuration; return its path."""

    def write(config: object) -> Path:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        return path

    return write


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _basic(login: str) -> str:
    return f"Basic {_b64(login)}"
