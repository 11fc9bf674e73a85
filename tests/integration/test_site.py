"""The catalogue's pages in a real browser: found, narrowed down, copied, compared, linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import browser as browsers
import made_up_catalog
from dockwright.composition import site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

COUNT = 2000
CUDA = "pytorch-2.10.0-transformers5.10.0-cu130-inference"
CPU = "pytorch-2.10.0-transformers5.10.0-cpu-inference"
SMI = "| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4 |"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of pages in a folder: no server."""
    folder: Path = tmp_path_factory.mktemp("site")
    site.write(folder, made_up_catalog.catalog(COUNT))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    with browsers.chromium() as opened:
        yield opened


@pytest.fixture
def page(chromium: Chrome, address: str) -> Iterator[Chrome]:
    """The page as first seen; whatever a test did, the console must stay empty."""
    chromium.set_window_size(1280, 900)
    go(chromium, address)
    yield chromium
    assert browsers.complaints(chromium) == []


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
    one(page, "#smi").send_keys(SMI)
    assert count(page) == "1000 of 2000 images"
    assert "Driver 550.54.15" in one(page, "#smi-read").text


def test_an_image_shows_what_is_known_and_what_is_not(page: Chrome, address: str) -> None:
    go(page, f"{address}#image={CPU}")
    text = one(page, "#detail").text
    assert "30 passed in real containers of this digest" in text
    assert "cuda/check_gpu: needs gpu" in text
    assert "1 overdue, 2 due" in text
    assert "CVE-2026-1 of peft is overdue" in text
    assert "5.25 ms" in text
    assert "compiled: deferred: needs gpu" in text
    assert (
        f"docker pull registry.test/huggingface-pytorch-inference:{CPU[8:].rpartition('-')[0]}"
        in text
    )
    one(page, "#detail summary").click()
    assert "40 MB, shared with 1999 other images" in one(page, "#detail ol").text
    go(page, f"{address}#image={CUDA}")
    text = one(page, "#detail").text
    assert "nothing is promised" in text
    assert "It was not scanned" in text
    assert "It was not measured" in text
    assert "not built from today's inputs" in text
    assert "580.65 or newer" in text
    assert "docker pull" not in text


def test_what_is_shown_to_copy_is_copied(page: Chrome, address: str) -> None:
    go(page, f"{address}#image={CPU}")
    one(page, "button[aria-label='Copy: Build on it']").click()
    WebDriverWait(page, 10).until(lambda _: "copied" in one(page, "#detail").text)
    copied = page.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == "FROM registry.test/huggingface-pytorch-inference@sha256:" + "0" * 64


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


@pytest.mark.parametrize("place", ["", f"#image={CPU}", f"#compare={CPU},{CUDA}"])
def test_a_small_screen_needs_no_sideways_scrolling(page: Chrome, address: str, place: str) -> None:
    page.set_window_size(500, 900)
    go(page, f"{address}{place}")
    wide = page.execute_script("return document.scrollingElement.scrollWidth > innerWidth")
    assert wide is False
