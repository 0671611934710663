"""A real browser: Debian's Chromium, driven by Playwright. Without it these tests say that they were skipped."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from tests.conftest import committed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# To look at what tests see: LOYALTY_SHOTS=folder keeps a picture of each page.
SHOTS = os.environ.get("LOYALTY_SHOTS", "")


@pytest.fixture(scope="session")
def started_chromium() -> Iterator[Any]:
    """One browser for all tests of a process."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    # Playwright runs an event loop in this thread, in which Django would refuse its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def chromium(started_chromium: Any) -> Iterator[Any]:
    """A browser without pages: those of a test are closed after it, and do not live on to the end of the run."""
    yield started_chromium
    for context in started_chromium.contexts:
        context.close()


@pytest.fixture
def site(committed_db: None) -> Iterator[str]:
    """The address of a server whose rows are committed."""
    server = LiveServer("127.0.0.1")
    yield str(server.url)
    server.stop()


@pytest.fixture(scope="module")
def site_to_read(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of a server for all tests of a module that only look at what is there, each on another screen."""
    with committed(django_db_blocker):
        server = LiveServer("127.0.0.1")
        yield str(server.url)
        server.stop()


def shot(page: Any, name: str) -> None:
    """Keep a picture of a page, where somebody wants to look."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
