"""GPT-2 from a folder: the numbers of `transformers`, and everything that is not GPT-2 refused."""

import json

import pytest
import torch

import gpt
from gpt.inspection import residuals
from tests.gpt.gpt2_folders import WORDS, gpt_2
from tests.gpt.helpers import TEXT, ids_of

KINDS = [
    {}, {"tie_word_embeddings": False}, {"activation_function": "gelu"}, {"n_inner": 48},
    {"activation_function": "relu", "n_layer": 1, "n_head": 1},
]  # fmt: skip


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_it_says_what_transformers_says(tmp_path, tokenizer_files, settings):
    theirs = gpt_2(tmp_path, tokenizer_files, **settings)
    model, tokenizer, card = gpt.load_huggingface(tmp_path)
    for T in (16, 5, 1):
        idx = ids_of(3, T, vocab_size=WORDS)
        with torch.no_grad():
            torch.testing.assert_close(model(idx)[0], theirs(idx).logits, rtol=0, atol=1e-5)
    assert sum(p.numel() for p in model.parameters()) == theirs.num_parameters()
    assert card["parameters"] == sum(gpt.parameters_by_component(model.config, WORDS).values())
    assert tokenizer.vocab_size == WORDS and not model.training


def test_what_passes_inside_is_what_transformers_reports(tmp_path, tokenizer_files):
    """Attention of every head and the residual stream after every layer."""
    theirs = gpt_2(tmp_path, tokenizer_files)
    model, *_ = gpt.load_huggingface(tmp_path)
    idx = ids_of(2, 9, vocab_size=WORDS)
    with torch.no_grad():
        seen = theirs(idx, output_attentions=True, output_hidden_states=True)
    found, stream = gpt.trace(model, idx), residuals(model, idx)
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(found["pattern"], torch.stack(seen.attentions), **close)
    torch.testing.assert_close(stream[:-1], torch.stack(seen.hidden_states[:-1]), **close)
    torch.testing.assert_close(found["final"], seen.hidden_states[-1], **close)


def test_it_writes_what_transformers_writes(tmp_path, tokenizer_files):
    theirs = gpt_2(tmp_path, tokenizer_files)
    model, tokenizer, _ = gpt.load_huggingface(tmp_path)
    ids = tokenizer.encode("3 times 7")
    with torch.no_grad():
        said = theirs.generate(
            torch.tensor([ids]), max_new_tokens=6, do_sample=False, pad_token_id=0
        )
    written = gpt.stream(model, tokenizer, "3 times 7", said.shape[1] - len(ids), temperature=0)
    assert [*ids, *(token.id for token in written)] == said[0].tolist()


def test_files_as_they_were_first_published(tmp_path, tokenizer_files):
    """No prefix, half precision, and the mask and the tied read-out among the weights."""
    theirs = gpt_2(tmp_path, tokenizer_files)
    weights = gpt.read_weights(tmp_path / "model.safetensors")
    old = {name.removeprefix("transformer."): w.half() for name, w in weights.items()}
    old |= {f"h.{layer}.attn.bias": torch.ones(1, 1, 16, 16) for layer in range(3)}
    old["lm_head.weight"] = old["wte.weight"].clone()
    gpt.save_weights(tmp_path / "model.safetensors", old)
    model, *_ = gpt.load_huggingface(tmp_path)
    idx = ids_of(2, 8, vocab_size=WORDS)
    with torch.no_grad():
        expected = theirs.half().float()(idx).logits
        torch.testing.assert_close(model(idx)[0], expected, rtol=0, atol=1e-5)


def test_it_survives_as_a_checkpoint_of_ours(tmp_path, tokenizer_files):
    gpt_2(tmp_path / "theirs", tokenizer_files)
    model, tokenizer, card = gpt.load_huggingface(tmp_path / "theirs")
    preset = gpt.Preset.from_dict(card["preset"])
    gpt.save_checkpoint(tmp_path / "ours", model, tokenizer, preset, {"title": card["title"]})
    again, their_tokenizer, _ = gpt.load_checkpoint(tmp_path / "ours")
    idx = ids_of(1, 8, vocab_size=WORDS)
    assert torch.equal(again(idx)[0], model(idx)[0]) and card["title"] == "theirs"
    assert their_tokenizer.encode(TEXT[:99]) == tokenizer.encode(TEXT[:99])


# --- what is not GPT-2 ---------------------------------------------------------------------------


def edit_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit_weights(folder, change):
    weights = gpt.read_weights(folder / "model.safetensors")
    change(weights)
    gpt.save_weights(folder / "model.safetensors", weights)


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def rename(old, new):
    return lambda folder: (folder / old).rename(folder / new)


WTE = "transformer.wte.weight"
REFUSED = {
    "no config": (without("config.json"), "is not a Hugging Face folder: it has no config.json"),
    "not JSON": (lambda f: (f / "config.json").write_text("{"), "not the JSON of a model"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "not the JSON of a model"),
    "llama": (lambda f: edit_config(f, model_type="llama"), "'llama': only 'gpt2'"),
    "epsilon": (lambda f: edit_config(f, layer_norm_epsilon=1e-6), "layer_norm_epsilon 1e-06"),
    "scaling": (lambda f: edit_config(f, scale_attn_weights=False), "scale_attn_weights False"),
    "bend": (lambda f: edit_config(f, activation_function="silu"), "activation 'silu'"),
    "inner": (lambda f: edit_config(f, n_inner=50), r"n_inner \(50\) must be a multiple"),
    "heads": (lambda f: edit_config(f, n_head=5), "n_embd .24. must be divisible by n_head .5."),
    "words": (lambda f: edit_config(f, n_layer="many"), "n_layer must be whole"),
    "pickle": (rename("model.safetensors", "pytorch_model.bin"), "pickle can run a program"),
    "no weights": (without("model.safetensors"), "has no model.safetensors"),
    "shards": (rename("model.safetensors", "model.safetensors.index.json"), "several files"),
    "cut": (lambda f: (f / "model.safetensors").write_bytes(b"12345"), "cannot be read as weights"),
    "no merges": (without("merges.txt"), "merges.txt is missing"),
    "no words": (without("vocab.json"), "tokenizer.json is missing"),
    "vocabulary": (lambda f: edit_config(f, vocab_size=310), "has 280 tokens, its model 310"),
    "shape": (lambda f: edit_config(f, n_positions=20), r"is \(16, 24\), expected \(20, 24\)"),
    "missing": (lambda f: edit_weights(f, lambda w: w.pop(WTE)), "wte.weight is missing"),
    "strange": (
        lambda f: edit_weights(f, lambda w: w.update(spare=torch.zeros(1))), "it has no spare"
    ),
    "deeper": (lambda f: edit_config(f, n_layer=2), "it has no h.2"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_whole_gpt_2_is_refused(tmp_path, tokenizer_files, case):
    gpt_2(tmp_path, tokenizer_files)
    spoil, words = REFUSED[case]
    spoil(tmp_path)
    with pytest.raises(gpt.CheckpointError, match=words) as error:
        gpt.load_huggingface(tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(gpt.CheckpointError, match="not a Hugging Face folder"):
        gpt.load_huggingface(tmp_path / "nowhere")


def test_our_own_checkpoint_is_not_taken_for_one_of_theirs(tmp_path, tokenizer_files):
    gpt_2(tmp_path / "theirs", tokenizer_files)
    model, tokenizer, card = gpt.load_huggingface(tmp_path / "theirs")
    preset = gpt.Preset.from_dict(card["preset"])
    gpt.save_checkpoint(tmp_path / "ours", model, tokenizer, preset)
    assert gpt.is_huggingface(tmp_path / "theirs")
    assert not gpt.is_huggingface(tmp_path / "ours") and not gpt.is_huggingface(tmp_path)
