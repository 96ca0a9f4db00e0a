"""The matrices component as Python sees it: the message, what is refused, the chosen row.

What it draws and how it reacts is tested in tests/browser/test_matrices.py.
"""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.charts.theme import LEARNED, QUERY
from explorer.components import wire
from explorer.components.matrices import Dot, Matrix, encode, matrices

SCRIPTS = [f"matrices{part}.js" for part in ("", "_bars", "_paint", "_words")]


def table(name="p", values=((0.25, 0.75), (1.0, 0.0)), **more):
    values = np.asarray(values, dtype=np.float32)
    rows, columns = (list("abcdefghij"[:n]) for n in values.shape)
    return Matrix(
        name, values, **{"rows": rows, "columns": columns, "palette": "probability"} | more
    )


def product(**more):
    """Q (3, 2), K (3, 2) and their scores (3, 3)."""
    q, k = np.random.default_rng(0).standard_normal((2, 3, 2)).astype(np.float32)
    scores = more.pop("values", q @ k.T * np.float32(0.5))
    dot = more.pop("dot", Dot("Q", "K", transpose_right=True, scale=0.5))
    return [
        table("Q", q, palette="signed", concept="query"),
        table("K", k, palette="signed"),
        table("scores", scores, palette="signed", dot=dot, **more),
    ]


# ---- the message --------------------------------------------------------------------------------


def test_all_values_travel_exactly_and_in_order():
    items = product()
    header, body = encode(items)
    assert body == b"".join(item.values.astype("<f4").tobytes() for item in items)
    assert [m["name"] for m in header["matrices"]] == ["Q", "K", "scores"]
    assert header["matrices"][2]["dot"] == {"left": 0, "right": 1, "transpose": True, "scale": 0.5}
    assert [m["colour"] for m in header["matrices"]] == [QUERY, None, None]


def test_equal_labels_travel_once_and_are_visible():
    labels = ["a", " ", "\n"]
    one = table("one", np.eye(3), rows=labels, columns=labels)
    other = table("other", np.eye(3)[:, :2], rows=labels, columns=[" ", "\u200b"])
    header, _ = encode([one, other])
    assert header["tokens"] == ["a", "␣", "⏎", "⟨200B⟩"]
    assert header["axes"] == [[0, 1, 2], [1, 3]]
    assert [(m["rows"], m["columns"]) for m in header["matrices"]] == [(0, 0), (0, 1)]


def test_two_tables_of_65_are_a_small_message():
    labels = [chr(40 + i) for i in range(65)]
    p = np.full((65, 65), 1 / 65)
    pair = [table(n, p, rows=labels, columns=labels, group="next") for n in ("counted", "learned")]
    header, body = encode(pair, bars_of="next")
    assert header["bars"] == [0, 1]
    assert len(wire.pack(header, body)) < 2 * 65 * 65 * 4 + 2000


def test_matrices_of_a_group_share_the_end_of_their_colour_scale():
    def ends(*items):
        return [m["max"] for m in encode(items)[0]["matrices"]]

    small, large = np.array([[-0.5, 0.25]]), np.array([[1.0, -4.0]])
    signed = {"palette": "signed"}
    assert ends(table("a", small, **signed), table("b", large, **signed)) == [0.5, 4.0]
    grouped = signed | {"group": "g"}
    weights = table("w", abs(small), group="g")  # another palette keeps its own scale
    assert ends(table("a", small, **grouped), table("b", large, **grouped), weights) == [4, 4, 0.5]
    assert ends(table("a", large, scale_max=2.0, **signed)) == [2.0]
    assert ends(table("a", [[np.nan, -np.inf]])) == [1.0]


def test_equal_data_gives_equal_bytes_so_that_nothing_is_sent_twice():
    assert wire.pack(*encode(product())) == wire.pack(*encode(product()))


def test_what_is_masked_adds_nothing_to_a_sum():
    weights = np.array([[1.0, np.nan], [0.5, 0.5]], dtype=np.float32)
    values = np.array([[2.0], [4.0]], dtype=np.float32)
    output = table("o", np.nan_to_num(weights) @ values, dot=Dot("w", "v"))
    encode([table("w", weights), table("v", values), output])


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ([], "no matrix to draw"),
        ([table(""), table("b")], "must have a name"),
        ([table(values=[[]])], r"shape \(rows, columns\)"),
        ([Matrix("p", np.zeros(3), list("abc"), ["a"])], r"shape \(rows, columns\), got \(3,\)"),
        ([table(rows=["a"])], "1 row and 2 column labels"),
        ([table(), table()], "names must be unique"),
        ([table(palette="rainbow")], "palette .* 'rainbow'"),
        ([table(concept="learner")], "concept .* 'learner'"),
        ([table(scale_max=0)], "scale_max .* above 0"),
        ([table(decimals=-1)], "decimals"),
        ([table(values=[[np.inf]])], "infinity"),
        ([table(values=[[-0.2]])], "negative values"),
        ([table(sentence="{0}")], "sentence of matrix 'p'"),
        ([table(sentence="{row")], "sentence of matrix 'p'"),
        ([table("a", group="g"), table("b", [[1.0]], group="g")], "one shape"),
        ([table(rows=[1, 2])], "tokens must be text"),
        ([Matrix("p", np.zeros((513, 1)), [""] * 513, [""])], "more than 512"),
        ([Matrix(n, np.zeros((512, 512)), [""] * 512, [""] * 512) for n in "ab"], "524288 cells"),
        (product(dot=Dot("Q", "X")), "names 'X', which is not shown"),
        (product(dot=Dot("Q", "K")), r"cannot be 'Q' \(3, 2\) @ 'K' \(3, 2\)"),
        (product(dot=Dot("Q", "K", True)), "is not 'Q' @ 'K' × 1"),  # the scale is forgotten
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(items, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        encode(items)
    assert str(error.value).endswith((".", "drawn"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"columns": 0}, "columns must be at least 1"),
        ({"selected_row": 2}, "selected_row must be a row below 2"),
        ({"bars_of": "nobody"}, "bars_of .* 'nobody'"),
    ],
)
def test_wrong_arguments_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        matrices([table()], key="m", **settings)


def test_bars_are_for_probabilities_only():
    with pytest.raises(ValueError, match="bars_of"):
        encode([table(group="g", palette="signed")], bars_of="g")


# ---- scripts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_write_text_only_as_text_and_stay_at_home(name):
    script = wire.assets(name)
    for forbidden in ("innerHTML", "insertAdjacent", "document.write", "eval(", "fetch(", "http"):
        assert forbidden not in script
    assert len(re.findall(r"^export default", script, re.M)) == (name == "matrices.js")


# ---- in a page ----------------------------------------------------------------------------------


def page():
    import numpy as np
    import streamlit as st

    from explorer.components.matrices import Matrix, matrices

    labels = ["a", "b", "c"]
    learned = np.full((3, 3), st.session_state.get("p", 0.1))
    items = [
        Matrix("counted", np.eye(3), labels, labels, palette="probability", concept="counted"),
        Matrix("learned", learned, labels, labels, palette="probability", concept="learned"),
    ]
    if st.session_state.get("shown", True):
        st.write("row", str(matrices(items, key="m", selected_row=st.session_state.get("asked"))))


def row(at):
    assert not at.exception
    return at.markdown[0].value


def test_the_chosen_row_reaches_the_page_and_can_be_let_go():
    at = AppTest.from_function(page).run()
    assert row(at) == "row None"
    at.session_state["m"] = {"selected": {"row": 2, "epoch": 0}}
    assert row(at.run()) == "row 2"
    at.session_state["m"] = {"selected": {"row": None, "epoch": 0}}
    assert row(at.run()) == "row None"


@pytest.mark.parametrize("nonsense", [3, -1, "1", None, [0]])
def test_a_report_which_is_no_row_counts_as_none(nonsense):
    at = AppTest.from_function(page)
    at.session_state["m"] = {"selected": {"row": nonsense}}
    assert row(at.run()) == "row None"


def test_the_chosen_row_survives_new_values_and_leaving_the_page():
    at = AppTest.from_function(page)
    at.session_state["m"] = {"selected": {"row": 1, "epoch": 0}}
    assert row(at.run()) == "row 1"
    at.session_state["p"] = 0.2
    assert row(at.run()) == "row 1"
    at.session_state["shown"] = False
    at.run()
    at.session_state["shown"] = True
    assert row(at.run()) == "row 1"


def test_what_the_page_asks_for_wins_over_an_older_click():
    at = AppTest.from_function(page)
    at.session_state["m"] = {"selected": {"row": 1, "epoch": 0}}
    at.session_state["asked"] = 0
    at.run()
    at.session_state["asked"] = 2
    assert row(at.run()) == "row 2"


def test_a_click_does_not_send_the_values_again():
    at = AppTest.from_function(page).run()
    before = at.get("bidi_component")[0].proto.bytes
    assert LEARNED.encode() in before
    at.session_state["m"] = {"selected": {"row": 1, "epoch": 0}}
    assert at.run().get("bidi_component")[0].proto.bytes == before
