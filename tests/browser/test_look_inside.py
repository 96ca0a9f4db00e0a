"""Page 9 in a real Chromium: the induction head of the shipped model is clicked, and goes off."""

import re

import pytest

from tests.browser.serving import ROOT, serve
from tests.browser.visiting import SOON, Visit


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("looked")
    with serve(
        "streamlit_app.py",
        ROOT,
        folder / "server.log",
        EXPLORER_RUNS=str(folder),
        GPT_CACHE=str(folder / "nothing-fetched"),
    ) as server:
        yield server


@pytest.fixture
def visit(browser):
    tab = Visit(browser)
    yield tab
    tab.close()


def test_the_induction_head_is_seen_in_the_map_and_switched_off(server, visit):
    page = visit.open(server, "look_inside?model=copying").page
    atlas = page.locator(".atlas .base")
    atlas.wait_for(timeout=SOON)
    visit.wait_text("Often misunderstood")
    page.get_by_text("Attention is not explanation").scroll_into_view_if_needed()
    # By score: the page opens with the head that is furthest above an even one.
    visit.wait_text(
        re.compile(r"Head 2\.2 gives 9\d% of its weight to what followed an earlier copy")
    )
    box = atlas.bounding_box()
    right = box["width"] - 20
    for head, y in (("1.2", 0.3 * box["height"]), ("2.2", box["height"] - 20)):
        atlas.click(position={"x": right, "y": y}, force=True)  # what lies above only draws
        visit.wait_text(re.compile(rf"Head {re.escape(head)} (gives|has)"))
    visit.button("Switch 2.2 off").click()
    visit.wait_text(re.compile(r"Without head 2\.2 the loss on this text goes from"))
    assert "look_inside_view=Switch" in page.url
    visit.wait_text("Goes on after the position, without head 2.2")
