"""The dot product term by term in a real Chromium, beside the attention map that it follows."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

TIME, SIZE, SCALE = 10, 8, 0.25
SCRIPT = """
import numpy as np
import streamlit as st
from explorer.components.attention_map import attention_map
from explorer.components.dot_product import dot_product
from explorer.components.token_strip import token_strip

link = f"text {take}"
tokens = list("<b> a\\nbcde")
pattern = np.load(here / "pattern.npy")
_, head = attention_map(pattern, tokens, key=f"att {take}", height=300, link=link)
queries, keys = np.load(here / "vectors.npy")[head]
more = {"scale": 0.25, "query": 4, "title": f"Head {head}"}
dot_product(queries, keys, tokens, key=f"dots {take}", link=link, **more)
selected = token_strip(range(10), tokens, key=f"text {take}", selectable=True, link=link)
st.text(f"runs {runs} selected {selected}")
"""


def make_vectors():
    """Queries and keys of two heads, (2, 2, T, D)."""
    shape = (2, 2, TIME, SIZE)
    return np.random.default_rng(4).standard_normal(shape).astype(np.float32)


def make_weights():
    q, k = make_vectors().astype(np.float64).swapaxes(0, 1)
    scores = np.where(np.tri(TIME, dtype=bool), q @ k.swapaxes(1, 2) * SCALE, -np.inf)
    weights = np.exp(scores)
    return weights / weights.sum(-1, keepdims=True)  # (2, T, T)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dots")
    np.save(folder / "vectors.npy", make_vectors())
    np.save(folder / "pattern.npy", make_weights()[None].astype(np.float32))
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return script


@pytest.fixture
def page(set_up, script):
    return set_up(script, (".attention", ".dot-product", ".token-strip"))


def noted(page, component=".dot-product"):
    return page.eval_on_selector(component, "e => ({...e.dataset})")


def hover_cell(page, i, j):
    note, box = noted(page, ".attention"), page.locator(".zoom").bounding_box()
    cell = float(note["cell"])
    x, y = (float(note[side]) + (at + 0.5) * cell for side, at in (("left", j), ("top", i)))
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_selector(f".dot-product[data-query='{i}'][data-key='{j}']")


def numbers(page):
    """The sum, the scaled score and the weight that the sentence says."""
    said = page.locator(".dot-product .sentence").inner_text().replace("−", "-")
    found = re.search(r"q·k = (\S+) = .*; × 0\.2500 = (\S+); softmax .* makes it (\S+)\.$", said)
    assert found, said
    return [float(number) for number in found.groups()]


def test_a_hovered_cell_is_said_term_by_term_without_the_server(page):
    q, k = make_vectors()[0].astype(np.float64)
    sent = len(page.sent)
    for i, j in ((7, 2), (9, 9), (7, 0)):
        hover_cell(page, i, j)
        product, score, weight = numbers(page)
        assert product == pytest.approx(q[i] @ k[j], abs=1e-3)
        assert score == pytest.approx(q[i] @ k[j] * SCALE, abs=1e-3)
        assert weight == pytest.approx(make_weights()[0, i, j], abs=6e-5)
        assert float(noted(page)["product"]) == pytest.approx(q[i] @ k[j], abs=1e-12)
    page.wait_for_timeout(150)  # the choosers follow when the pointer rests
    assert page.locator(".dot-product select.query").input_value() == "7"
    assert page.locator(".dot-product select.key").input_value() == "0"
    assert len(page.sent) == sent


def test_a_masked_cell_has_no_weight(page):
    hover_cell(page, 2, 7)
    assert "its score is set to −∞, so its weight is 0" in page.locator(".sentence").inner_text()
    assert noted(page)["score"] == "masked" and noted(page)["weight"] == "0"


SWEEP = """zoom => {
  const cells = [];
  document.addEventListener('explorer-cell', ({ detail: { i, j } }) => cells.push([i, j]));
  const { left, top, cell } = zoom.closest('.attention').dataset;
  const box = zoom.getBoundingClientRect();
  for (let j = 0; j < 6; j += 1) {
    const clientX = box.x + Number(left) + (j + 0.5) * cell;
    const clientY = box.y + Number(top) + 7.5 * cell;
    zoom.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
  }
  return new Promise((done) => setTimeout(() => done(cells), 300));
}"""


def test_a_pointer_tells_at_most_one_cell_a_frame(page):
    assert page.eval_on_selector(".zoom", SWEEP) == [[7, 5]]


def test_another_head_keeps_the_pair_and_shows_its_own_terms(page):
    hover_cell(page, 7, 2)
    page.locator(".atlas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("runs 2").wait_for()
    page.wait_for_selector(".dot-product .title:has-text('Head 1')")
    q, k = make_vectors()[1].astype(np.float64)
    assert (noted(page)["query"], noted(page)["key"]) == ("7", "2")
    assert float(noted(page)["product"]) == pytest.approx(q[7] @ k[2], abs=1e-12)


def test_a_chosen_position_asks_the_key_it_weighs_most(page):
    assert noted(page)["query"] == "4"
    page.locator(".token-strip .text span").nth(8).click()
    page.wait_for_selector(".dot-product[data-query='8']")
    assert int(noted(page)["key"]) == make_weights()[0, 8].argmax()


def test_the_choosers_move_the_map_and_the_text(page):
    page.locator(".dot-product select.query").select_option("6")
    page.locator(".dot-product select.key").select_option("1")
    page.wait_for_selector(".attention[data-row='6'][data-column='1']")
    page.get_by_text("selected 6").wait_for()
    assert (noted(page)["query"], noted(page)["key"]) == ("6", "1")


def test_terms_are_read_by_keys_and_saved_as_they_are_sorted(page):
    hover_cell(page, 7, 2)
    terms = np.prod(make_vectors()[0].astype(np.float64)[[0, 1], [7, 2]], axis=0)
    page.locator(".dot-product .by-size").click()
    page.locator(".dot-product .bars").focus()
    page.keyboard.press("Home")
    assert int(noted(page)["d"]) == np.abs(terms).argmax()
    assert page.locator(".dot-product .term").inner_text().startswith(f"d = {noted(page)['d']}: q ")
    with page.expect_download() as download:
        page.locator(".dot-product .save-csv").click()
    assert download.value.suggested_filename == "dot-product-head-0-query-7-key-2.csv"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    rows = [list(map(float, row)) for row in list(csv.reader(io.StringIO(text)))[1:]]
    order = np.argsort(-np.abs(terms))
    assert [row[0] for row in rows] == order.tolist()
    assert [row[4] for row in rows] == pytest.approx(np.cumsum(terms[order]))


@pytest.mark.parametrize("button, start", [(".save", b"\x89PNG"), (".save-svg", b"<svg")])
def test_the_terms_can_be_saved_as_a_picture(page, button, start):
    hover_cell(page, 7, 2)
    with page.expect_download() as download:
        page.locator(f".dot-product {button}").click()
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(start)
    if button == ".save-svg":
        assert content.decode().count("<rect") > 3 * SIZE and "q·k = " in content.decode()
