"""A layer norm of the page's model computed by hand, number by number, beside PyTorch's own."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer.components.glyphs import visible
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.model import Shown, readable

PARTS = {
    "attention_norm": message("attention"),
    "feed_forward_norm": message("feed-forward"),
}


def layer_norm_panel(lesson: Lesson, shown: Callable[[], Shown], text: str) -> None:
    """A layer norm of the model on one position of `text`: by its definition, beside PyTorch's."""
    import torch

    model = shown()
    ids = readable(model, text)[0]
    if not ids:
        st.info(say("Type a character that the training text knows."))
        return
    norms = gpt.norm_inputs(model.model, torch.tensor([ids]))
    if not norms:
        st.info(say("This model has no layer norm: switch it on above, or choose another run."))
        return
    left, right = st.columns(2)
    name = left.selectbox(
        say("Which norm"),
        list(norms),
        format_func=_in_words,
        key=f"{lesson.key}_norm_shown",
        help=say("Every layer norm of the model, in the order in which a token meets them."),
    )
    position = right.select_slider(
        say("Position"),
        range(len(ids)),
        len(ids) - 1,
        key=f"{lesson.key}_position.{len(ids)}",
        format_func=lambda i: f"{i}: {_token(model, ids[i])}",
        help=say("Each position is normalised by itself, over its C numbers."),
    )
    norm, x = norms[name]
    steps = gpt.layer_norm_steps(norm, x[0, position].clone())
    difference = (steps.by_hand - steps.built_in).abs()
    st.dataframe(_table(steps, difference), hide_index=True, height=250, key=f"{lesson.key}_norm")
    st.caption(_in_sum(model, steps, norm.eps, difference.max().item()))


def _in_sum(model: Shown, steps: "gpt.NormSteps", eps: float, difference: float) -> str:
    return say(
        "Model: {model}. C = {C} numbers of one position, mean {mean:.4f}, variance"
        " {variance:.4f} (divided by C), ε = {eps:g}. By hand: (x − mean) / √(variance + ε) · γ"
        " + β. Largest difference to nn.LayerNorm: {difference:.1e} (measured).",
        model=model.label,
        C=len(steps.x),
        mean=steps.mean,
        variance=steps.variance,
        eps=eps,
        difference=difference,
    )


def _table(steps: "gpt.NormSteps", difference: Any) -> pd.DataFrame:
    columns = {
        "x": steps.x,
        say("x − mean"): steps.x - steps.mean,
        say("normalised"): steps.normalised,
        "γ": steps.gamma.detach(),
        "β": steps.beta.detach(),
        say("by hand"): steps.by_hand,
        "nn.LayerNorm": steps.built_in,
    }
    table: dict[str, Any] = {say("channel"): range(len(steps.x))}
    table |= {name: [f"{v:.5f}" for v in values.tolist()] for name, values in columns.items()}
    return pd.DataFrame(table | {say("difference"): [f"{v:.0e}" for v in difference.tolist()]})


def _in_words(name: str) -> str:
    """blocks.0.attention_norm → layer 1, attention; final_norm → final, before the read-out."""
    if name == "final_norm":
        return say("final, before the read-out")
    _, layer, part = name.split(".")
    return say("layer {layer}, {part}", layer=int(layer) + 1, part=say(PARTS[part]))


def _token(model: Shown, i: int) -> str:
    return visible(model.tokenizer.tokens[i])
