"""A GPU that would give no figures to decide by is refused, with every reason."""

from __future__ import annotations

import pytest

from dockwright.stages.bench.gpu import reasons_against
from unit.bench.material import IDLE_GPU


def test_an_idle_gpu_with_the_right_driver_is_taken() -> None:
    assert reasons_against([IDLE_GPU, IDLE_GPU], driver="580") == ()


def test_without_a_gpu_there_is_nothing_against_it() -> None:
    assert reasons_against([], driver=None) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"processes": 1}, "GPU 0 is used by 1 other process"),
        ({"processes": 3}, "GPU 0 is used by 3 other processes"),
        ({"processes": None}, "GPU 0 does not tell whether others use it"),
        ({"utilization_percent": 40}, "GPU 0 is busy (40 %)"),
        ({"throttle_reasons": 0x4}, "GPU 0 is throttled by its power limit"),
        (
            {"throttle_reasons": 0x60},
            "GPU 0 is throttled by heat (software) and heat (hardware)",
        ),
        ({"temperature_c": 90}, "GPU 0 is at 90 °C; let it cool below 83"),
        ({"ecc_errors": 2}, "GPU 0 has 2 uncorrected memory errors; replace or reset it"),
        ({"driver": "535.1"}, "GPU 0 has driver 535.1, the image needs 580"),
        ({"driver": None}, "GPU 0 has driver unknown, the image needs 580"),
    ],
)
def test_each_fault_is_named(change: dict[str, object], reason: str) -> None:
    assert reasons_against([IDLE_GPU.model_copy(update=change)], driver="580") == (reason,)


def test_all_reasons_of_all_gpus_are_given_at_once() -> None:
    bad = IDLE_GPU.model_copy(update={"processes": 1, "temperature_c": 88})
    found = reasons_against([IDLE_GPU, bad], driver="580")
    assert [reason.partition(" is")[0] for reason in found] == ["GPU 1", "GPU 1"]


def test_what_nvml_does_not_tell_of_heat_and_clocks_is_not_held_against_it() -> None:
    silent = {"throttle_reasons": None, "temperature_c": None, "ecc_errors": None}
    untold = IDLE_GPU.model_copy(update=silent | {"utilization_percent": None})
    assert reasons_against([untold], driver="525.60") == ()
