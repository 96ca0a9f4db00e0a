import json

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.proto.WidgetStates_pb2 import WidgetState

import gpt
from explorer import averaging, cache
from explorer.components.matrices import encode
from explorer.panels.averaging import edit as edit_panels
from explorer.panels.averaging import versions
from explorer.panels.averaging.example import is_plain
from tests.gpt.helpers import normal
from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "averaging_the_past"


@pytest.fixture
def drawn(monkeypatch):
    """What the editor's pictures show: name → values, of the latest run."""
    shown = {}

    def keep(items, **_):
        encode(items)  # refuses what is no product
        shown.update({item.name: item.values for item in items})

    monkeypatch.setattr(edit_panels, "matrices", keep)
    return shown


def enter(at, cells):
    """Edit cells as a browser says it: {row (from 0): {column name: value}}."""
    editor = next(table.proto for table in at.dataframe if table.proto.id)
    edits = {"edited_rows": cells, "added_rows": [], "deleted_rows": []}
    states = at._tree.get_widget_states()
    states.widgets.append(WidgetState(id=editor.id, string_value=json.dumps(edits)))
    at._run(states)
    assert not at.exception, [e.value for e in at.exception]
    return at


def plain(T):
    return np.tri(T) / np.arange(1, T + 1)[:, None]


def example(T=8, C=4, **settings):
    torch.manual_seed(1)
    head = gpt.Head(gpt.ModelConfig(block_size=T, n_head=1, n_embd=C, **settings))
    return averaging.Example(list("abcdefgh"[:T]), normal(T, C), head, "drawn")


def test_all_versions_agree_on_the_page_and_it_says_so(bench):  # noqa: F811
    at = bench.open(PAGE)
    table = at.table[0].value
    assert len(table) == 4 and set(table["within 1e-6"]) == {"yes"}
    assert (table["measured"].astype(float) <= 1e-6).all()
    assert "x (B=1, T=8, C=2)" in said(at) and "random, from seed 1337 (illustrative)" in said(at)
    assert not at.error and not at.warning


def test_every_version_is_drawn_from_a_trained_model(bench):  # noqa: F811
    at = bench.open(PAGE, averaging_the_past_numbers="trained")
    assert "the shipped `self_attention`, 5,000 steps (measured)" in said(at)
    for version in averaging.VERSIONS:
        by_key(at.button_group, f"{PAGE}_version").set_value(version).run()
        assert not at.exception and versions.SAID[version] in said(at)
        assert set(at.table[0].value["within 1e-6"]) == {"yes"}
    by_key(at.toggle, f"{PAGE}_equal").set_value(True).run()
    assert versions.ASKS_NOTHING in said(at) and versions.SAID[version] not in said(at)


def test_a_difference_above_the_limit_is_told(bench, monkeypatch):  # noqa: F811
    wrong = gpt.average_with_softmax
    monkeypatch.setattr(gpt, "average_with_softmax", lambda x: [2 * part for part in wrong(x)])
    table = bench.open(PAGE).table[0].value
    assert table["within 1e-6"].tolist() == ["yes", "no", "yes", "yes"]


@pytest.mark.parametrize("equal", [False, True])
def test_the_matrices_of_every_version_are_what_they_say(equal):
    given = example()
    expected = given.x.cumsum(0) / torch.arange(1, 9)[:, None]
    loops, matmul, softmax, attention = (
        {item.name: item.values for item in items}
        for items in (
            versions.of_loops(given),
            versions.of_product(given, averaging.MATMUL),
            versions.of_product(given, averaging.SOFTMAX),
            versions.of_attention(given, equal),
        )
    )
    for shown in (loops, matmul, softmax):
        np.testing.assert_allclose(shown["output"], expected, atol=1e-6)
    np.testing.assert_array_equal(matmul["ones"], np.tri(8))
    assert (softmax["scores"][np.tri(8) == 1] == 0).all()
    assert np.isneginf(softmax["scores"][np.tri(8) == 0]).all()
    values = given.head.value(given.x).detach()
    averages = values.cumsum(0) / torch.arange(1, 9)[:, None]
    assert np.allclose(attention["output"], averages, atol=1e-6) == equal
    assert np.allclose(attention["weights"], plain(8), atol=1e-6) == equal
    assert (given.head.query.weight != 0).any()  # the head itself stays as it is


def test_an_edited_cell_moves_its_row_of_the_output_alone(bench, drawn):  # noqa: F811
    at = bench.open(PAGE)
    before = dict(drawn)
    enter(at, {"4": {"1 t": 0.7}})
    weights = plain(8)
    weights[4, 0] = 0.7
    np.testing.assert_allclose(drawn["weights"], weights, atol=1e-6)
    np.testing.assert_allclose(drawn["output"], weights @ drawn["x"], atol=1e-5)
    changed = np.flatnonzero((drawn["output"] != before["output"]).any(axis=1))
    assert changed.tolist() == [4]
    now = ", ".join(f"{v:.3f}" for v in drawn["output"][4])
    assert f"Output row 5 is now **({now})**" in said(at)
    assert "Row 5 sums to 1.5, not to 1" in said(at) and "the future" not in at.warning[0].value


def test_rows_can_be_made_to_sum_to_1_again(bench, drawn):  # noqa: F811
    at = enter(bench.open(PAGE), {"1": {"1 t": 1.5}})
    by_key(at.toggle, f"{PAGE}_share").set_value(True).run()
    np.testing.assert_allclose(drawn["weights"][1, :2], [0.75, 0.25])
    assert not at.warning


def test_a_row_that_sees_the_future_says_so(bench):  # noqa: F811
    at = enter(bench.open(PAGE), {"2": {"7 o": 0.25}})
    assert any(
        "Row 3 now sees the future: it takes 0.25 of position 7 (‘o’)" in w.value
        for w in at.warning
    )


def test_an_empty_cell_counts_as_0_and_is_told(bench, drawn):  # noqa: F811
    at = enter(bench.open(PAGE), {"0": {"1 t": None}})
    assert "1 empty cell counted as 0" in said(at) and "Row 1 sums to 0" in said(at)
    assert (drawn["weights"][0] == 0).all() and (drawn["output"][0] == 0).all()
    enter(at, {"0": {"1 t": float("inf")}})
    by_key(at.toggle, f"{PAGE}_share").set_value(True).run()  # 0 / 0
    assert not at.exception and np.isfinite(drawn["output"]).all()


def test_many_remarks_are_told_briefly(bench):  # noqa: F811
    at = enter(bench.open(PAGE), {str(t): {"8 r": -1.0} for t in range(8)})
    assert "has a negative weight" in at.warning[0].value
    assert "… and" in at.warning[0].value and at.warning[0].value.count("\n") == 4


def test_edits_outlive_another_page_and_end_with_start_again(bench, drawn):  # noqa: F811
    at = enter(bench.open(PAGE), {"4": {"1 t": 0.7}})
    at.switch_page("pages/bigram.py").run()
    at.switch_page(f"pages/{PAGE}.py").run()
    assert drawn["weights"][4, 0] == pytest.approx(0.7)
    enter(at, {"5": {"1 t": 0.9}})  # on top of the first
    assert drawn["weights"][4, 0] == pytest.approx(0.7)
    by_key(at.button, f"{PAGE}_again").click().run()
    np.testing.assert_allclose(drawn["weights"], plain(8), atol=1e-6)


def test_another_text_or_beginning_has_weights_of_its_own(bench, drawn):  # noqa: F811
    at = enter(bench.open(PAGE), {"4": {"1 t": 0.7}})
    by_key(at.text_input, f"{PAGE}_read").set_value("not").run()
    assert not at.exception and "x (B=1, T=3, C=2)" in said(at)
    np.testing.assert_allclose(drawn["weights"], plain(3), atol=1e-6)
    by_key(at.button_group, f"{PAGE}_begin").set_value(edit_panels.HEAD).run()
    assert not at.exception and drawn["V"].shape == (3, 2)
    assert not np.allclose(drawn["weights"], plain(3), atol=0.01)
    by_key(at.button_group, f"{PAGE}_begin").set_value(edit_panels.ITSELF).run()
    np.testing.assert_array_equal(drawn["output"], drawn["x"])


def test_too_short_a_text_and_strangers_are_told_and_the_rest_stays(bench):  # noqa: F811
    at = bench.open(PAGE)
    for text in ("", "★★a"):
        by_key(at.text_input, f"{PAGE}_read").set_value(text).run()
        assert not at.exception and "Often misunderstood" in said(at)
        assert any("at least two characters" in info.value for info in at.info)
    by_key(at.text_input, f"{PAGE}_read").set_value("a★b*_c").run()
    assert "Left out, the training text never had them: '★' (BLACK STAR)" in said(at)
    assert "T=5" in said(at)


def test_the_guess_about_rows_is_graded_by_doing_it(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert "Done just now" not in said(at)
    guess = by_key(at.radio, f"{PAGE}.answer.rows")
    guess.set_value("that row and all after it").run()
    assert "You said" in at.warning[0].value and "**that row only**" in at.warning[0].value
    guess.set_value("that row only").run()
    assert "output row 3 changed" in at.success[0].value and not at.warning


TIMES = {8: (1.0, 0.5), 64: (8.0, 0.1), 128: (16.0, 0.5), 256: (32.0, 2.0), 512: (64.0, 8.0)}


@pytest.fixture
def timed(monkeypatch):
    """Times as they were once, slower at every measurement; how often there was one."""
    asked = []
    cache.averaging_times.clear()

    def times():
        asked.append(len(asked))
        rows = [
            (version, T, ms * (1 + place / 10) * len(asked))
            for T, (slow, fast) in TIMES.items()
            for place, (version, ms) in enumerate(
                zip(averaging.VERSIONS, (slow, fast, fast, fast), strict=True)
            )
        ]
        return pd.DataFrame(rows, columns=["version", "T", "milliseconds"])

    monkeypatch.setattr(averaging, "measure", times)
    yield asked
    cache.averaging_times.clear()


def test_the_guess_about_speed_is_graded_by_the_measurement(bench, timed):  # noqa: F811
    at = bench.open(PAGE)
    assert not timed and "Measured" not in said(at)
    guess = by_key(at.radio, f"{PAGE}.answer.speed")
    guess.set_value("up to 10 times as fast").run()
    assert "it is **more than 10 times as fast**" in at.warning[0].value
    assert "8.00 ms for the loops" in at.warning[0].value
    guess.set_value("more than 10 times as fast").run()
    assert "Yes: **more than 10 times as fast**" in at.success[0].value
    assert "loops take 4.0 times as long and attention 16.0 times" in said(at)
    other = bench.open(PAGE, **{f"{PAGE}_skip": "true"})
    for times in range(10):
        by_key(at.button, f"{PAGE}_measure").click().run()
        assert len(timed) == 2 + times, "measured again is measured, not what another measured"
    assert f"{8 * 11:.2f} ms for the loops" in at.success[0].value
    before = said(other)
    assert said(other.run()) == before and len(timed) == 11, "nobody else's"
    at.run()
    assert f"{8 * 11:.2f} ms for the loops" in at.success[0].value and len(timed) == 11


@pytest.mark.parametrize(
    ("settings", "plain_one"),
    [
        ({}, True),
        ({"qkv_bias": True}, True),
        ({"attention_scale": "none"}, False),
        ({"causal": False}, False),
        ({"positions": "rotary"}, False),
        ({"qk_norm": True}, False),
    ],
    ids=str,
)
def test_only_a_plain_head_is_taken_for_the_fourth_version(settings, plain_one):
    given = example(**settings)
    assert is_plain(given.head.config) == plain_one
    difference = averaging.agreement(given)["attention and the head of page 4, same weights"]
    assert (difference <= averaging.CLOSE) == plain_one
