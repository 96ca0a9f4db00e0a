"""A class in the tests of pages: the app of a shared server, as different browsers see it."""

from streamlit.testing.v1 import AppTest

from explorer.classroom import members
from explorer.runs import states
from tests.pages.bench import APP, Bench, by_key

ANN, BEN = members.new_key(), members.new_key()


def sit(bench: Bench, key: str, page: str = "home", **address: str) -> AppTest:
    """The page as the browser of the workspace `key` finds it."""
    at = AppTest.from_file(str(APP), default_timeout=120)
    at.session_state["workspace key"] = key
    for name, value in address.items():
        at.query_params[name] = value
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    return at


def run_of(bench: Bench, key: str, state: str = states.PAUSED):
    """A run of the bigram page in somebody's workspace."""
    at = sit(bench, key, "bigram")
    by_key(at.button, "bigram_train").click().run()
    run = bench.store.list()[-1]
    run.set_status(state=state)
    return run
