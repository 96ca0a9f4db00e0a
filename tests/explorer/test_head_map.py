"""The map of all heads: its words and numbers are those of the scores, and long texts fit."""

import numpy as np
import pytest
import torch

import gpt
from explorer import habits
from explorer.panels import head_map
from explorer.panels.model import Shown

TOKENIZER = gpt.CharTokenizer.train("to be or not")
IDS = tuple(TOKENIZER.encode("to be or not to be"))


@pytest.fixture
def shown(request):
    config = gpt.ModelConfig(block_size=32, n_layer=2, n_head=3, n_embd=12)
    model = gpt.build_model(config, TOKENIZER.vocab_size, seed=5).eval()
    return Shown(model, TOKENIZER, 0, "small", request.node.name)


@pytest.fixture
def drawn(monkeypatch):
    """What the two components were asked to draw."""
    asked = {}

    def note(name):
        return lambda *given, **how: asked.update({name: given, "how": how}) or (1, 2)

    monkeypatch.setattr(head_map, "attention_map", note("whole"))
    monkeypatch.setattr(head_map, "large_attention_map", note("large"))
    return asked


def test_every_head_has_its_label_and_its_score(shown, drawn):
    assert head_map.head_map(shown, IDS, key="k") == (1, 2)
    scores = gpt.model_head_scores(shown.model, torch.tensor([IDS]))
    assert drawn["how"]["labels"][1][2] == habits.label(scores, 1, 2)
    np.testing.assert_allclose(drawn["how"]["scores"], habits.excesses(scores))
    head_map.head_map(shown, IDS, key="k", by="first")
    assert drawn["how"]["score_name"] == "first token"
    np.testing.assert_allclose(drawn["how"]["scores"], scores["first"].values)


def test_what_is_too_much_travels_as_small_pictures_and_one_head(shown, drawn, monkeypatch):
    head_map.head_map(shown, IDS, key="k")
    pattern, tokens = drawn["whole"]
    monkeypatch.setattr(head_map, "fits", lambda *size: False)
    head_map.head_map(shown, IDS, key="k")
    small, detail, same = drawn["large"]
    assert tokens == same == list("to be or not to be")
    np.testing.assert_allclose(detail(1, 2), pattern[1, 2], atol=1e-6)
    np.testing.assert_allclose(small, pattern, atol=1e-6)  # so short that a cell is a weight
