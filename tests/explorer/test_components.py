"""The browser components as Python sees them: messages, checks, state; and the filters' maths.

What they draw and how they react is tested in tests/browser/test_components.py.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.components import wire
from explorer.components.attention_map import (
    attention_map,
    flat_labels,
    flat_scores,
    large_attention_map,
)
from explorer.components.attention_message import (
    EXACT_BYTES,
    LEVELS,
    encode,
    encode_large,
    fits,
    triangle,
)
from explorer.components.glyphs import visible, visible_all
from explorer.components.next_token import Settings, check_settings, next_token
from explorer.components.token_strip import token_strip, value_range
from explorer.thumbnails import block, thumbnail

SCRIPTS = [
    script.name for script in wire.FOLDER.glob("*.js") if not script.name.startswith("matrices")
]


def attention(layers=2, heads=3, time=5, causal=True, seed=0):
    """Random attention weights (L, H, T, T) float32."""
    scores = np.random.default_rng(seed).standard_normal((layers, heads, time, time))
    if causal:
        scores = np.where(np.tri(time, dtype=bool), scores, -np.inf)
    weights = np.exp(scores)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


# ---- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\x00", bytes(range(256))])
@pytest.mark.parametrize("header", [{}, {"tokens": ["é", "␠", "</script>", "😀"], "n": 1}])
def test_a_message_comes_back_as_it_went(header, body):
    message = wire.pack(header, body)
    assert wire.unpack(message) == (header, body)
    assert (len(message) - len(body)) % wire.ALIGNMENT == 0


def test_equal_data_gives_equal_bytes_so_that_nothing_is_sent_twice():
    one, other = (encode(attention(), list("abcde")) for _ in range(2))
    assert wire.pack(one.header, one.body) == wire.pack(other.header, other.body)


@pytest.mark.parametrize("message", [b"", b"\x00\x00", b"\xff\x00\x00\x00{}"])
def test_a_damaged_message_is_refused(message):
    with pytest.raises(ValueError, match="bytes"):
        wire.unpack(message)


def test_a_header_with_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        wire.pack({"x": float("nan")})


@pytest.mark.parametrize("time", [1, 2, 7])
def test_the_triangle_is_numpy_s_row_after_row(time):
    rows, columns = np.tril_indices(time)
    assert (triangle(time) == rows * time + columns).all()
    assert (np.flatnonzero(rows >= 0) == rows * (rows + 1) // 2 + columns).all()  # as the js reads


def decoded(coded):
    """The weights of a message, (L, H, cells), as the js reads them."""
    header, layers, heads = coded.header, coded.layers, coded.heads
    bits = header["bits"]
    skip = 4 * layers * heads * header["time"] if header["sums"] else 0
    levels = np.frombuffer(coded.body, f"<u{bits // 8}", offset=skip).reshape(layers, heads, -1)
    return levels / LEVELS[16] if bits == 16 else (levels / LEVELS[8]) ** 2


@pytest.mark.parametrize("causal", [True, False])
def test_encoded_weights_are_right_to_four_decimals(causal):
    pattern = attention(causal=causal)
    time = pattern.shape[-1]
    coded = encode(pattern, list("ab \ne"), causal=causal)
    rows, columns = np.tril_indices(time) if causal else np.indices((time, time)).reshape(2, -1)
    assert np.abs(decoded(coded) - pattern[:, :, rows, columns]).max() < 1e-5
    assert coded.header["tokens"] == ["a", "b", "␣", "⏎", "e"]
    assert not coded.header["sums"]  # each row sums to one: nothing to send


def test_row_sums_that_are_not_one_travel_as_they_are():
    pattern = attention() * np.float32(0.3)
    coded = encode(pattern, list("abcde"))
    sums = np.frombuffer(coded.body, "<f4", count=2 * 3 * 5).reshape(2, 3, 5)
    assert coded.header["sums"]
    assert (sums == pattern.sum(-1)).all()
    assert np.abs(decoded(coded) - pattern[:, :, *np.tril_indices(5)]).max() < 1e-5


@pytest.mark.parametrize("causal", [True, False])
def test_a_large_pattern_travels_with_8_bits_as_precise_as_the_page_says(causal):
    time = 256 if causal else 200
    pattern = attention(5, 6, time, causal)
    pattern[0, 0] = np.eye(time)
    coded = encode(pattern, ["a"] * time, causal=causal)
    rows, columns = np.tril_indices(time) if causal else np.indices((time, time)).reshape(2, -1)
    weights = decoded(coded)
    stated = (np.sqrt(weights) * LEVELS[8] + 0.25) / LEVELS[8] ** 2  # `precision` in the js
    assert coded.header["bits"] == 8
    assert (np.abs(weights - pattern[:, :, rows, columns]) <= stated + 1e-6).all()
    assert stated.max() < 0.004
    uniform = 1 / time  # what most weights are like: 1/256 of the linear scale would be all of it
    assert stated[weights < 2 * uniform].max() < uniform / 10


def test_what_is_small_keeps_16_bits():
    assert encode(attention(6, 6, 64), ["a"] * 64).header["bits"] == 16
    most = int((EXACT_BYTES / 36) ** 0.5)
    assert encode(attention(6, 6, most - 1), ["a"] * (most - 1)).header["bits"] == 16
    assert encode(attention(6, 6, most + 1), ["a"] * (most + 1)).header["bits"] == 8


@pytest.mark.parametrize(
    ("pattern", "tokens", "causal", "sentence"),
    [
        (np.zeros((2, 3, 3)), "abc", True, "shape"),
        (np.zeros((1, 1, 1, 3, 3)), "abc", True, "trace"),
        (np.zeros((1, 1, 2, 3)), "abc", True, "shape"),
        (np.zeros((1, 0, 3, 3)), "abc", True, "shape"),
        (attention(time=3), "ab", True, "3 positions but there are 2 tokens"),
        (attention(time=3, causal=False), "abc", True, "causal=False"),
        (np.full((1, 1, 2, 2), np.nan), "ab", True, "between 0 and 1"),
        (np.full((1, 1, 2, 2), -np.inf), "ab", True, "after softmax"),
        (np.full((1, 1, 2, 2), 3.0), "ab", False, "between 0 and 1"),
        (np.broadcast_to(np.float32(0), (48, 48, 256, 256)), "a" * 256, True, "MB"),
    ],
)
def test_what_cannot_be_attention_is_refused_in_one_sentence(pattern, tokens, causal, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        encode(pattern, list(tokens), causal=causal)
    assert "\n" not in str(error.value)


def blockwise(weights, step):
    """The largest weight of each block, one block after the other."""
    starts = range(0, weights.shape[-1], step)
    rows = [
        [weights[..., i : i + step, j : j + step].max((-2, -1)) for j in starts] for i in starts
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@pytest.mark.parametrize(
    ("time", "step", "side"), [(1, 1, 1), (64, 1, 64), (65, 2, 33), (200, 4, 50)]
)
def test_a_thumbnail_is_the_largest_weight_of_each_block(time, step, side):
    weights = attention(1, 2, time)
    small = thumbnail(weights)
    assert block(time) == step
    assert small.shape == (1, 2, side, side)
    assert (small == blockwise(weights, step)).all()


@pytest.mark.parametrize("causal", [True, False])
def test_a_large_message_is_one_head_s_and_the_thumbnails(causal):
    pattern, tokens = attention(2, 3, 100, causal), ["a"] * 100
    small = thumbnail(pattern)
    coded = encode_large(small, pattern[1, 2], tokens, (1, 2), causal=causal)
    alone = encode(pattern[1:, 2:], tokens, causal=causal)
    rows, columns = np.tril_indices(50) if causal else np.indices((50, 50)).reshape(2, -1)
    assert coded.body.startswith(alone.body)
    levels = np.frombuffer(coded.body, "u1", offset=len(alone.body)).reshape(2, 3, -1)
    assert np.abs((levels / 255) ** 2 - small[:, :, rows, columns]).max() < 0.004
    assert coded[2:] == (2, 3)
    assert [coded.header[name] for name in ("layers", "heads", "time", "detail")] == [2, 3, 100, 5]
    assert (coded.header["side"], coded.header["block"]) == (50, 2)


def test_what_travels_whole_and_what_does_not():
    assert fits(6, 6, 256)
    assert not fits(6, 6, 256, causal=False)
    assert not fits(12, 12, 1024)
    assert fits(1, 1, 1095, causal=False)
    assert not fits(1, 1, 1096, causal=False)


def test_gpt_2_s_message_is_at_most_1_2_megabytes():
    small, one = np.zeros((12, 12, 64, 64)), np.eye(1024, dtype=np.float32)
    coded = encode_large(small, one, ["a"] * 1024, (0, 0))
    assert coded.header["bits"] == 8  # 16 would pass it
    assert len(coded.body) == 1024 * 1025 // 2 + 144 * 64 * 65 // 2 < 1_200_000


@pytest.mark.parametrize(
    ("small", "detail", "sentence"),
    [
        (np.zeros((2, 64, 64)), np.eye(100), "thumbnails must have shape"),
        (np.zeros((2, 2, 64, 64)), np.eye(100), "cells wide"),  # 100 positions make 50 cells
        (np.zeros((2, 2, 100, 100)), np.eye(100), "64 cells wide"),
        (np.full((2, 2, 50, 50), np.nan), np.eye(100), "between 0 and 1"),
        (np.zeros((2, 2, 50, 50)), np.eye(99), "weights of one head"),
        (np.zeros((2, 2, 50, 50)), 2 * np.eye(100), "between 0 and 1"),
        (np.zeros((2, 2, 50, 50)), np.full((100, 100), 0.01), "causal=False"),
    ],
)
def test_what_cannot_be_a_large_map_is_refused(small, detail, sentence):
    with pytest.raises(ValueError, match=sentence):
        encode_large(small, detail, ["a"] * 100, (0, 0))


@pytest.mark.parametrize("weights", [np.zeros(3), np.zeros((2, 3)), np.zeros((1, 0, 0))])
def test_a_thumbnail_of_nothing_square_is_refused(weights):
    with pytest.raises(ValueError, match="shape"):
        thumbnail(weights)


# ---- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("a", "a"),
        (" ", "␣"),
        ("\n", "⏎"),
        ("\t", "⇥"),
        (" the\n", "␣the⏎"),
        ("\x00", "␀"),
        ("\r", "␍"),
        ("\x7f", "␡"),
        ("\x85", "⟨0085⟩"),
        ("\xa0", "⟨00A0⟩"),
        ("\u200b", "⟨200B⟩"),
        ("\ud83d", "⟨D83D⟩"),  # half of a character
        ("\u0301", "◌\u0301"),
        ("", "∅"),
        ("<b>", "<b>"),
        ("😀", "😀"),
    ],
)
def test_no_token_is_invisible(token, shown):
    assert visible(token) == shown
    assert visible(token).strip()


def test_a_token_that_is_no_text_is_named():
    with pytest.raises(ValueError, match="token 1 is int 7"):
        visible_all(["a", 7])


# ---- the scripts --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_write_text_only_as_text_and_stay_at_home(name):
    script = wire.assets(name)
    for forbidden in ("innerHTML", "insertAdjacent", "document.write", "eval(", "fetch(", "http"):
        assert forbidden not in script


def test_each_component_has_one_default_export():
    exports = {
        script.removesuffix(".js")
        for script in SCRIPTS
        if len(re.findall(r"^export default", wire.assets(script), re.M))
    }
    assert exports == {
        "attention_map", "code_view", "cookie", "dot_product", "glossary", "keepsake", "next_token",
        "save_chart", "token_strip", "way_back",
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node; the browser test covers it")
def test_what_a_table_and_a_file_name_make_of_words():
    fields = ["a", 'say "x"', "=1+1", "-", "--", "'s", "\n", "@x", 0.5, -2]
    names = [["png", "attention", "layer 1 head 2"], ["csv", "tokens", None, "loss (nats)"]]
    script = wire.assets("saving.js") + (
        f"\nconsole.log(JSON.stringify([{json.dumps(fields)}.map(csvField),"
        f" {json.dumps(names)}.map((n) => fileName(...n))]));"
    )
    done = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)
    table, files = json.loads(done.stdout)
    expected = ['"a"', '"say ""x"""', '"\'=1+1"', '"-"', '"\'--"', "\"''s\"", '"\n"', '"\'@x"']
    assert table == [*expected, "0.5", "-2"]
    assert files == ["attention-layer-1-head-2.png", "tokens-loss-nats.csv"]


SETTINGS = [
    Settings(1.0, None, None),
    Settings(0.0, None, None),
    Settings(0.0, 5, 0.9),
    Settings(0.7, 5, None),
    Settings(1.0, None, 0.9),
    Settings(1.3, 8, 0.6),
    Settings(2.0, 1, 0.05),
    Settings(0.05, 40, 0.99),
]


def stages(logits, temperature, top_k, top_p):
    """The contract of gpt.filters.filter_stages in numpy, float64."""
    order = np.argsort(-logits, kind="stable")

    def keep(p, count):
        out = np.zeros_like(p)
        out[order[:count]] = p[order[:count]]
        return out / out.sum()

    def softmax(z):
        e = np.exp(z - z.max())
        return e / e.sum()

    raw = softmax(logits)
    if temperature == 0:
        tempered = np.zeros_like(raw)
        tempered[order[0]] = 1
    else:
        tempered = softmax(logits / temperature)
    after_k = keep(tempered, top_k or len(logits))
    before = np.cumsum(after_k[order]) - after_k[order]
    after_p = after_k
    if top_p is not None and top_p < 1:
        after_p = keep(after_k, max(1, int((before < top_p).sum())))
    return {"raw": raw, "tempered": tempered, "top_k": after_k, "top_p": after_p}


def sample_logits():
    logits = np.random.default_rng(5).standard_normal(65).astype(np.float32) * 2
    logits[[3, 9, 20]] = logits.max()  # ties: the lower id comes first
    return logits


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node; the browser test covers it")
def test_the_filters_in_the_browser_are_the_filters_in_the_contract():
    logits = sample_logits().tolist()
    script = wire.assets("filters.js") + (
        f"\nconst logits = {logits};"
        f"\nconst all = {json.dumps([s._asdict() for s in SETTINGS])};"
        "\nconsole.log(JSON.stringify(all.map((s) => { const f = filterStages(logits, s);"
        " return Object.fromEntries(['raw', 'tempered', 'top_k', 'top_p']"
        ".map((n) => [n, [...f[n]]])); })));"
    )
    done = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)
    for settings, got in zip(SETTINGS, json.loads(done.stdout), strict=True):
        for stage, expected in stages(sample_logits().astype(np.float64), *settings).items():
            assert np.allclose(got[stage], expected, atol=1e-9), (settings, stage)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_contract_is_what_gpt_samples_with(settings):
    torch = pytest.importorskip("torch")
    filters = pytest.importorskip("gpt.filters")
    got = filters.filter_stages(torch.from_numpy(sample_logits()), *settings)
    for stage, expected in stages(sample_logits().astype(np.float64), *settings).items():
        assert np.allclose(getattr(got, stage).numpy(), expected, atol=1e-5), stage


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ((-0.1, None, None), "temperature"),
        ((2.5, None, None), "temperature"),
        ((1.0, 0, None), "top_k"),
        ((1.0, None, 0.0), "top_p"),
        ((1.0, None, 1.5), "top_p"),
    ],
)
def test_settings_out_of_range_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_settings(*settings)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.2, 0.9], (0, 1)),
        ([0.3, 4.2], (0, 4.2)),
        ([-1.0, 2.0], (-1, 2)),
        ([float("nan"), 3.0], (0, 3)),
        ([float("nan")], (0, 1)),
        ([], (0, 1)),
    ],
)
def test_the_ends_of_the_colour_scale(values, ends):
    assert value_range(values) == ends


# ---- in a page ----------------------------------------------------------------------------------


def attention_page():
    import numpy as np
    import streamlit as st

    from explorer.components.attention_map import attention_map

    pattern = np.broadcast_to(np.tri(3, dtype=np.float32) / [[1], [2], [3]], (2, 4, 3, 3))
    asked = st.session_state.get("asked")
    if st.session_state.get("shown", True):
        chosen = attention_map(pattern, ["a", " ", "\n"], key="att", selected=asked)
        st.write("chosen", *map(str, chosen))


def chosen(at):
    assert not at.exception
    return at.markdown[0].value


def test_the_chosen_head_reaches_the_page():
    at = AppTest.from_function(attention_page).run()
    assert chosen(at) == "chosen 0 0"
    at.session_state["att"] = {"selected": {"layer": 1, "head": 3}}
    assert chosen(at.run()) == "chosen 1 3"
    at.session_state["att"] = {"selected": {"layer": 9, "head": 9}}  # of a larger model
    assert chosen(at.run()) == "chosen 1 3"


def test_the_chosen_head_is_kept_while_the_component_is_away():
    at = AppTest.from_function(attention_page)
    at.session_state["att"] = {"selected": {"layer": 1, "head": 2}}
    assert chosen(at.run()) == "chosen 1 2"
    at.session_state["shown"] = False
    at.run()
    at.session_state["shown"] = True
    assert chosen(at.run()) == "chosen 1 2"


def test_what_the_page_asks_for_wins_over_an_older_click():
    at = AppTest.from_function(attention_page)
    at.session_state["att"] = {"selected": {"layer": 1, "head": 2, "epoch": 0}}
    assert chosen(at.run()) == "chosen 1 2"
    at.session_state["asked"] = (0, 1)
    assert chosen(at.run()) == "chosen 0 1"
    at.session_state["att"] = {"selected": {"layer": 1, "head": 2, "epoch": 1}}  # clicked again
    assert chosen(at.run()) == "chosen 1 2"


def test_a_click_does_not_send_the_weights_again():
    at = AppTest.from_function(attention_page).run()
    before = at.get("bidi_component")[0].proto.bytes
    at.session_state["att"] = {"selected": {"layer": 1, "head": 3, "epoch": 0}}
    assert at.run().get("bidi_component")[0].proto.bytes == before


def on_demand_page():
    import numpy as np
    import streamlit as st

    from explorer.components.attention_map import large_attention_map
    from explorer.thumbnails import thumbnail

    def detail(layer, head):
        st.session_state.setdefault("asked_for", []).append((layer, head))
        return pattern[layer, head]

    pattern = np.broadcast_to(np.tri(3, dtype=np.float32) / [[1], [2], [3]], (2, 4, 3, 3))
    shown = large_attention_map(thumbnail(pattern, 2), detail, ["a", " ", "\n"], key="att")
    st.write("chosen", *map(str, shown))


def test_a_large_map_asks_for_the_chosen_head_alone_and_at_once():
    at = AppTest.from_function(on_demand_page).run()
    at.session_state["att"] = {"selected": {"layer": 1, "head": 3, "epoch": 0}}
    assert chosen(at.run()) == "chosen 1 3"
    assert at.session_state["asked_for"] == [(0, 0), (1, 3)]
    header, _ = wire.unpack(at.get("bidi_component")[0].proto.bytes)
    assert header["detail"] == 7  # the same run answers the click


def large_page():
    import numpy as np

    from explorer.components.attention_map import attention_map

    pattern = np.random.default_rng(0).random((6, 6, 256, 256), dtype=np.float32)
    pattern *= np.tri(256, dtype=np.float32)
    pattern /= pattern.sum(-1, keepdims=True)
    labels = [["previous 0.91"] * 6] * 6
    attention_map(pattern, ["\n"] * 256, key="att", labels=labels, scores=pattern[:, :, 1, 0])


def test_36_heads_of_256_tokens_are_at_most_1_2_megabytes():
    message = AppTest.from_function(large_page).run().get("bidi_component")[0].proto.bytes
    header, body = wire.unpack(message)
    assert (header["bits"], len(body)) == (8, 36 * 256 * 257 // 2)
    assert len(message) <= 1_200_000


def test_labels_and_scores_travel_head_after_head():
    assert flat_labels([["a", "b"], ["c", "d"], ["", "</script>"]], 3, 2)[-2:] == ["", "</script>"]
    assert flat_scores(np.array([[0.25, np.nan]]), 1, 2) == [0.25, None]


def test_a_selected_token_reaches_the_page_and_is_kept():
    at = AppTest.from_function(strip_page).run()
    assert chosen(at) == "selected None"
    before = at.get("bidi_component")[0].proto.bytes
    at.session_state["strip"] = {"selected": {"index": 2, "epoch": 0}}
    assert chosen(at.run()) == "selected 2"
    assert at.get("bidi_component")[0].proto.bytes == before  # nothing is sent again
    at.session_state["text"] = "ab"  # a shorter text lacks it
    assert chosen(at.run()) == "selected None"
    at.session_state["text"] = "abc"
    assert chosen(at.run()) == "selected 2"
    at.session_state["strip"] = {"selected": {"index": None, "epoch": 0}}  # let go
    assert chosen(at.run()) == "selected None"


def test_a_selected_token_is_kept_while_the_strip_is_away():
    at = AppTest.from_function(strip_page)
    at.session_state["strip"] = {"selected": {"index": 1, "epoch": 0}}
    assert chosen(at.run()) == "selected 1"
    at.session_state["shown"] = False
    at.run()
    at.session_state["shown"] = True
    assert chosen(at.run()) == "selected 1"


@pytest.mark.parametrize("nonsense", [{"index": "1"}, {"index": -1}, {"index": 99}, {}, 3])
def test_a_report_which_is_no_token_counts_as_none(nonsense):
    at = AppTest.from_function(strip_page)
    at.session_state["strip"] = {"selected": nonsense}
    assert chosen(at.run()) == "selected None"


def test_what_the_page_selects_is_selected():
    at = AppTest.from_function(strip_page)
    at.session_state["asked"] = 1
    assert chosen(at.run()) == "selected 1"


def strip_page():
    import streamlit as st

    from explorer.components.token_strip import token_strip

    text = st.session_state.get("text", "abc")
    if st.session_state.get("shown", True):
        selected = token_strip(
            range(len(text)),
            list(text),
            key="strip",
            selectable=True,
            selected=st.session_state.get("asked"),
            details=[f"after {character}" for character in text],
        )
        st.write("selected", str(selected))


def token_page():
    import numpy as np
    import streamlit as st

    from explorer.components.next_token import next_token
    from explorer.components.token_strip import token_strip

    vocab_size = st.session_state.get("vocab_size", 3)
    logits = np.linspace(1, 0, vocab_size)
    tokens = ["<b>"] * vocab_size
    drawn = st.session_state.get("drawn", vocab_size - 1)
    settings = next_token(logits, tokens, key="next", temperature=0.8, drawn=drawn)
    st.write("settings", *map(str, settings))
    text = st.session_state.get("text", "a\nb")
    token_strip([1] * len(text), list(text), key="strip", values=st.session_state.get("values"))


def test_the_settings_reach_the_page():
    at = AppTest.from_function(token_page).run()
    assert chosen(at) == "settings 0.8 None None"
    told = {"temperature": 0, "top_k": 5, "top_p": 0.9, "epoch": 0}
    at.session_state["next"] = {"settings": told}
    assert chosen(at.run()) == "settings 0.0 5 0.9"


@pytest.mark.parametrize("nonsense", [{"temperature": "hot"}, {"top_k": -1}, {"colour": 1}, 7])
def test_a_report_which_is_no_setting_counts_as_none(nonsense):
    at = AppTest.from_function(token_page)
    at.session_state["next"] = {"settings": nonsense}
    assert chosen(at.run()) == "settings 0.8 None None"


def test_a_large_vocabulary_sends_the_most_probable_names_and_the_drawn_one():
    at = AppTest.from_function(token_page)
    at.session_state["vocab_size"] = 1000
    header, body = wire.unpack(at.run().get("bidi_component")[0].proto.bytes)
    assert header["ids"] == [*range(60), 999]
    assert len(header["tokens"]) == 61
    assert len(body) == 4000  # all logits: the filters need them


def test_a_long_text_is_cut_and_a_token_without_value_stays():
    at = AppTest.from_function(token_page)
    at.session_state["text"] = "a\n" * 3000
    at.session_state["values"] = [None] + [2.5] * 5999
    header, body = wire.unpack(at.run().get("bidi_component")[1].proto.bytes)
    assert (header["total"], len(header["tokens"]), header["range"]) == (6000, 5000, [0, 2.5])
    assert header["breaks"][:2] == [1, 3]
    values = np.frombuffer(body, "<f4")
    assert np.isnan(values[0])
    assert values[1] == 2.5


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: attention_map(attention(), list("abcde"), key="k", selected=(2, 0)), "below 2"),
        (
            lambda: attention_map(attention(), list("abcde"), key="k", labels=[["a"] * 3]),
            "2 rows of 3",
        ),
        (
            lambda: attention_map(attention(), list("abcde"), key="k", labels=["abc", "abc"]),
            "2 rows of 3",
        ),
        (
            lambda: attention_map(attention(), list("abcde"), key="k", scores=np.zeros((3, 2))),
            r"\(2, 3\)",
        ),
        (
            lambda: attention_map(
                attention(), list("abcde"), key="k", scores=np.full((2, 3), np.inf)
            ),
            "finite",
        ),
        (lambda: large_attention_map(np.zeros((2, 2)), np.eye, "ab", key="k"), "thumbnails"),
        (lambda: next_token(np.zeros((1, 3)), list("abc"), key="k"), r"shape \(V,\)"),
        (lambda: next_token(np.zeros(3), list("ab"), key="k"), "3 logits but 2 tokens"),
        (lambda: next_token(np.full(2, np.nan), list("ab"), key="k"), "diverged"),
        (lambda: next_token(np.zeros(3), list("abc"), key="k", drawn=3), "token id below 3"),
        (lambda: token_strip([1], list("ab"), key="k"), "1 ids but 2 tokens"),
        (lambda: token_strip([1, 2], list("ab"), key="k", values=[1.0]), "1 values but 2 tokens"),
        (lambda: token_strip([1], ["a"], key="k", values=[float("inf")]), "finite"),
        (lambda: token_strip([1], ["a"], key="k", details=[]), "0 details but 1 tokens"),
        (lambda: token_strip([1], ["a"], key="k", selected=0), "selectable"),
        (lambda: token_strip([1], ["a"], key="k", selectable=True, selected=1), "below 1"),
    ],
)
def test_wrong_arguments_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
