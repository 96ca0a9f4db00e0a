"""A layer norm of the page's model computed by hand, number by number, beside PyTorch's own."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer.components.glyphs import visible
from explorer.lessons import Lesson
from explorer.panels.attention import readable
from explorer.panels.model import Shown


def layer_norm_panel(lesson: Lesson, shown: Callable[[], Shown], text: str) -> None:
    """A layer norm of the model on one position of `text`: by its definition, beside PyTorch's."""
    import torch

    model = shown()
    ids = readable(model, text)[0]
    if not ids:
        st.info("Type a character that the training text knows.")
        return
    norms = gpt.norm_inputs(model.model, torch.tensor([ids]))
    if not norms:
        st.info("This model has no layer norm: switch it on above, or choose another run.")
        return
    left, right = st.columns(2)
    name = left.selectbox(
        "Which norm",
        list(norms),
        format_func=_in_words,
        key=f"{lesson.key}_norm_shown",
        help="Every layer norm of the model, in the order in which a token meets them.",
    )
    position = right.select_slider(
        "Position",
        range(len(ids)),
        len(ids) - 1,
        key=f"{lesson.key}_position.{len(ids)}",
        format_func=lambda i: f"{i}: {_token(model, ids[i])}",
        help="Each position is normalised by itself, over its C numbers.",
    )
    norm, x = norms[name]
    steps = gpt.layer_norm_steps(norm, x[0, position].clone())
    difference = (steps.by_hand - steps.built_in).abs()
    st.dataframe(_table(steps, difference), hide_index=True, height=250, key=f"{lesson.key}_norm")
    st.caption(
        f"Model: {model.label}. C = {len(steps.x)} numbers of one position, mean {steps.mean:.4f},"
        f" variance {steps.variance:.4f} (divided by C), ε = {norm.eps:g}. By hand:"
        " (x − mean) / √(variance + ε) · γ + β. Largest difference to nn.LayerNorm:"
        f" {difference.max():.1e} (measured)."
    )


def _table(steps: "gpt.NormSteps", difference: Any) -> pd.DataFrame:
    columns = {
        "x": steps.x,
        "x − mean": steps.x - steps.mean,
        "normalised": steps.normalised,
        "γ": steps.gamma.detach(),
        "β": steps.beta.detach(),
        "by hand": steps.by_hand,
        "nn.LayerNorm": steps.built_in,
    }
    table: dict[str, Any] = {"channel": range(len(steps.x))}
    table |= {name: [f"{v:.5f}" for v in values.tolist()] for name, values in columns.items()}
    return pd.DataFrame(table | {"difference": [f"{v:.0e}" for v in difference.tolist()]})


def _in_words(name: str) -> str:
    """blocks.0.attention_norm → layer 1, attention; final_norm → final, before the read-out."""
    if name == "final_norm":
        return "final, before the read-out"
    _, layer, part = name.split(".")
    return f"layer {int(layer) + 1}, {part.removesuffix('_norm').replace('_', '-')}"


def _token(model: Shown, i: int) -> str:
    return visible(model.tokenizer.tokens[i])
