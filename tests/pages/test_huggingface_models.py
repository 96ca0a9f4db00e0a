"""Pages 8 and 9 with a GPT-2 from a Hugging Face folder: chosen, written with, looked into."""

import os

import pytest

import gpt
from explorer import cache, frames
from explorer.panels import alternatives
from explorer.panels.inside import windows
from explorer.panels.model import Shown
from explorer.writing import Writing
from tests.gpt.gpt2_folders import WORDS, gpt_2
from tests.pages.bench import bench, by_key, said  # noqa: F401

NAME = "huggingface/small"


@pytest.fixture
def small(own_folders, tokenizer_files):
    folder = own_folders / "models" / "small"
    gpt_2(folder, tokenizer_files)
    return folder


def shown(folder):
    return Shown(*gpt.load_huggingface(folder)[:2], 0, "small", str(folder))


def test_it_stands_after_the_shipped_models_and_writes(bench, small):  # noqa: F811
    at = bench.open("generate", model=NAME)
    box = by_key(at.selectbox, "generate_model")
    assert not at.warning and box.value == NAME
    assert box.options[len(cache.pretrained())] == "small, from a Hugging Face folder"
    by_key(at.button, "generate_one").click().run()
    assert not at.exception and f"V={WORDS}" in said(at)
    writing = at.session_state["generate.writing"]
    writing.wait(30)
    assert len(writing.tokens) == 1 and len(writing.tokens[0].logits) == WORDS


def test_page_9_looks_into_it(bench, small):  # noqa: F811
    at = bench.open(
        "look_inside", model=NAME, look_inside_text="3 times 🙂", look_inside_head="2.3"
    )
    assert not at.error and not at.warning
    assert "small (from a Hugging Face folder)" in said(at)
    assert by_key(at.selectbox, "look_inside_head").value == "2.3"


def test_one_that_cannot_be_read_is_a_sentence(bench, small):  # noqa: F811
    (small / "model.safetensors").unlink()
    at = bench.open("generate", model=NAME)
    warning = next(box.value for box in at.warning)
    assert "cannot be used" in warning and "has no model.safetensors" in warning
    assert "untrained" in said(at)


@pytest.mark.parametrize("asked", ["huggingface/../small", "/etc", "huggingface/none"])
def test_an_address_can_name_no_other_folder(bench, small, asked):  # noqa: F811
    box = by_key(bench.open("generate", model=asked).selectbox, "generate_model")
    assert box.value in cache.pretrained()


def test_a_folder_that_changed_is_another_model(small):
    before = cache.changed_last(small)
    os.utime(small / "merges.txt", ns=(before + 1, before + 1))
    assert cache.changed_last(small) == before + 1


def test_the_next_scores_are_those_of_the_last_position(small):
    model, tokenizer, _ = gpt.load_huggingface(small)
    ids = tuple(tokenizer.encode("3 times 7"))
    found = cache.next_scores(model, ids, "next scores")
    assert found == pytest.approx(
        gpt.trace(model, shown_idx(ids))["logits"][0, -1].numpy(), abs=1e-4
    )


def shown_idx(ids):
    import torch

    return torch.tensor([ids])


def test_its_own_tokenizer_writes_the_held_out_text(small, monkeypatch):
    """The corpus' ids are characters: they would have been other words for this model."""
    text = cache.text("python_docs")
    monkeypatch.setattr(windows.texts, "current", lambda: text)
    model = shown(small)
    x, y, name, _ = windows.validation_windows(model)
    held_out = text.tokenizer.decode(text.val_ids[: windows.CHARACTERS])
    assert x.shape == (64, 16) and name == "python_docs"
    assert (x[:, 1:] == y[:, :-1]).all()
    for row in x[:5].tolist():
        assert model.tokenizer.decode(row).strip("�") in held_out


def test_a_large_model_reads_fewer_tokens(small, monkeypatch):
    monkeypatch.setattr(windows.texts, "current", lambda: cache.text("python_docs"))
    model = shown(small)
    parameters = sum(p.numel() for p in model.model.parameters())
    monkeypatch.setattr(windows, "WORK", 40.0 * parameters)
    x, *_ = windows.validation_windows(model)
    assert x.shape == (8, 5)


def test_only_the_newest_scores_of_a_large_vocabulary_are_kept(small, monkeypatch):
    monkeypatch.setattr("explorer.writing.SCORES", 5 * WORDS)
    model, tokenizer, _ = gpt.load_huggingface(small)
    writing = Writing(model, tokenizer, "3 times", 12, seed=1)
    writing.wait(30)
    assert writing.done == 12 and len(writing.tokens) == 5


def test_parts_of_a_character_are_shown_as_bytes(small):
    """They all were "�", so that nobody could tell one from another."""
    model, tokenizer, _ = gpt.load_huggingface(small)
    parts = [tokenizer.tokens[i] for i in tokenizer.encode("🙂\n")]
    assert parts == ["\\xf0", "\\x9f", "\\x99", "\\x82", "\n"]
    token = gpt.Token(tokenizer.encode("🙂")[0], "", 1.0, model(shown_idx([0]))[0][0, 0].detach())
    assert frames.draws([token], tokenizer.tokens, 5)["character"].tolist() == ["\\xf0"]


def test_signs_of_a_token_are_not_read_as_markdown():
    assert alternatives._plain("**") == "\\*\\*" and alternatives._plain("␣the") == "␣the"
