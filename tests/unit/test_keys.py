"""What a layer is kept by changes with all that its bytes depend on, and with nothing else."""

from __future__ import annotations

import pytest

from dockwright.composition.assemble.keys import MAKERS


@pytest.mark.parametrize(
    "name",
    [
        "python3.11-minimal",
        "libpython3.11-stdlib",
        "python3-minimal",
        "libc6",
        "zlib1g",
        "libexpat1",
    ],
)
def test_what_compiles_and_compresses_is_a_maker(name: str) -> None:
    assert MAKERS.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["bash", "openssl", "libssl3", "tini", "libc-bin", "python-is-python3"]
)
def test_the_rest_of_the_base_is_none(name: str) -> None:
    assert not MAKERS.fullmatch(name)
