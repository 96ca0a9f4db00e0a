"""Why depth needs help: how long the gradient is in each layer, measured for several variants.

The question is asked before the picture is shown, since the picture answers it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

import gpt
from explorer import cache, frames
from explorer.charts.gradients import create_gradients_chart
from explorer.language import count, message, say
from explorer.lessons import Lesson
from explorer.panels import question
from explorer.panels.model import Shown, untrained
from explorer.panels.picture import picture
from explorer.panels.piece import piece

MOST_TOKENS = 1024  # that a gradient is measured on
ANSWERS = [
    message("about as long (within 3 times)"),
    message("3 to 1,000 times shorter"),
    message("over 1,000 times shorter"),
]


def variants(preset: gpt.Preset) -> dict[str, gpt.Preset]:
    """The recipe with and without residual path and norm, all four; the one as set comes first."""
    on = preset.model.norm if preset.model.norm != "none" else "pre"
    found = {}
    for residual in (True, False):
        for norm in (on, "none"):
            variant = preset.with_settings({"residual": residual, "norm": norm})
            name = _parts(variant.model)
            if variant.model == preset.model:
                name = say("{variant} (as set)", variant=name)
            found[name] = variant
    return dict(sorted(found.items(), key=lambda item: item[1].model != preset.model))


def _parts(config: gpt.ModelConfig) -> str:
    path = say("residual path") if config.residual else say("no residual path")
    norm = say("no norm") if config.norm == "none" else say("norm {place}", place=config.norm)
    return f"{path}, {norm}"


def ask_gradient(lesson: Lesson) -> tuple[question.Answer, bool]:
    """The question about the first layer's gradient -> the answer, and whether to reveal."""
    answer = question.ask_choice(
        lesson,
        "gradient",
        say(
            "Six layers, no residual path, no norm. Before the first update, how long is the"
            " gradient in the first layer, measured against the last?"
        ),
        ANSWERS,
    )
    skip = st.toggle(
        say("Show the measurement without a guess"),
        key=f"{lesson.key}_skip",
        bind="query-params",
        help=say("For a teacher, or when you come back."),
    )
    return answer, answer.given or skip


@piece
def grade_gradient(answer: question.Answer, preset: gpt.Preset, text: cache.Text) -> None:
    """Measure what was asked, with the other settings of `preset`, and say how the answer did."""
    bare = preset.with_settings({"n_layer": 6, "residual": False, "norm": "none"})
    norms = norms_at_start(bare, text)
    if norms is None:
        return
    ratio = norms[-1] / max(norms[0], 1e-30)
    right = ANSWERS[0] if ratio < 3 else ANSWERS[1] if ratio <= 1000 else ANSWERS[2]
    question.grade_choice(
        answer,
        right,
        say(
            "Measured: {first:.1e} in the first layer, {last:.1e} in the last. Every layer on the"
            " way back multiplies the gradient by something small; the residual path adds a 1.",
            first=norms[0],
            last=norms[-1],
        ),
    )


def norms_at_start(preset: gpt.Preset, text: cache.Text) -> list[float] | None:
    """Gradient norm per layer before the first update, on the batch that training begins with.

    None when the text is too short for the context.
    """
    model = untrained(preset, text)
    batch = first_batch(preset, text)
    if batch is None:
        return None
    x, y = batch
    key = f"{model.key} {text.corpus.sha256} {preset.train}"
    return cache.gradient_norms(model.model, x, y, key)


def first_batch(preset: gpt.Preset, text: cache.Text) -> Any:
    """Inputs and targets (B, T) of a run's first step: the same text, the same seed.

    Of a large batch only the first windows, so that a slider answers at once. None: see above.
    """
    import torch

    T, train = preset.model.block_size, preset.train
    if len(text.val_ids) <= T:
        return None
    ids = torch.from_numpy(text.train_ids)
    x, y = gpt.Batches(ids, T, train.batch_size, train.seed).draw()
    most = max(1, MOST_TOKENS // T)
    return x[:most], y[:most]


def gradients_panel(
    lesson: Lesson, preset: gpt.Preset, text: cache.Text, shown: Callable[[], Shown]
) -> None:
    """Gradient norm per layer of the variants at the start, and of the page's run as it is now."""
    norms = {name: norms_at_start(variant, text) for name, variant in variants(preset).items()}
    trained = shown()
    batch = first_batch(preset, text)
    if batch is None:
        st.info(say("The text is too short for this context: choose a smaller context."))
        return
    own = ""
    same_text = trained.tokenizer.tokens == text.tokenizer.tokens
    fits = same_text and trained.model.config.block_size >= batch[0].shape[1]
    if trained.step > 0 and fits:
        key = f"{trained.key} {text.corpus.sha256} {preset.train} {preset.model.block_size}"
        found = cache.gradient_norms(trained.model, batch[0], batch[1], key)
        norms[trained.label] = found
        own = " " + count(
            len(found),
            "The run shown has {n} layer, {parts}.",
            "The run shown has {n} layers, {parts}.",
            parts=_parts(trained.model.config),
        )
    chart = create_gradients_chart(frames.gradients({n: f for n, f in norms.items() if f}))
    picture(chart, f"{lesson.key}_gradients", "gradients")
    B, T = batch[0].shape
    measured = say(
        "Measured: one forward and one backward pass on {B} windows of {T} tokens, the first that"
        " a run trains on; over all parameters of a layer, before the first update unless it says"
        " otherwise.",
        B=B,
        T=T,
    )
    st.caption(measured + own)
