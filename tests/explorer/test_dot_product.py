"""The dot product term by term: what travels to the browser is what the model computes.

What it draws, says and follows is tested in tests/browser/test_dot_product.py.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

import gpt
from explorer.components import wire
from explorer.components.dot_product import encode
from tests.gpt.helpers import MODEL, V, ids_of

TOKENS = list("a b\n")


def vectors(time=4, size=3, seed=0):
    return np.random.default_rng(seed).standard_normal((2, time, size)).astype(np.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"positions": "rotary", "qk_norm": True, "norm_kind": "rms"},
        {"n_head": 4, "n_kv_head": 2, "positions": "rotary"},
        {"attention_scale": "none", "causal": False},
    ],
)
def test_the_message_makes_the_scores_and_weights_of_the_trace(changes):
    config = replace(MODEL, **changes)
    model = gpt.build_model(config, vocab_size=V, seed=3).eval()
    idx = ids_of(1, config.block_size)
    trace = gpt.trace(model, idx, ["attention_input", "attn_scores", "pattern"])
    for layer, block in enumerate(model.blocks):
        for h, head in enumerate(block.attention.heads()):
            steps = gpt.attention_steps(head, trace["attention_input"][layer, 0])
            header, body = encode(
                steps["query"].numpy(),
                steps["key"].numpy(),
                ["x"] * config.block_size,
                scale=head.scale,
                causal=config.causal,
            )
            shape = (2, header["time"], header["size"])
            q, k = np.frombuffer(body, "<f4").reshape(shape).astype(np.float64)
            scores = q @ k.T * header["scale"]  # (T, T)
            if header["causal"]:
                scores[np.triu_indices(len(q), 1)] = -np.inf
            known = trace["attn_scores"][layer, 0, h].numpy()
            np.testing.assert_allclose(scores, known, atol=1e-5)
            weights = torch.softmax(torch.from_numpy(scores), dim=-1)
            pattern = trace["pattern"][layer, 0, h].numpy()
            np.testing.assert_allclose(weights.numpy(), pattern, atol=1e-6)


def test_the_body_is_two_float32_arrays_and_the_tokens_are_visible():
    q, k = vectors()
    header, body = encode(q.astype(np.float64), k, TOKENS, scale=0.5)
    assert body == q.tobytes() + k.tobytes()
    assert header["tokens"] == ["a", "␣", "b", "⏎"]
    assert (header["time"], header["size"], header["query"]) == (4, 3, 3)
    assert wire.unpack(wire.pack(header, body)) == (header, body)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"queries": vectors()[0][0]}, "shape"),
        ({"keys": vectors(size=2)[1]}, "shape"),
        ({"queries": np.zeros((4, 0)), "keys": np.zeros((4, 0))}, "shape"),
        ({"tokens": TOKENS[:3]}, "4 queries but 3 tokens"),
        ({"keys": np.full((4, 3), np.nan)}, "finite"),
        ({"scale": 0.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"query": 4}, "query"),
        ({"query": -1}, "query"),
    ],
)
def test_what_cannot_be_queries_and_keys_is_refused(wrong, said):
    q, k = vectors()
    given = {"queries": q, "keys": k, "tokens": TOKENS, "scale": 0.5} | wrong
    with pytest.raises(ValueError, match=said):
        encode(**given)


def test_it_can_be_mounted():
    def script():
        import numpy as np

        from explorer.components.dot_product import dot_product

        dot_product(np.eye(3), np.eye(3), list("abc"), key="dots", scale=1.0, link="text")

    at = AppTest.from_function(script).run()
    assert not at.exception
