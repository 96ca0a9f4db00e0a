"""The learner's first characters, and the vectors that stand for them."""

from dataclasses import replace

import streamlit as st

import gpt
from explorer import cache, lessons
from explorer.averaging import Example
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.literal import literal
from explorer.panels import model
from explorer.panels.attention import too_short
from explorer.panels.choice import choose
from explorer.panels.model import Shown

T = 8  # tokens; the tutorial's context
TRAINED = message("trained")
NUMBERS = {message("2 random"): 2, message("4 random"): 4, TRAINED: 0}


def choose_example(lesson: Lesson, text: cache.Text, example: str) -> Example | None:
    """A text box and where its vectors come from -> the first characters as a model reads them.

    None, and a sentence on the page, when fewer than two of them can be read.
    """
    left, right = st.columns([3, 2], gap="medium")
    read = left.text_input(
        say("Text to average"),
        example,
        key=f"{lesson.key}_read",
        bind="query-params",
        max_chars=200,
        help=say(
            "Any text: its first {T} {units} are used, spaces included.",
            T=T,
            units=say(text.units),
        ),
    )
    numbers = choose(
        say("Numbers for each {unit}", unit=say(text.unit)),
        list(NUMBERS),
        place=right,
        key=f"{lesson.key}_numbers",
        help=say(
            "x, the vectors that are averaged: drawn at random, as in the tutorial, or what the"
            " trained model of page 4 has learnt for these {units} at these places.",
            units=say(text.units),
        ),
    )
    shown = _trained(text) if numbers == TRAINED else _drawn(text, NUMBERS[numbers])
    return _example(shown, read)


def _drawn(text: cache.Text, C: int) -> Shown:
    preset = gpt.PRESETS["self_attention"].with_settings({"n_embd": C})
    said = say("random, from seed {seed} (illustrative)", seed=preset.train.seed)
    return replace(model.untrained(preset, text), label=said)


def _trained(text: cache.Text) -> Shown:
    """The learner's own run of page 4 if its head is as it is written here, else the shipped."""
    own = model.of_page(lessons.BY_KEY["self_attention"], gpt.PRESETS["self_attention"], text)
    shipped = cache.pretrained().get("self_attention")
    if shipped is None or (own.step > 0 and is_plain(own.model.config)):
        return replace(own, label=say("those of {model} (measured)", model=own.label))
    try:
        changed = cache.changed_in(str(shipped))
        network, tokenizer, card = cache.checkpoint(str(shipped), changed)
    except (OSError, gpt.GPTError) as error:
        st.warning(
            say(
                "The shipped model cannot be used, so an untrained one takes its place: {error}",
                error=explain(error),
            )
        )
        return model.untrained(gpt.PRESETS["self_attention"], text)
    step = int(card["step"])
    label = say("those of the shipped `self_attention`, {step:,} steps (measured)", step=step)
    return Shown(network, tokenizer, step, label, f"{shipped}@{changed}")


def is_plain(config: gpt.ModelConfig) -> bool:
    """Whether a head with these settings is the fourth version and nothing more."""
    scaled = config.attention_scale == "head_size"
    return scaled and config.causal and config.positions != "rotary" and not config.qk_norm


def _example(shown: Shown, text: str) -> Example | None:
    import torch

    most = min(T, shown.model.config.block_size)
    ids = shown.tokenizer.encode(text, unknown="drop")[:most]
    if strange := shown.tokenizer.unknown(text[:most]):
        names = literal(", ".join(f"{u.character!r} ({u.name})" for u in strange[:3]))
        st.caption(say("Left out, the training text never had them: {names}.", names=names))
    if len(ids) < 2:
        st.info(too_short(shown))
        return None
    x = cache.trace(shown.model, tuple(ids), shown.key)["attention_input"][0]  # (T, C)
    tokens = [shown.tokenizer.decode([i]) for i in ids]
    head = shown.model.blocks[0].attention.heads()[0]
    return Example(tokens, torch.from_numpy(x), head, shown.label)
