"""A folder of pages in; the real browser that shows them, and what it complained about, out."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

REMEDY = "on Debian: apt-get install chromium-driver"
CLIPBOARD = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Yield a browser without a window; what it needs is an error that says how to get it."""
    driver_path, browser_path = shutil.which("chromedriver"), shutil.which("chromium")
    assert driver_path, f"chromedriver is not installed; {REMEDY}"
    assert browser_path, f"chromium is not installed; {REMEDY}"
    options = webdriver.ChromeOptions()
    options.binary_location = browser_path
    # The sandbox refuses root, which tests of images run as; the pages are our own.
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        browser.execute_cdp_cmd("Browser.grantPermissions", CLIPBOARD)
        yield browser
    finally:
        browser.quit()


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Return what stands in the browser's console since the last call."""
    entries = browser.execute("getLog", {"type": "browser"})["value"]
    return [str(entry["message"]) for entry in entries]
