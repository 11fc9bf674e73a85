"""The catalogue's pages in a real browser: found, narrowed down, copied, compared, linked to."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import browser as browsers
import made_up_catalog
from dockwright.composition import site
from dockwright.spec import gpu

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

COUNT = 2000
CUDA = "pytorch-2.10.0-transformers5.10.0-cu130-inference"
CPU = "pytorch-2.10.0-transformers5.10.0-cpu-inference"
YANKED = "pytorch-2.10.0-transformers5.19.0-cpu-inference"
SMI = """\
| NVIDIA-SMI {driver}    Driver Version: {driver}    CUDA Version: 12.4 |
|   0  {gpu}          Off | 00000000:00:1E.0 Off |                    0 |
"""
NAMED = {"button", "checkbox", "link", "searchbox", "textbox", "form", "search"}
"""Roles that a screen reader tells nothing of without a name."""
# Of every text that is seen: how far its colour is from that of what is behind it.
FAINT = """
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  const colour = getComputedStyle(node).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" && node.parentElement ? behind(node.parentElement) : colour;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const faint = [];
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
  const both = [luminance(getComputedStyle(node).color), luminance(behind(node))].sort();
  if ((both[1] + 0.05) / (both[0] + 0.05) < 4.5) faint.push(walker.currentNode.data.trim());
}
return faint;
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of pages in a folder: no server."""
    folder: Path = tmp_path_factory.mktemp("site")
    site.write(folder, made_up_catalog.catalog(COUNT))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of pages of less."""
    folder: Path = tmp_path_factory.mktemp("few")
    site.write(folder, made_up_catalog.catalog(40))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    with browsers.chromium() as opened:
        yield opened


@pytest.fixture
def page(chromium: Chrome, address: str) -> Iterator[Chrome]:
    """The page as first seen; whatever a test did, the console must stay empty."""
    show_on(chromium, width=1280)
    go(chromium, address)
    yield chromium
    assert browsers.complaints(chromium) == []


def show_on(page: Chrome, *, width: int, theme: str = "light") -> None:
    """Make the screen so wide, and the user prefer a theme."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def go(page: Chrome, address: str) -> None:
    """Load an address anew, also where only its last part differs."""
    page.get("about:blank")
    page.get(address)


def one(page: Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def count(page: Chrome) -> str:
    return one(page, "#count").text


def search(page: Chrome, text: str) -> None:
    field = one(page, "#packages")
    field.clear()
    field.send_keys(text)


def paste(page: Chrome, text: str) -> None:
    """Put a text in as a whole: a browser lets no page change its address at every key."""
    one(page, "#smi").clear()
    one(page, "#smi").click()
    page.execute_cdp_cmd("Input.insertText", {"text": text})


def tick(page: Chrome, value: str) -> None:
    one(page, f"#facets input[value='{value}']").click()


def test_all_images_are_there_and_the_page_is_small(page: Chrome) -> None:
    assert count(page) == "2000 of 2000 images"
    assert len(page.find_elements(By.CSS_SELECTOR, ".card")) == 40
    one(page, "#more").click()
    assert len(page.find_elements(By.CSS_SELECTOR, ".card")) == 80
    files = site.files(made_up_catalog.catalog(1))
    assert sum(len(files[name]) for name in site.ASSETS) < 100_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("peft >= 0.18", "794 of 2000 images"),
        ("peft == 0.3.1", "67 of 2000 images"),
        ("pytorch", "1200 of 2000 images"),
        ("pytorch, transformers < 5.11", "120 of 2000 images"),
        ("no-such-package", "0 of 2000 images"),
        ("peft =>", "That is not understood: write names such as peft >= 0.18, torch."),
    ],
)
def test_packages_are_searched_by_name_and_version(page: Chrome, text: str, found: str) -> None:
    search(page, text)
    assert count(page) == found


def test_filters_narrow_down_and_the_address_keeps_them(page: Chrome) -> None:
    tick(page, "tensorflow")
    tick(page, "training")
    assert count(page) == "400 of 2000 images"
    kept = page.current_url
    go(page, kept)
    assert count(page) == "400 of 2000 images"
    assert one(page, "#facets input[value='training']").is_selected()
    one(page, "button[type='reset']").click()
    WebDriverWait(page, 10).until(lambda _: count(page) == "2000 of 2000 images")


def test_a_pasted_nvidia_smi_leaves_what_runs(page: Chrome) -> None:
    one(page, "#driver-box summary").click()
    paste(page, SMI.format(driver="550.54.15", gpu="NVIDIA A10G"))
    assert count(page) == "1000 of 2000 images"
    assert "Driver 550.54.15 with NVIDIA A10G (8.6)" in one(page, "#smi-read").text
    for name, found in (("Tesla T4", 2000), ("Tesla P100-SXM2", 1000), ("RTX 5090", 2000)):
        paste(page, SMI.format(driver="580.82", gpu=name))
        assert count(page) == f"{found} of 2000 images", name
    paste(page, SMI.format(driver="580.82", gpu="Tesla P100-SXM2"))
    go(page, page.current_url)
    assert count(page) == "1000 of 2000 images"
    tick(page, "training")
    assert "P100-SXM2 (6.0)" in one(page, "#smi-read").text


def test_the_page_and_compat_agree_on_what_code_runs_on_which_gpu(page: Chrome) -> None:
    targets = ("sm_75", "sm_86", "sm_90a", "sm_100f", "compute_80", "compute_90f", "sm_120")
    capabilities = ("7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0")
    script = "return arguments[0].map((t) => arguments[1].map((c) => targetRuns(t, c)))"
    assert page.execute_script(script, targets, capabilities) == [
        [gpu.runs([t], gpu.Capability(*map(int, c.split(".")))) for c in capabilities]
        for t in targets
    ]


def test_an_image_shows_what_is_known_and_what_is_not(page: Chrome, address: str) -> None:
    go(page, f"{address}#image={CPU}")
    text = one(page, "#detail").text
    assert "30 passed in real containers of this digest" in text
    assert "cuda/check_gpu: needs gpu" in text
    assert "1 overdue, 2 due" in text
    assert "CVE-2026-1 of peft is overdue" in text
    assert "5.25 ms 5 ms to 5.5 ms" in text
    assert "641 MB 641 MB to 642 MB" in text
    assert "deferred compiled: needs gpu" in text
    assert (
        f"docker pull registry.test/team/huggingface-pytorch-inference:{CPU[8:].rpartition('-')[0]}"
        in text
    )
    assert len(page.find_elements(By.CSS_SELECTOR, "#detail table svg")) == 3
    assert "-15.0 % better" in text
    assert "release.pub has signed this image" in text
    for summary in page.find_elements(By.CSS_SELECTOR, "#detail summary"):
        summary.click()
    text = one(page, "#detail").text
    assert (
        f"oras pull registry.test/team/huggingface-pytorch-inference@sha256:{'e' * 59}smoke" in text
    )
    assert "Since the one before, 2 packages have changed" in text
    assert "known conflict tf-keras wants tensorflow" in text
    assert "40 MB, shared with 1999 other images" in one(page, "#detail ol").text
    go(page, f"{address}#image={CUDA}")
    text = one(page, "#detail").text
    assert "nothing is promised" in text
    assert "It was not scanned" in text
    assert "It was not measured" in text
    assert "not pushed to registry.test/team" in text
    assert "580.65 or newer" in text
    assert "newer than on SageMaker's default hosts (470 to 550)" in text
    assert "T4, A10, A10G, RTX 5090" in text
    assert "docker pull" not in text


def test_an_image_of_which_nothing_could_be_measured_shows_why(page: Chrome, few: str) -> None:
    (image, *_) = [i for i in made_up_catalog.catalog(40).images if i.bench and not i.bench.metrics]
    go(page, f"{few}#image={image.identifier}")
    assert "Tried on here, " in one(page, "#detail").text
    assert "deferred readiness: needs gpu" in one(page, "#detail").text
    assert not page.find_elements(By.CSS_SELECTOR, "#detail table svg")


def test_a_yanked_image_is_struck_out_and_has_nothing_to_copy(page: Chrome, address: str) -> None:
    tick(page, "yanked")
    assert count(page) == "50 of 2000 images"
    assert one(page, ".card").text.count("yanked it forgets") == 1
    struck = one(page, ".card h2").value_of_css_property("text-decoration-line")
    assert struck == "line-through"
    go(page, f"{address}#image={YANKED}")
    text = one(page, "#detail").text
    assert "Yanked on 2026-01-01: do not use it. it forgets" in text
    assert "docker pull" not in text
    assert "FROM" not in text
    one(page, "#detail .warning a").click()
    WebDriverWait(page, 10).until(lambda _: "docker pull" in one(page, "#detail").text)


def test_what_is_shown_to_copy_is_copied(page: Chrome, address: str) -> None:
    go(page, f"{address}#image={CPU}")
    one(page, "button[aria-label='Copy: Build on it']").click()
    WebDriverWait(page, 10).until(lambda _: "copied" in one(page, "#detail").text)
    copied = page.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == "FROM registry.test/team/huggingface-pytorch-inference@sha256:" + "0" * 64


def test_two_images_are_compared(page: Chrome) -> None:
    cards = page.find_elements(By.CSS_SELECTOR, ".card .button")
    cards[0].click()
    assert "with which other image?" in one(page, "#comparing").text
    page.find_elements(By.CSS_SELECTOR, ".card .button")[1].click()
    text = one(page, "#detail").text
    assert "fetches 201 MB in 2 of 4 layers" in text
    assert "1 packages differ" in text
    page.back()
    page.back()
    assert count(page) == "2000 of 2000 images"


def test_a_keyboard_is_enough(page: Chrome) -> None:
    body = one(page, "body")
    body.send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "To the images"
    link = one(page, ".card h2 a")
    link.send_keys(Keys.ENTER)
    assert one(page, "#detail h2").text == page.title
    assert page.switch_to.active_element.get_attribute("id") == "detail"


PLACES = ("", f"#image={CPU}", f"#image={CUDA}", f"#image={YANKED}", f"#compare={CPU},{CUDA}")


@pytest.mark.parametrize("place", PLACES)
def test_a_small_screen_needs_no_sideways_scrolling(page: Chrome, few: str, place: str) -> None:
    show_on(page, width=360)
    go(page, f"{few}{place}")
    wide = page.execute_script("return document.scrollingElement.scrollWidth > innerWidth")
    assert wide is False


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_every_text_stands_out_from_what_is_behind_it(
    page: Chrome, few: str, place: str, theme: str
) -> None:
    show_on(page, width=1280, theme=theme)
    go(page, f"{few}{place}")
    assert page.execute_script(FAINT) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_screen_reader_gets_a_name_of_whatever_can_be_used(
    page: Chrome, few: str, place: str
) -> None:
    go(page, f"{few}{place}")
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    nameless = [
        node["role"]["value"]
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED and not node["name"]["value"]
    ]
    assert nameless == []
    assert "link" in roles
    levels = [
        prop["value"]["value"]
        for node in nodes
        if not node["ignored"] and node["role"]["value"] == "heading"
        for prop in node["properties"]
        if prop["name"] == "level"
    ]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
