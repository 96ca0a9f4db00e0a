"""The browser components in a real Chromium: what is drawn, read, clicked and sent.

The page under test is a script of its own, so that no lesson can break these tests.
"""

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from explorer.components.glyphs import visible

LAYERS, HEADS, TIME = 2, 3, 24
TEXT = "To be, or not\nto be: that"[:TIME]
HTML_TOKENS = ["<b>", "</script>", "<img/src='x'/onerror=alert(1)>", "&amp;", " ", "\n"]

SCRIPT = """
import time
import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from explorer.components import attention_message
from explorer.components.attention_map import attention_map, large_attention_map
from explorer.components.next_token import next_token
from explorer.components.token_strip import token_strip
from explorer.thumbnails import thumbnail
from explorer.panels.picture import picture

attention_message.EXACT_BYTES = 0 if "rough" in start else 1_000_000
pattern = np.load(here / "pattern.npy")

def detail(layer, head):
    time.sleep(1.5 if (layer, head) != (0, 0) else 0)  # a model that takes its time
    return pattern[layer, head]

if "large" in start:
    draw, weights = large_attention_map, (thumbnail(pattern, 8), detail)
else:
    draw, weights = attention_map, (pattern,)
chosen = draw(
    *weights,
    list({text!r}),
    key=f"att {{take}}",
    height=400,
    labels=[["previous 0.10", "first 0.20", "<b>0.60"], ["a", "b", "c"]],
    scores=np.array([[0.1, 0.2, 0.6], [0.5, np.nan, 0.4]]),
    score_name="copying",
    link=f"text {{take}}",
)
settings = next_token(
    np.load(here / "logits.npy"),
    [chr(40 + i) for i in range(65)],
    key=f"next {{take}}",
    drawn=7,
)
tokens = {html!r}
places = range(len(tokens))
token_strip(places, tokens, key=f"strip {{take}}")
values = [None, *np.linspace(0, 3, 5)]
token_strip(places, tokens, key=f"loss {{take}}", values=values, value_label="loss (nats)")
details = ["then </b>: " + t for t in {text!r}]
selected = token_strip(
    range(len(details)),
    list({text!r}),
    key=f"text {{take}}",
    selectable=True,
    details=details,
    link=f"text {{take}}",
)
if "chart" in start:
    words = pd.DataFrame({{"word": tokens + ["⏎"], "place": range(len(tokens) + 1)}})
    chart = alt.Chart(words).mark_text().encode(x="place:O", text="word:N").properties(width=500)
    picture(chart, f"words.of {{take}}", "Words <of> it", width="content")
st.text(f"runs {{runs}} chosen {{chosen}} settings {{tuple(settings)}} selected {{selected}}")
"""


def make_pattern():
    scores = np.random.default_rng(0).standard_normal((LAYERS, HEADS, TIME, TIME)) * 2
    weights = np.exp(np.where(np.tri(TIME, dtype=bool), scores, -np.inf))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def make_logits():
    return (np.random.default_rng(1).standard_normal(65) * 2).astype(np.float32)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("components")
    np.save(folder / "pattern.npy", make_pattern())
    np.save(folder / "logits.npy", make_logits())
    script = folder / "script.py"
    script.write_text(SCRIPT.format(text=TEXT, html=HTML_TOKENS), encoding="utf-8")
    return script


@pytest.fixture
def page(set_up, script, request):
    """The components, drawn; `start` may be given as a parameter."""
    names = (".attention", ".next-token", ".token-strip")
    return set_up(script, names, getattr(request, "param", ""))


def data(page, component):
    return page.eval_on_selector(component, "e => ({...e.dataset})")


def hover_cell(page, i, j):
    """Move the mouse to cell (i, j) of the detailed map; returns what the component noted."""
    zoom = page.locator(".zoom")
    zoom.scroll_into_view_if_needed()
    box = zoom.bounding_box()
    note = data(page, ".attention")
    cell = float(note["cell"])
    page.mouse.move(
        box["x"] + float(note["left"]) + (j + 0.5) * cell,
        box["y"] + float(note["top"]) + (i + 0.5) * cell,
    )
    page.wait_for_timeout(50)
    note = data(page, ".attention")
    assert (note["row"], note["column"]) == (str(i), str(j))
    return note


def python_says(page, text):
    page.get_by_text(text).wait_for()


def saved(page, button):
    """Press a button that saves -> the file's name and its bytes."""
    with page.expect_download() as download:
        page.locator(button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def edges(head, row, share):
    """The keys of the strongest edges of a row until they carry `share` of it, in numpy."""
    weights = make_pattern()[*head, row, : row + 1]
    order = np.argsort(-weights, kind="stable")
    return order[: 1 + int((np.cumsum(weights[order]) < share * weights.sum()).sum())]


# ---- attention ----------------------------------------------------------------------------------


def test_the_hovered_value_is_the_weight(page):
    for i, j in [(0, 0), (5, 3), (TIME - 1, 0), (TIME - 1, TIME - 1)]:
        note = hover_cell(page, i, j)
        weight = make_pattern()[0, 0, i, j]
        assert abs(float(note["value"]) - weight) < 1e-4
        said = page.locator(".attention .readout").inner_text()
        assert f"(position {i}) looks at" in said
        assert f"weight {weight:.4f}" in said
        assert "row sums to 1.000" in said
    assert "runs 1 " in page.get_by_text("runs").inner_text()  # no round trip


def test_a_masked_cell_says_why(page):
    assert hover_cell(page, 4, 9)["value"] == "masked"
    assert (
        "masked: position 9 has not been written yet"
        in page.locator(".attention .readout").inner_text()
    )


def test_a_clicked_head_is_shown_and_told_to_python(page):
    box = page.locator(".atlas .base").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20)  # the last head
    assert page.locator(".attention .title").inner_text() == "layer 2 head 3"
    python_says(page, "chosen (1, 2)")
    weight = make_pattern()[1, 2, 8, 2]
    assert abs(float(hover_cell(page, 8, 2)["value"]) - weight) < 1e-4
    said = page.locator(".zoom").get_attribute("aria-label")
    assert said.startswith("layer 2 head 3: c — copying 0.40 — strongest average: ")


def test_arrow_keys_choose_heads_and_cells_without_a_round_trip(page):
    page.locator(".atlas").focus()
    page.sent.clear()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):  # the last has no effect
        page.keyboard.press(key)
    assert page.locator(".attention .title").inner_text() == "layer 2 head 3"
    hover_cell(page, 5, 3)
    page.locator(".zoom").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    note = data(page, ".attention")
    assert (note["row"], note["column"]) == ("4", "2")
    assert abs(float(note["value"]) - make_pattern()[1, 2, 4, 2]) < 1e-4
    page.wait_for_timeout(300)
    assert not page.sent


def test_a_row_is_pinned_until_escape(page):
    hover_cell(page, 6, 2)
    page.mouse.down()
    page.mouse.up()
    assert data(page, ".attention")["pinned"] == "6"
    hover_cell(page, 9, 1)
    assert "Pinned: where position 6 looks" in page.locator(".attention .hint").inner_text()
    page.keyboard.press("Escape")
    assert data(page, ".attention")["pinned"] == ""


@pytest.mark.parametrize("page", ["rough"], indirect=True)
def test_a_weight_of_8_bits_says_how_far_it_can_be_off(page):
    for i, j in [(5, 3), (TIME - 1, 0), (0, 0)]:
        hover_cell(page, i, j)
        said = page.locator(".attention .readout").inner_text()
        weight, off = (float(x) for x in re.search(r"weight ([\d.]+) ± ([\d.]+)", said).groups())
        assert 0 < off <= 0.004
        assert abs(weight - make_pattern()[0, 0, i, j]) <= off * 1.5  # as rounded as it is shown
        assert "row sums to 1.000" in said
    assert "sent with 8 bits" in page.locator(".attention .hint").inner_text()


def test_no_cell_is_a_node(page):
    page.locator(".attention .lines").click()
    assert page.locator(".attention *").count() < 60


def test_heads_are_sorted_and_faded_by_their_scores(page):
    note = data(page, ".attention")
    assert note["order"] == "1.1,1.2,1.3,2.1,2.2,2.3"
    assert "previous 0.10" in page.locator(".attention .summary").inner_text()
    page.locator(".attention .by-score").click()
    assert data(page, ".attention")["order"] == "1.3,2.1,2.3,1.2,1.1,2.2"  # without a score: last
    before = page.locator(".atlas .base").screenshot()
    page.locator(".attention .least").fill("60")  # of the way from 0.1 to 0.6
    assert data(page, ".attention")["kept"] == "3"
    assert "0.40: 3 of 6 heads stand out" in page.locator(".attention .kept").inner_text()
    assert page.locator(".atlas .base").screenshot() != before
    page.sent.clear()
    page.locator(".atlas").focus()
    page.keyboard.press("ArrowUp")  # from fifth place, below the second
    label = page.locator(".atlas").get_attribute("aria-label")
    assert "highest copying first, layer 2 head 1 chosen (a)" in label
    assert "copying 0.50" in page.locator(".zoom").get_attribute("aria-label")
    assert not page.sent
    box = page.locator(".atlas .base").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 30)  # first place
    python_says(page, "chosen (0, 2)")


def test_lines_show_the_strongest_edges_of_each_row(page):
    page.locator(".attention .lines").click()
    rows = [edges((0, 0), i, 0.7) for i in range(TIME)]
    note = data(page, ".attention")
    assert int(note["edges"]) == sum(map(len, rows))
    zoom = page.locator(".zoom")
    zoom.scroll_into_view_if_needed()
    box = zoom.bounding_box()
    y = box["y"] + float(note["lineTop"]) + 17.5 * float(note["lineCell"])
    page.mouse.move(box["x"] + 60, y)
    note = data(page, ".attention")
    assert note["row"] == "17"
    assert note["keys"] == ",".join(map(str, rows[17]))
    weights = make_pattern()[0, 0, 17]
    said = page.locator(".attention .readout").inner_text()
    assert f"position 17: {100 * weights[rows[17]].sum():.0f} % on {len(rows[17])} of 18" in said
    page.mouse.move(box["x"] + box["width"] - 60, y - 4 * float(note["lineCell"]))  # a key
    note = data(page, ".attention")
    assert (note["row"], note["column"]) == ("17", "13")
    assert abs(float(note["value"]) - weights[13]) < 1e-4
    page.locator(".attention .part").fill("0.9")
    assert int(data(page, ".attention")["edges"]) == sum(
        len(edges((0, 0), i, 0.9)) for i in range(TIME)
    )
    assert "as lines: 90 % of its weight" in zoom.get_attribute("aria-label")


def test_pictures_of_heads_can_be_saved(page):
    for view, name in [("matrix", "attention"), ("lines", "attention-lines")]:
        page.locator(f".attention .{view}").click()
        file, content = saved(page, ".attention .save")
        assert file == f"{name}-layer-1-head-1.png"
        assert content.startswith(b"\x89PNG")
        file, content = saved(page, ".attention .save-svg")
        assert file == f"{name}-layer-1-head-1.svg"
        drawing = ElementTree.fromstring(content)
        words = [element.text for element in drawing.iter() if element.tag.endswith("text")]
        assert words[0] == "layer 1 head 1: attention weights (previous 0.10)"
        assert words.count("T") == 2  # on both axes
        paths = [e.get("d") for e in drawing.iter() if e.tag.endswith("path")]
        lines = "".join(paths).count("L")
        assert lines == (int(data(page, ".attention")["edges"]) if view == "lines" else 0)
    assert saved(page, ".attention .atlas-png")[0] == "attention-all-heads.png"
    file, content = saved(page, ".attention .atlas-svg")
    assert file == "attention-all-heads.svg"
    drawing = ElementTree.fromstring(content)  # a label with a tag in it would break it
    assert "<b>0.60" in [element.text for element in drawing.iter()]


def test_the_weights_of_a_head_can_be_saved(page):
    file, content = saved(page, ".attention .save-csv")
    assert file == "attention-layer-1-head-1.csv"
    names, *rows = csv.reader(io.StringIO(content.decode()))
    assert names[:5] == ["query", "query token", "key", "key token", "weight"]
    assert len(rows) == TIME * (TIME + 1) // 2
    for i, query, j, key, weight, off in rows:
        assert abs(float(weight) - make_pattern()[0, 0, int(i), int(j)]) <= float(off) + 1e-6
        assert query == visible(TEXT[int(i)])
        assert key == visible(TEXT[int(j)])


@pytest.mark.parametrize("page", ["large"], indirect=True)
def test_a_head_of_a_large_map_has_numbers_when_it_has_arrived(page):
    assert abs(float(hover_cell(page, 8, 2)["value"]) - make_pattern()[0, 0, 8, 2]) < 1e-4
    box = page.locator(".atlas .base").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20)  # the last head
    assert page.locator(".attention .title").inner_text() == "layer 2 head 3"
    zoom = page.locator(".zoom").bounding_box()
    page.mouse.move(zoom["x"] + zoom["width"] / 2, zoom["y"] + zoom["height"] / 2)
    note = data(page, ".attention")
    assert (note["fetching"], note["value"]) == ("2.3", "")  # no number is invented
    said = page.locator(".attention .readout").inner_text()
    assert said == "fetching head 2.3 … Until then a cell is the largest weight of 3 × 3."
    assert page.locator(".attention .save-csv").is_disabled()
    assert page.locator(".attention .atlas-png").is_enabled()
    page.wait_for_selector(".attention[data-fetching='']")
    python_says(page, "chosen (1, 2)")
    assert abs(float(hover_cell(page, 8, 2)["value"]) - make_pattern()[1, 2, 8, 2]) < 1e-4
    assert page.locator(".attention .save-csv").is_enabled()


@pytest.mark.parametrize("page", ["large"], indirect=True)
def test_arrow_keys_fetch_the_head_they_come_to_rest_on(page):
    page.locator(".atlas").focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert data(page, ".attention")["fetching"] == "2.2"
    python_says(page, "runs 2 chosen (1, 1)")
    assert data(page, ".attention")["fetching"] == ""
    page.locator(".attention .lines").click()
    count = sum(edges((1, 1), i, 0.7).size for i in range(TIME))
    assert int(data(page, ".attention")["edges"]) == count
    page.locator(".attention .by-score").click()  # sorting needs no weights
    assert data(page, ".attention")["order"] == "1.3,2.1,2.3,1.2,1.1,2.2"


# ---- next token ---------------------------------------------------------------------------------


FILTERS = [
    (0, None, None),
    (1, 5, None),
    (1, None, 0.9),
    (0.7, 12, 0.5),
    (1.5, None, 0.95),
    (0, 3, 0.5),
]


def test_the_bars_are_what_gpt_samples_with(page):
    torch = pytest.importorskip("torch")
    filters = pytest.importorskip("gpt.filters")
    for temperature, top_k, top_p in FILTERS:
        page.locator("input.temperature").fill(str(temperature))
        place = (top_k or 66) - 1  # the slider counts its places from 0
        page.locator("input.top_k").fill(str(place))
        page.locator("input.top_p").fill(str(top_p or 1))
        logits = torch.from_numpy(make_logits())
        expected = filters.filter_stages(logits, temperature, top_k, top_p)
        order = np.argsort(-make_logits(), kind="stable")
        drawn = json.loads(data(page, ".next-token")["final"])
        assert np.allclose(drawn, expected.top_p.numpy()[order], atol=1e-5)
        kept = expected.top_p > 0
        said = page.locator(".next-token .kept").inner_text()
        assert said.startswith(f"kept {int(kept.sum())} of 65 tokens, ")
        assert abs(float(said.split()[5]) - 100 * float(expected.raw[kept].sum())) < 0.051
        python_says(page, f"settings ({float(temperature)}, {top_k}, {top_p})")


def test_nothing_is_sent_while_a_slider_is_dragged(page):
    page.sent.clear()
    slider = page.locator("input.temperature")
    for value in (0.9, 0.5, 0.1):
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')) }", value)
    page.wait_for_timeout(300)
    assert not page.sent
    assert page.locator(".temperature-value").inner_text() == "0.1"
    slider.evaluate("e => e.dispatchEvent(new Event('change'))")
    python_says(page, "settings (0.1, None, None)")


def test_a_removed_token_says_which_filter_removed_it(page):
    page.locator("input.top_k").fill("2")
    page.locator(".bars").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    said = page.locator(".next-token .readout").inner_text()
    assert "rank 4" in said
    assert said.endswith("removed by top-k")


# ---- tokens -------------------------------------------------------------------------------------


def test_tokens_with_html_in_them_are_text(page):
    strip = page.locator(".token-strip").first
    spans = strip.locator(".text span")
    assert spans.all_inner_texts()[:4] == HTML_TOKENS[:4]
    assert all(text.strip() for text in spans.all_inner_texts())  # space and newline too
    assert strip.locator("b, script, img").count() == 0
    spans.nth(1).hover()
    assert strip.locator(".readout").inner_text() == "id 1 ‘</script>’ position 1"


def test_a_value_is_read_under_the_pointer_and_a_missing_one_said(page):
    strip = page.locator(".token-strip").nth(1)
    strip.locator(".text span").nth(0).hover()
    assert strip.locator(".readout").inner_text().endswith("loss (nats) unknown")
    strip.locator(".text span").nth(3).hover()
    assert strip.locator(".readout").inner_text().endswith("loss (nats) 1.5000")
    assert strip.locator(".legend").inner_text().split() == ["loss", "(nats)", "0", "3"]


def test_a_clicked_token_is_selected_said_and_told_to_python(page):
    strip = page.locator(".token-strip").nth(2)
    strip.locator(".text span").nth(4).click()
    python_says(page, "selected 4")
    token = strip.locator(".text span.chosen")
    assert token.get_attribute("data-at") == "4"
    assert token.get_attribute("aria-current") == "true"
    style = token.evaluate(
        "e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).fontWeight]"
    )
    assert style[0] != "none"
    assert style[1] == "700"  # not by colour alone
    said = strip.locator(".readout").inner_text()
    assert "position 4, selected" in said
    assert "then </b>: e" in said  # as text
    token.click()
    python_says(page, "selected None")
    assert strip.locator(".chosen").count() == 0


def test_a_token_is_selected_by_keys_and_a_plain_strip_selects_nothing(page):
    page.locator(".token-strip").nth(2).locator(".text").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    python_says(page, "selected 1")
    page.sent.clear()
    plain = page.locator(".token-strip").first
    plain.locator(".text span").nth(2).click()
    page.wait_for_timeout(300)
    assert plain.locator(".chosen").count() == 0
    assert not page.sent


def test_linked_views_follow_each_other_without_the_server(page):
    strip = page.locator(".token-strip").nth(2)
    strip.locator(".text span").nth(7).click()
    assert data(page, ".attention")["pinned"] == "7"
    assert data(page, ".attention")["row"] == "7"
    hover_cell(page, 11, 2)
    page.mouse.down()
    page.mouse.up()
    assert strip.locator(".chosen").get_attribute("data-at") == "11"
    python_says(page, "selected 11")
    page.locator(".zoom").focus()
    page.keyboard.press("Escape")
    python_says(page, "selected None")
    assert data(page, ".attention")["pinned"] == ""
    assert page.locator(".token-strip").first.locator(".chosen").count() == 0  # not linked


def test_tokens_can_be_saved(page):
    file, content = saved(page, ".token-strip >> nth=1 >> .save")
    assert file == "tokens-loss-nats.png"
    assert content.startswith(b"\x89PNG")
    file, content = saved(page, ".token-strip >> nth=1 >> .save-csv")
    names, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert names == ["position", "id", "token", "loss (nats)"]
    assert rows[1] == ["1", "1", "</script>", "0"]
    assert rows[0][3] == ""  # no value
    file, content = saved(page, ".token-strip >> nth=1 >> .save-svg")
    assert file == "tokens-loss-nats.svg"
    drawing = ElementTree.fromstring(content)  # a token with a tag in it would break it
    words = [element.text for element in drawing.iter() if element.tag.endswith("text")]
    assert words[1:] == [visible(token) for token in HTML_TOKENS]
    boxes = [element for element in drawing.iter() if element.tag.endswith("rect")]
    assert len(boxes) == 1 + len(HTML_TOKENS) - 1  # the paper; the first token has no value
    assert all(re.fullmatch("#[0-9a-f]{6}", box.get("fill")) for box in boxes)


# ---- charts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["chart"], indirect=True)
def test_a_chart_can_be_saved(page):
    page.wait_for_selector(".save-chart[data-ready=true]")
    page.wait_for_selector("svg.marks")
    file, content = saved(page, ".save-chart .save-svg")
    assert file == "words-of-it.svg"
    drawing = ElementTree.fromstring(content)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(drawing.get("width")) >= 500 and float(drawing.get("height")) > 0
    paper = drawing[0]
    assert paper.tag.endswith("rect") and paper.get("fill") == "#ffffff"
    assert paper.get("width") == drawing.get("width")
    words = [element.text for element in drawing.iter() if element.tag.endswith("text")]
    assert {*HTML_TOKENS[:4], "⏎", "place"} <= set(words)
    assert not [e.tag for e in drawing.iter() if re.search("script|img|foreignObject", e.tag)]
    file, content = saved(page, ".save-chart .save")
    assert file == "words-of-it.png" and content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert (width, height) == (2 * int(drawing.get("width")), 2 * int(drawing.get("height")))


# ---- all ----------------------------------------------------------------------------------------


def test_another_theme_repaints_and_keeps_what_was_chosen(page):
    page.locator(".atlas").focus()
    page.keyboard.press("ArrowRight")
    background = "e => getComputedStyle(e).getPropertyValue('--st-background-color')"
    light = page.eval_on_selector(".attention", background)
    page.emulate_media(color_scheme="dark")
    for name in (".attention", ".next-token", ".token-strip"):
        page.wait_for_selector(f"{name}.dark")
    assert page.eval_on_selector(".attention", background) != light
    assert page.locator(".attention .title").inner_text() == "layer 1 head 2"


def test_a_picture_out_of_sight_waits_until_it_comes_near(page):
    page.set_viewport_size({"width": 1280, "height": 200})
    page.locator(".token-strip").last.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    before = int(data(page, ".attention")["paints"])
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(800)
    assert int(data(page, ".attention")["paints"]) == before
    page.locator(".attention").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert int(data(page, ".attention")["paints"]) > before


@pytest.mark.parametrize("page", ["chart"], indirect=True)
def test_nothing_is_wider_than_the_page(page):
    for width in (700, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in (".zoom .base", ".atlas .base", ".strip canvas", ".bars .base"):
            box = page.locator(name).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
