"""The matrices component in a real Chromium: hovered values, sums in words, the chosen row.

The page under test is a script of its own, which starts with "tables": the bigram's two tables,
which a button changes, or with "attention": the steps of one head.
"""

import numpy as np
import pytest

TOKENS = ["\n", " ", "<b>", "<img/src='x'/onerror=alert(1)>", *"abcdefghijklmnopqrstu"]
TIME, DIMENSIONS, SCALE = 6, 8, 8**-0.5

SCRIPT = """
import numpy as np
import streamlit as st
from explorer.components.matrices import Dot, Matrix, matrices

version = st.session_state.setdefault(f"version {{take}}", 0)
data = dict(np.load(here / "data.npz"))


def change():
    st.session_state[f"version {{take}}"] += 1


if start == ["tables"]:
    tokens, says = {tokens!r}, "after ‘{{row}}’ comes ‘{{column}}’"
    p = dict(rows=tokens, columns=tokens, palette="probability", scale_max=1.0, group="next",
             sentence=says)
    st.button("change", on_click=change, key=f"change {{take}}")
    if st.checkbox("show", value=True, key=f"show {{take}}"):
        chosen = matrices([Matrix("counted", data["counted"], **p, concept="counted"),
                           Matrix("learned", data[f"learned{{version}}"], **p, concept="learned")],
                          key=f"tables {{take}}", columns=2, bars_of="next")
        st.text(f"runs {{runs}} version {{version}} row {{chosen}}")
else:
    text, dims = list("hear m"), [str(d) for d in range({dimensions})]
    q = Dot("Q", "K", True)
    items = [Matrix(name, data[name], text, dims, group="p", concept=concept)
             for name, concept in (("Q", "query"), ("K", "key"), ("V", "value"))]
    items += [
        Matrix("scores", data["scores"], text, text, group="s", dot=Dot("Q", "K", True)),
        Matrix("scaled", data["scaled"], text, text, group="s", dot=Dot("Q", "K", True, {scale}),
               before="→"),
        Matrix("masked", data["masked"], text, text, group="s", before="→"),
        Matrix("weights", data["weights"], text, text, group="s", palette="probability"),
        Matrix("output", data["output"], text, dims, dot=Dot("weights", "V"), before="→"),
    ]
    chosen = matrices(items, key=f"attention {{take}}")
    st.text(f"runs {{runs}} row {{chosen}}")
"""


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def make_data():
    g = np.random.default_rng(0)
    size = len(TOKENS)
    counted, *learned = softmax(g.standard_normal((3, size, size)) * 2)
    q, k, v = g.standard_normal((3, TIME, DIMENSIONS)).astype(np.float32)
    past = np.tri(TIME, dtype=bool)
    masked = np.where(past, q @ k.T * SCALE, -np.inf)
    weights = softmax(masked)
    data = {
        "counted": counted,
        "learned0": learned[0],
        "learned1": learned[1],
        "Q": q,
        "K": k,
        "V": v,
        "scores": q @ k.T,
        "scaled": q @ k.T * SCALE,
        "masked": masked,
        "weights": np.where(past, weights, np.nan),
        "output": weights @ v,
    }
    return {name: array.astype(np.float32) for name, array in data.items()}


DATA = make_data()


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrices")
    np.savez(folder / "data.npz", **DATA)
    script = folder / "script.py"
    text = SCRIPT.format(tokens=TOKENS, dimensions=DIMENSIONS, scale=SCALE)
    script.write_text(text, encoding="utf-8")
    return script


@pytest.fixture
def tables(set_up, script):
    return set_up(script, (".matrices",), "tables")


@pytest.fixture
def attention(set_up, script):
    return set_up(script, (".matrices",), "attention")


def grid(page, name):
    return page.locator(f".matrix[data-name={name}] .grid")


def data(page):
    return page.eval_on_selector(".component.matrices", "e => ({...e.dataset})")


def words(page, part="cell"):
    return page.locator(f".readout .{part}").inner_text().replace("−", "-")


def point(page, name, i, j):
    """Move the mouse to cell (i, j) of a matrix; returns what the component noted."""
    target = grid(page, name)
    target.scroll_into_view_if_needed()
    place = {k: float(v) for k, v in target.evaluate("e => ({...e.dataset})").items()}
    x, y = place["left"] + (j + 0.5) * place["w"], place["top"] + (i + 0.5) * place["h"]
    box = target.bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    note = data(page)
    assert note["cell"] == f"{name}:{i},{j}"
    return note


def click(page, name, i, j):
    point(page, name, i, j)
    page.mouse.down()
    page.mouse.up()


def python_says(page, text):
    page.get_by_text(text).wait_for()


# ---- two tables ---------------------------------------------------------------------------------


def test_the_hovered_value_is_the_value_and_both_are_read_out(tables):
    for name, i, j in (("counted", 0, 0), ("learned", 7, 5), ("learned", 24, 24)):
        note = point(tables, name, i, j)
        values = DATA["counted" if name == "counted" else "learned0"]
        assert np.float32(note["value"]) == values[i, j]
        counted, learned = DATA["counted"][i, j], DATA["learned0"][i, j]
        assert words(tables).endswith(f": counted {counted:.4f}, learned {learned:.4f}")
    assert "runs 1 " in tables.get_by_text("runs").inner_text()  # no round trip


def test_labels_with_html_in_them_are_text(tables):
    point(tables, "counted", 2, 3)
    assert words(tables).startswith("after ‘<b>’ comes ‘<img/src='x'/onerror=alert(1)>’: ")
    click(tables, "counted", 3, 2)
    assert tables.locator(".bars-title").inner_text() == f"Row ‘{TOKENS[3]}’"
    assert tables.locator(".matrices :is(b, img)").count() == 0
    point(tables, "counted", 0, 0)
    assert "‘\n’" not in words(tables)  # a newline is a sign


def test_a_clicked_row_is_told_to_python_drawn_as_bars_and_let_go(tables):
    click(tables, "learned", 9, 4)
    python_says(tables, "version 0 row 9")
    assert data(tables)["selected"] == "9"
    assert tables.locator(".bars-title").inner_text() == f"Row ‘{TOKENS[9]}’"
    assert tables.locator(".bars-note").inner_text() == "all 25, sorted by counted"
    most = DATA["learned0"][9].max()
    assert f"learned at most {most:.4f}" in tables.locator(".bars").get_attribute("aria-label")
    assert tables.locator(".bars-key").inner_text().split("\n") == [
        "counted (left bar)",
        "learned (right bar)",
    ]
    click(tables, "learned", 9, 12)
    python_says(tables, "version 0 row None")
    assert data(tables)["selected"] == ""


def test_bars_are_sorted_by_the_first_table_and_point_back_at_it(tables):
    click(tables, "counted", 5, 4)
    bars = tables.locator(".bars")
    bars.hover(position={"x": 50 + 6, "y": 80})
    best = int(DATA["counted"][5].argmax())
    assert data(tables)["cell"] == f"counted:5,{best}"
    assert np.float32(data(tables)["value"]) == DATA["counted"][5].max()


def test_new_values_keep_the_cell_the_row_and_the_canvases(tables):
    click(tables, "learned", 9, 4)
    python_says(tables, "version 0 row 9")
    grid(tables, "learned").evaluate("e => { e.mine = true; e.focus() }")
    before = float(point(tables, "learned", 11, 6)["value"])
    tables.get_by_role("button", name="change").evaluate("e => e.click()")
    python_says(tables, "version 1 row 9")
    for _ in range(50):
        if float(data(tables)["value"]) != before:
            break
        tables.wait_for_timeout(50)
    note = data(tables)
    assert (note["cell"], note["selected"]) == ("learned:11,6", "9")
    assert np.float32(note["value"]) == DATA["learned1"][11, 6]
    assert f"learned {DATA['learned1'][11, 6]:.4f}" in words(tables)
    most = f"learned at most {DATA['learned1'][9].max():.4f}"
    assert most in tables.locator(".bars").get_attribute("aria-label")
    assert grid(tables, "learned").evaluate("e => e.mine && e.getRootNode().activeElement === e")


def test_a_chosen_row_is_still_chosen_when_the_component_comes_back(tables):
    click(tables, "counted", 3, 4)
    python_says(tables, "row 3")
    box = tables.get_by_text("show", exact=True)
    box.click()
    tables.locator(".component.matrices").wait_for(state="detached")
    box.click()
    tables.wait_for_selector(".matrices[data-ready=true][data-selected='3']")
    python_says(tables, "row 3")


def test_arrow_keys_move_the_cell_and_enter_chooses_the_row(tables):
    point(tables, "counted", 4, 4)
    grid(tables, "learned").focus()  # another matrix of the group goes on from the same cell
    tables.sent.clear()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown"):
        tables.keyboard.press(key)
    note = data(tables)
    assert note["cell"] == "learned:14,6"
    assert np.float32(note["value"]) == DATA["learned0"][14, 6]
    tables.wait_for_timeout(200)
    assert not tables.sent
    tables.keyboard.press("Enter")
    python_says(tables, "row 14")


def test_the_drawing_is_described_and_has_a_scale(tables):
    said = grid(tables, "counted").get_attribute("aria-label")
    assert said.startswith("counted: 25 rows, 25 columns, from 0.0000 to ")
    assert f"to {DATA['counted'].max():.4f}, the largest: after ‘" in said
    assert tables.locator(".scales").inner_text().split() == ["0", "1"]


# ---- one head, step by step ---------------------------------------------------------------------


def test_a_score_is_spelled_out_as_the_sum_it_is(attention):
    for i, j in ((0, 0), (5, 3), (2, 5)):
        assert np.float32(point(attention, "scores", i, j)["value"]) == DATA["scores"][i, j]
        said = words(attention, "sum")
        head, *terms = said.split(" + ")
        assert head.startswith(f"scores = Q[{i}]·K[{j}] = ")
        terms = [head.rsplit(" = ", 1)[1], *terms]
        assert terms.pop() == f"… 2 more = {DATA['scores'][i, j]:.4f}"
        pairs = [[float(x.strip("()")) for x in term.split("×")] for term in terms]
        expected = np.stack([DATA["Q"][i], DATA["K"][j]], axis=1)[:6]
        assert np.allclose(pairs, expected, atol=0.00501)


def test_a_scaled_score_shows_the_factor(attention):
    point(attention, "scaled", 4, 1)
    total, scaled = DATA["scores"][4, 1], DATA["scaled"][4, 1]
    assert words(attention, "sum").endswith(f" = {total:.4f}; × 0.3536 = {scaled:.4f}")


def test_a_weight_is_explained_by_the_score_behind_it(attention):
    note = point(attention, "weights", 4, 1)
    assert np.float32(note["value"]) == DATA["weights"][4, 1]
    named = [f"{name} {DATA[name][4, 1]:.4f}" for name in ("scores", "scaled", "masked", "weights")]
    assert words(attention).endswith(": " + ", ".join(named))
    assert words(attention, "sum").startswith("scaled = Q[4]·K[1] = ")


def test_an_output_adds_up_values_without_the_masked_ones(attention):
    point(attention, "output", 2, 7)
    w, v = DATA["weights"][2], DATA["V"][:, 7]
    assert words(attention, "sum").startswith("output = weights[2]·V[:, 7] = ")
    assert words(attention, "sum").count("×") == 3  # later positions are masked
    assert words(attention, "sum").endswith(f" = {np.nan_to_num(w) @ v:.4f}")


def test_a_masked_cell_says_so(attention):
    assert point(attention, "masked", 1, 4)["value"] == "masked"
    assert words(attention).endswith("masked -∞ (masked), weights masked")
    assert attention.locator(".masked-key").is_visible()
    assert "15 cells masked" in grid(attention, "weights").get_attribute("aria-label")


def test_a_row_chosen_in_any_step_is_the_position(attention):
    click(attention, "output", 3, 2)
    python_says(attention, "row 3")
    assert not attention.locator(".distribution").is_visible()  # no bars were asked for


# ---- all ----------------------------------------------------------------------------------------


def test_another_theme_repaints_and_keeps_what_was_chosen(tables):
    click(tables, "counted", 6, 2)
    tables.emulate_media(color_scheme="dark")
    tables.wait_for_selector(".matrices.dark")
    assert data(tables)["selected"] == "6"
    assert data(tables)["cell"] == "counted:6,2"


@pytest.mark.parametrize("what", ["tables", "attention"])
def test_nothing_is_wider_than_the_page(set_up, script, what):
    page = set_up(script, (".matrices",), what)
    for width in (420, 700, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for canvas in page.locator(".matrices .matrix .base").all():
            box = canvas.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
