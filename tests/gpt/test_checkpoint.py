import errno
import json
import pickle
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import gpt
from gpt import checkpoint
from gpt.checkpoint import (
    load_checkpoint,
    load_state,
    read_weights,
    save_checkpoint,
    save_state,
    save_weights,
    write_atomically,
)
from gpt.errors import CheckpointError
from gpt.model import build_model, weights_of
from gpt.presets import PRESETS
from tests.gpt.helpers import MODEL, TOKENIZER, V, ids_of

PRESET = replace(PRESETS["blocks"], model=MODEL)


@pytest.fixture
def folder(tmp_path):
    return save_checkpoint(tmp_path / "a", build_model(MODEL, V), TOKENIZER, PRESET, {"steps": 3})


@pytest.mark.parametrize(
    "changes",
    [{}, {"tie_weights": True}, {"bias": False}, {"architecture": "bigram"}],
    ids=str,
)
def test_a_round_trip_is_exact_to_the_bit(changes, tmp_path):
    preset = PRESET.with_settings(changes)
    model = build_model(preset.model, V, seed=3)
    save_checkpoint(tmp_path, model, TOKENIZER, preset, {"text": "été 🙂"})
    again, tokenizer, card = load_checkpoint(tmp_path)
    assert again.config == preset.model and tokenizer.tokens == TOKENIZER.tokens
    assert card == {"text": "été 🙂", "preset": preset.to_dict()}
    assert weights_of(again).keys() == weights_of(model).keys()
    for name, weight in weights_of(model).items():
        assert torch.equal(weights_of(again)[name], weight), name
    assert not again.training
    assert torch.equal(again(ids_of(1, 5))[0], model.eval()(ids_of(1, 5))[0])


def test_loaded_tied_weights_are_still_tied(tmp_path):
    preset = PRESET.with_settings({"tie_weights": True})
    save_checkpoint(tmp_path, build_model(preset.model, V), TOKENIZER, preset)
    model, _, _ = load_checkpoint(tmp_path)
    assert model.lm_head.weight is model.token_embedding.weight


def test_a_checkpoint_is_two_files_and_the_second_is_readable(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["version"] == 1 and config["vocab_size"] == V and config["card"] == {"steps": 3}


# --- what cannot be read -----------------------------------------------------------------------


def refused(folder, words="."):
    with pytest.raises(CheckpointError, match=words) as error:
        load_checkpoint(folder)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_none_is_refused(tmp_path):
    refused(tmp_path / "nowhere", "is not a checkpoint: it has no config.json")
    refused(tmp_path, "is not a checkpoint")


def test_missing_weights_are_refused(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "model.safetensors cannot be read")


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_cut_weights_are_refused(folder, share):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(folder, "model.safetensors cannot be read as weights")


FOREIGN = {
    "text": b"once upon a time there was a checkpoint",
    "zeros": bytes(1000),
    "zip": b"PK\x03\x04" + bytes(100),
    "header of another program": struct.pack("<Q", 2) + b"{}",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_foreign_weights_are_refused(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    refused(folder)


def test_weights_of_another_model_are_refused(folder):
    other = build_model(replace(MODEL, n_embd=32), V)
    save_weights(folder / "model.safetensors", weights_of(other))
    refused(folder, "not those of this model")


class Bomb:
    """Unpickling this writes a file: proof that the program in a pickle ran."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (Path(self.target).touch, ())


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_pickle_is_refused_and_never_run(folder, name, tmp_path):
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    refused(folder, name)
    torch.save({"weight": torch.zeros(2)}, folder / name)
    refused(folder, name)
    assert not (tmp_path / "ran").exists()


def test_a_newer_version_says_to_update(folder):
    change(folder, lambda config: config.update(version=2))
    refused(folder, "of version 2; this program reads version 1: update it")


def change(folder, how):
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    how(config)
    path.write_text(json.dumps(config), encoding="utf-8")


DAMAGE = {
    "no preset": lambda c: c.pop("preset"),
    "preset is a list": lambda c: c.update(preset=[]),
    "model is a list": lambda c: c["preset"].update(model=[]),
    "unknown field": lambda c: c["preset"]["model"].update(n_heads=2),
    "field of a wrong type": lambda c: c["preset"]["model"].update(n_head=[]),
    "field out of its limits": lambda c: c["preset"]["model"].update(n_layer=-1),
    "no tokenizer": lambda c: c.pop("tokenizer"),
    "tokenizer is a list": lambda c: c.update(tokenizer=[]),
    "tokenizer is unknown": lambda c: c["tokenizer"].update(kind="bpe"),
    "tokens are numbers": lambda c: c["tokenizer"].update(tokens=[1, 2]),
    "tokens are missing": lambda c: c["tokenizer"].pop("tokens"),
    "a token too few": lambda c: c["tokenizer"]["tokens"].pop(),
    "no size": lambda c: c.pop("vocab_size"),
    "size is text": lambda c: c.update(vocab_size="27"),
    "size is negative": lambda c: c.update(vocab_size=-1),
    "size of another text": lambda c: c.update(vocab_size=V + 1),
    "size beyond any memory": lambda c: c.update(vocab_size=10**15),
    "card is a list": lambda c: c.update(card=[1]),
    "card is null": lambda c: c.update(card=None),
}


@pytest.mark.parametrize("how", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_config_is_refused(folder, how):
    change(folder, how)
    refused(folder)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe", b'{"card": {}}'])
def test_a_config_that_is_no_config_is_refused(folder, data):
    (folder / "config.json").write_bytes(data)
    refused(folder, "config.json is damaged")


def test_extra_fields_in_the_card_are_welcome(folder):
    change(folder, lambda config: config["card"].update(author="someone"))
    assert load_checkpoint(folder)[2]["author"] == "someone"


# --- states ------------------------------------------------------------------------------------


def test_a_state_survives_its_file(tmp_path):
    state = gpt.TrainState({"a.b": torch.arange(3)}, {"step": 7, "last": None})
    save_state(tmp_path / "deep" / "state", state)
    again = load_state(tmp_path / "deep" / "state")
    assert again.meta == state.meta and torch.equal(again.tensors["a.b"], torch.arange(3))


def test_weights_are_not_a_state(folder):
    with pytest.raises(CheckpointError, match="no training state to continue from"):
        load_state(folder / "model.safetensors")


def test_a_missing_cut_or_foreign_state_is_refused(tmp_path):
    path = tmp_path / "state"
    for data in (None, b"", b"hello", struct.pack("<Q", 30) + b'{"__metadata__":{"state":"{"}}'):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(CheckpointError):
            load_state(path)


def test_the_saved_tensors_are_a_copy(tmp_path):
    weights = {"w": torch.zeros(3)}
    save_weights(tmp_path / "w", weights)
    weights["w"] += 1
    assert torch.equal(read_weights(tmp_path / "w")["w"], torch.zeros(3))


# --- a crash in the middle ---------------------------------------------------------------------


class PowerCut(BaseException):
    """Ends a write at once, like a kill."""


def failing(error):
    def fail(*_):
        raise error

    return fail


CRASHES = {
    "killed before the move": ("os.replace", PowerCut()),
    "killed while writing": ("Path.write_bytes", PowerCut()),
    "disk full": ("Path.write_bytes", OSError(errno.ENOSPC, "No space left on device")),
    "move refused": ("os.replace", PermissionError(errno.EACCES, "Permission denied")),
}


@pytest.mark.parametrize(("call", "error"), CRASHES.values(), ids=CRASHES)
def test_a_crash_leaves_the_old_checkpoint_whole(folder, call, error, monkeypatch):
    before = weights_of(load_checkpoint(folder)[0])
    with monkeypatch.context() as patched:
        patched.setattr(f"gpt.checkpoint.{call}", failing(error))
        with pytest.raises(type(error)):
            save_checkpoint(folder, build_model(MODEL, V, seed=9), TOKENIZER, PRESET)
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    after, _, card = load_checkpoint(folder)
    assert all(torch.equal(before[n], w) for n, w in weights_of(after).items())
    assert card["steps"] == 3


def test_a_crash_at_the_first_save_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.os, "replace", failing(PowerCut()))
        with pytest.raises(PowerCut):
            save_checkpoint(tmp_path / "new", build_model(MODEL, V), TOKENIZER, PRESET)
    refused(tmp_path / "new", "is not a checkpoint")


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    """At the moment of the move the old file is whole, and so is the new one beside it."""
    path, seen = tmp_path / "file", []
    path.write_bytes(b"old")
    replace_file = checkpoint.os.replace

    def look(source, target):
        seen.append((Path(source).read_bytes(), Path(target).read_bytes()))
        replace_file(source, target)

    monkeypatch.setattr(checkpoint.os, "replace", look)
    write_atomically(path, b"new and longer")
    assert seen == [(b"new and longer", b"old")] and path.read_bytes() == b"new and longer"
