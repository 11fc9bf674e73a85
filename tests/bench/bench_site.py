"""Measure how fast the catalogue's page answers a filter: `make bench-site`; 2,000 images, goal 50 ms."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import browser as browsers
import made_up_catalog
from dockwright import console
from dockwright.composition import site

COUNT, ROUNDS, TARGET_MS = 2000, 30, 50.0
ACTIONS = {
    "tick a facet": "document.querySelector(\"#facets input[value='training']\").click()",
    "search a package": "$('packages').value = 'peft >= 0.' + (10 + round % 10); readFilters()",
    "paste a driver": "$('smi').value = '5' + (10 + round % 80) + '.10'; readFilters()",
}
# To the next frame's layout: what a person waits for, but for the painting.
TIMED = """
const samples = [];
for (let round = 0; round < %d; round += 1) {
  const started = performance.now();
  %s;
  document.body.getBoundingClientRect();
  samples.push(performance.now() - started);
}
return samples;
"""


def main() -> None:
    """Print the median of each action, and the weight of the page before its data."""
    with tempfile.TemporaryDirectory() as name, browsers.chromium() as browser:
        folder = Path(name)
        site.write(folder, made_up_catalog.catalog(COUNT))
        browser.get((folder / "index.html").as_uri())
        rows = []
        for action, script in ACTIONS.items():
            samples = browser.execute_script(TIMED % (ROUNDS, script))
            median = statistics.median(samples)
            met = "met" if median < TARGET_MS else "missed"
            rows.append((action, f"{median:.1f} ms", f"{max(samples):.1f} ms", met))
        console.table(("ACTION", "MEDIAN", "MAX", f"GOAL {TARGET_MS:.0f} MS"), rows)
        size_bytes = sum((folder / asset).stat().st_size for asset in site.ASSETS)
        console.out(f"page before data: {console.human_bytes(size_bytes)}")


if __name__ == "__main__":
    main()
