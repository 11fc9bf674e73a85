"""Two images' samples of a metric in; what changed, whether it counts, and why, out."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.spec.bench import Better
from dockwright.spec.bench_records import BenchVerdict, Interval, MetricRecord
from dockwright.stages.bench import stats

if TYPE_CHECKING:
    from dockwright.spec.bench import SampleSet

MINIMUM_EFFECT = 0.05
"""A smaller change is of no practical matter, however surely it is there."""
LARGEST_EFFECT = 0.20
"""A host on which equal images differ by more can show what is worse, never that nothing is."""
ALPHA = 0.05
LEAST_STARTS = {True: 6, False: 4}
"""In turns or not; with fewer a side the test cannot reach ALPHA whatever is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A verdict and the reason for it."""

    verdict: BenchVerdict
    reason: str


def alone(new: SampleSet) -> MetricRecord:
    """Return a metric that there is nothing to compare with."""
    return MetricRecord(
        name=new.metric,
        unit=new.unit,
        value=stats.interval(medians(new)),
        starts=len(new.starts),
        verdict=BenchVerdict.UNKNOWN,
        reason="nothing to compare with",
    )


def gone(old: SampleSet) -> MetricRecord:
    """Return a metric that the new image no longer gives."""
    return MetricRecord(
        name=old.metric,
        unit=old.unit,
        value=stats.interval(medians(old)),
        starts=0,
        against=stats.interval(medians(old)),
        verdict=BenchVerdict.UNKNOWN,
        reason="only the other image has it; its value stands here",
    )


def compare(new: SampleSet, old: SampleSet, floor: float | None) -> MetricRecord:
    """Return a metric beside the other image's; starts are paired in the order they were made in.

    A start counts once: what is measured within a start is alike for reasons of its own. Starts that
    were made in turns are compared within their pairs, by Wilcoxon's test; others know no pairs, and
    are by Mann-Whitney's.
    """
    mine, others = medians(new), medians(old)
    in_turns = new.takes_turns and old.takes_turns
    ratios = costs(new, old) if is_positive(new) and is_positive(old) else None
    if ratios is not None and in_turns:
        p_value = stats.signed_rank([math.log(ratio) for ratio in ratios])
    else:
        p_value = stats.mann_whitney(mine, others)
    effect = max(MINIMUM_EFFECT, floor or 0)
    starts = min(len(mine), len(others))
    cost = None if ratios is None else stats.interval(ratios)
    decision = decide(cost, p_value, effect, starts=starts, least=LEAST_STARTS[in_turns])
    known = "" if floor is not None else "; no A/A run has told how much this host scatters"
    return MetricRecord(
        name=new.metric,
        unit=new.unit,
        value=stats.interval(mine),
        starts=len(mine),
        against=stats.interval(others),
        cost=cost,
        p_value=p_value,
        effect=effect,
        verdict=decision.verdict,
        reason=decision.reason + known,
    )


def medians(samples: SampleSet) -> tuple[float, ...]:
    """Return the median of each start."""
    return tuple(statistics.median(values) for values in samples.starts)


def costs(new: SampleSet, old: SampleSet) -> tuple[float, ...]:
    """Return new by old for each pair of starts, turned so that more than 1 is worse.

    Of starts that took turns it is the median of their samples' ratios, each of the two sides' same
    burst: what the host did then slowed both.
    """
    if new.takes_turns and old.takes_turns:
        pairs = zip(new.starts, old.starts, strict=False)
        ratios = [
            statistics.median(mine / other for mine, other in zip(*pair, strict=False))
            for pair in pairs
        ]
    else:
        ratios = [mine / other for mine, other in zip(medians(new), medians(old), strict=False)]
    return tuple(ratios if new.better is Better.LOWER else [1 / ratio for ratio in ratios])


def is_positive(samples: SampleSet) -> bool:
    """Tell whether ratios of the samples can be made."""
    return min(map(min, samples.starts)) > 0


def decide(
    cost: Interval | None, p_value: float, effect: float, *, starts: int, least: int
) -> Decision:
    """Say whether a change is one.

    Worse or better is what changed by more than the effect and, by the test, not by chance. The same is what changed by less, when twice the effect is out of the question as well
    and the host is quiet enough for that to say much. Anything else is unknown.
    """
    if cost is None:
        return Decision(verdict=BenchVerdict.UNKNOWN, reason="a sample is not positive")
    if starts < least:
        reason = f"{starts} starts a side are too few to tell; {least} or more are needed"
        return Decision(verdict=BenchVerdict.UNKNOWN, reason=reason)
    change = f"{cost.median - 1:+.1%}"
    if abs(math.log(cost.median)) > math.log1p(effect):
        if p_value >= ALPHA:
            reason = f"{change} may be chance (p = {p_value:.2f}); run more starts"
            return Decision(verdict=BenchVerdict.UNKNOWN, reason=reason)
        verdict = BenchVerdict.WORSE if cost.median > 1 else BenchVerdict.BETTER
        return Decision(verdict=verdict, reason=f"{change}, more than {effect:.1%}")
    if effect > LARGEST_EFFECT:
        reason = (
            f"{change}, but equal images differ by {effect:.0%} on this host; use a quieter one"
        )
        return Decision(verdict=BenchVerdict.UNKNOWN, reason=reason)
    if math.log(cost.high) > 2 * math.log1p(effect):
        reason = f"up to {cost.high - 1:+.1%} worse cannot be ruled out; run more starts"
        return Decision(verdict=BenchVerdict.UNKNOWN, reason=reason)
    return Decision(verdict=BenchVerdict.SAME, reason=f"{change}, less than {effect:.1%}")
