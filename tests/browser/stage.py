"""A stage for browser components: one server and one tab for the scripts of many tests.

Loading Streamlit into a tab costs more than most tests of a component do. So the tab stays, and
each test has its script set up in it anew. `take` numbers the set-ups: a script puts it into the
keys and the links of its components, so that each of them is mounted anew, and neither Python nor
the browser has anything left of an earlier test.
"""

import itertools
from pathlib import Path

from tests.browser.visiting import SOON, new_tab

VIEW = {"width": 1280, "height": 1000}

# The page of the stage. It is told "take|script|start": it runs the script, with `start`, words
# for how this test begins, and counts the `runs` since then.
PAGE = """
from pathlib import Path
import streamlit as st

st.set_page_config(layout="wide")
told = st.text_input("stage")
if told:
    take, script, start = told.split("|")
    if st.session_state.get("take") != take:
        st.session_state.update(take=take, runs=0)
    st.session_state.runs += 1
    script = Path(script)
    given = {
        "take": take,
        "start": start.split(),
        "runs": st.session_state.runs,
        "here": script.parent,
    }
    exec(compile(script.read_text(encoding="utf-8"), script, "exec"), given)
    st.text(f"take {take} is set up")
"""

# Whether the script has ended and what it no longer draws is gone.
AT_REST = """() => document.querySelector("[data-test-script-state=notRunning]")
  && !document.querySelector("[data-stale=true]")"""

# Whether all components are drawn, in light colours (those of a page that was dark turn light a
# moment after it), and no font is to come, which would draw them once more.
DRAWN = """() => {
  const places = [...document.querySelectorAll("[data-testid^=stBidiComponent]")];
  const parts = places.map((place) => place.shadowRoot.querySelector(".component"));
  const drawn = (part) => part?.dataset.ready === "true" && !part.classList.contains("dark");
  return parts.every(drawn) && document.fonts.status === "loaded";
}"""

# As in a tab that was just opened: nothing has the focus, and nothing is scrolled.
FRESH = """() => {
  document.activeElement.blur();
  document.querySelector("[data-testid=stMain]").scrollTo(0, 0);
}"""


class Stage:
    """A tab in which scripts are set up, one after the other; opened when it is needed."""

    def __init__(self, browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.takes = itertools.count(1)
        self.page = None

    def set_up(self, script: Path, components: tuple[str, ...], start: str = ""):
        """The page with this script on it, from its beginning, and these components drawn."""
        page = self._tab()
        page.bring_to_front()  # the tab of another test may still be open
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(VIEW)
        page.mouse.move(0, 0)
        take = next(self.takes)
        page.get_by_label("stage", exact=True).fill(f"{take}|{script}|{start}")
        page.evaluate(FRESH)  # a field that loses the focus tells the server
        stands = page.get_by_text(f"take {take} is set up", exact=True)
        stands.or_(page.get_by_test_id("stException")).first.wait_for(timeout=SOON)
        page.wait_for_function(AT_REST, timeout=SOON)
        self.check()
        for name in components:
            page.wait_for_selector(f"{name}[data-ready=true]", timeout=SOON)
        page.wait_for_function(DRAWN, timeout=SOON)
        page.sent.clear()
        return page

    def check(self) -> None:
        """Nothing has gone wrong, in the browser or in Python."""
        boxes = self.page.get_by_test_id("stException").all_inner_texts()
        broken = self.page.get_by_text("BidiComponent Error").all_inner_texts()
        trouble = [*self.page.trouble, *boxes, *broken]
        assert not trouble, trouble

    def close(self) -> None:
        """Close the tab; the next script gets a new one."""
        if self.page:
            self.page.close()
        self.page = None

    def _tab(self):
        if self.page is None:
            self.page = new_tab(self.browser)
            self.page.goto(self.address)
        return self.page
