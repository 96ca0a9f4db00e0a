"""What browser tests share: a real Chromium."""

import os
import shutil

import pytest

from tests.browser.serving import app, measured, serve
from tests.browser.stage import PAGE, VIEW, Stage
from tests.browser.visiting import Visit

REQUIRED = os.environ.get("EXPLORER_BROWSER_TESTS") == "required"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # one process less draws with a tenth less of the processor
    "--disable-background-networking",
]


def missing(what: str) -> None:
    """Skip on a machine without a browser, unless browser tests are required."""
    if REQUIRED:
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Debian's or the user's Chromium, driven by Playwright: one profile on the disk for all tabs,
    so that Streamlit's scripts are fetched and compiled once and not for every test."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        missing("there is no chromium on this machine")
    with sync_playwright() as driver:
        try:
            running = driver.chromium.launch_persistent_context(
                tmp_path_factory.mktemp("profile"),
                executable_path=path,
                args=ARGUMENTS,
                viewport=VIEW,
            )
        except Error as error:
            missing(f"chromium does not start: {error}")
        yield running
        running.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Where the server of these tests keeps its runs."""
    return measured(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def server(runs):
    """One server for all tests that look at the app: its first pages cost more than most tests."""
    with app(runs) as running:
        yield running


@pytest.fixture
def visit(browser):
    """A tab on the app; the test fails if anything went wrong in it."""
    tab = Visit(browser)
    yield tab
    tab.close()


@pytest.fixture(scope="session")
def stage(browser, tmp_path_factory):
    """One tab and one server for all tests of components."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "page.py").write_text(PAGE, encoding="utf-8")
    with serve("page.py", folder, folder / "server.log") as server:
        stage = Stage(browser, server.address)
        yield stage
        stage.close()


@pytest.fixture
def set_up(stage, request):
    """Sets up a script on the stage; afterwards nothing may have gone wrong there."""
    failures = request.session.testsfailed
    in_order = False
    yield stage.set_up
    try:
        if stage.page:
            stage.check()
        in_order = request.session.testsfailed == failures
    finally:
        if not in_order:  # whatever state this test has left, the next one does not get it
            stage.close()
