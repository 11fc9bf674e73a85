"""uv's explanation of why there is no solution in; the chain of reasons in few words out."""

from __future__ import annotations

import re

NEEDS = re.compile(
    r"(?P<who>[a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?(?P<which>[=<>!~][^\s]*)? depends on "
    r"(?P<what>[a-z0-9][a-z0-9._-]*(?:\[[a-z0-9,-]+\])?(?:[=<>!~][^\s]*)?)",
    re.IGNORECASE,
)
ABSENT = re.compile(r"there (?:is|are) no versions? of ([^\s]+)")


def chain(text: str) -> str:
    """Return who wants what, each once, in uv's order; else uv's own words, hints left out.

    >>> chain("Because transformers==4.57.6 depends on huggingface-hub>=0.34,<1.0 and you require "
    ...       "huggingface-hub==2.4.0, we can conclude that your requirements are unsatisfiable.")
    'transformers 4.57.6 wants huggingface-hub>=0.34,<1.0'
    """
    flat = " ".join(text.partition("\nlooked in")[0].partition("hint:")[0].split())
    found = [f"no index has {what.rstrip(',')}" for what in ABSENT.findall(flat)]
    for match in NEEDS.finditer(flat):
        which = (match["which"] or "").removeprefix("==").rstrip(",")
        who = match["who"] + (f" {which}" if which[:1].isdigit() else which)
        found.append(f"{who} wants {match['what'].rstrip('.,')}")
    return "; ".join(dict.fromkeys(found)) or flat
