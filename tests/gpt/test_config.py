import json
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.config import ModelConfig, Preset, TrainConfig
from gpt.errors import ConfigError
from gpt.presets import PRESETS, get_preset

BLOCKS = PRESETS["blocks"]
FIELDS = [f.name for kind in (ModelConfig, TrainConfig) for f in fields(kind)]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_a_preset_survives_json(preset):
    assert Preset.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_known_by_their_name(name):
    assert get_preset(name).name == name


def test_the_ladder_is_the_tutorials():
    """The values which the lecture's programs use, rung by rung."""
    one, four = PRESETS["self_attention"].model, PRESETS["multi_head"].model
    assert (one.n_head, one.size_of_head) == (1, 32) and (four.n_head, four.size_of_head) == (4, 8)
    assert not one.residual and not one.feed_forward and one.norm == "none"
    model, train = PRESETS["gpt_tutorial"].model, PRESETS["gpt_tutorial"].train
    assert (model.block_size, model.n_embd, model.n_head, model.n_layer) == (256, 384, 6, 6)
    assert (train.batch_size, train.learning_rate, model.dropout) == (64, 3e-4, 0.2)
    assert PRESETS["bigram"].train.learning_rate == 1e-2


BAD = [
    ({"n_embd": 33}, ["n_embd (33)", "n_head (4)", "try n_embd 32"]),
    ({"n_head": 64, "n_embd": 32}, ["divisible", "try n_embd 64"]),
    ({"learning_rate": 0}, ["learning_rate", "between", "got 0"]),
    ({"learning_rate": "nan"}, ["learning_rate", "nan"]),
    ({"learning_rate": "fast"}, ["learning_rate must be a number", "'fast'"]),
    ({"n_head": 0}, ["n_head", "got 0"]),
    ({"n_head": 2.5}, ["n_head must be", "whole", "2.5"]),
    ({"n_head": True}, ["n_head must be"]),
    ({"n_head": "inf"}, ["n_head must be"]),
    ({"n_head": 10**400}, ["n_head must be"]),
    ({"causal": "perhaps"}, ["causal must be true or false", "'perhaps'"]),
    ({"dropout": 0.95}, ["dropout", "0.9"]),
    ({"activation": "swish"}, ["activation must be one of relu, gelu", "'swish'"]),
    ({"prompt": 3}, ["prompt must be text"]),
    ({"n_heads": 4}, ["no setting 'n_heads'", "Did you mean 'n_head'?"]),
    ({"lernrate": 4}, ["no setting 'lernrate'"]),
    ({"output_projection": False, "head_size": 3}, ["output projection", "12", "32"]),
    ({"n_kv_head": 3}, ["n_head (4)", "n_kv_head (3)", "set n_kv_head to 0"]),
    ({"positions": "rotary", "head_size": 3}, ["pairs", "even", "got 3"]),
    ({"norm_kind": "batch"}, ["norm_kind must be one of layer, rms", "'batch'"]),
    ({"optimizer": "sgd"}, ["optimizer must be one of adamw, muon", "'sgd'"]),
]


@pytest.mark.parametrize(("changes", "words"), BAD, ids=lambda x: str(x)[:30])
def test_a_mistake_is_told_in_one_sentence(changes, words):
    with pytest.raises(ConfigError) as error:
        BLOCKS.with_settings(changes)
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match=r"no preset 'gpt_mimi'\. Did you mean 'gpt_mini'"):
        get_preset("gpt_mimi")


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text("01.e-x", max_size=6), st.just([])
)


@given(st.sampled_from(FIELDS), scalars)
def test_any_value_is_taken_or_refused_politely(name, value):
    try:
        preset = BLOCKS.with_settings({name: value})
    except ConfigError:
        return
    assert Preset.from_dict(preset.to_dict()) == preset


def test_text_from_a_command_line_becomes_the_fields_type():
    preset = BLOCKS.with_settings({"n_layer": "2", "causal": "no", "learning_rate": "3e-4"})
    assert (preset.model.n_layer, preset.model.causal) == (2, False)
    assert preset.train.learning_rate == 3e-4
    assert BLOCKS.model.n_layer == 3  # the preset itself is as it was


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        BLOCKS.model.n_layer = 2


def test_head_size_0_shares_the_channels_out():
    assert ModelConfig(n_embd=32, n_head=4).size_of_head == 8
    wide = ModelConfig(n_embd=32, n_head=4, head_size=16)
    assert (wide.size_of_head, wide.width) == (16, 64)
