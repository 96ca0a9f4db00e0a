"""One attention head taken apart on the learner's text: every matrix from Q, K, V to the output."""

from collections.abc import Callable

import streamlit as st

import gpt
from explorer import cache
from explorer.components.matrices import Dot, Matrix, matrices
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels.model import Shown, readable

MOST = 12  # tokens; more would not be legible


def head_panel(lesson: Lesson, shown: Callable[[], Shown], text: str) -> None:
    """Draw the steps of the first head of `shown()` on the end of `text`."""
    import torch

    model = shown()
    ids = readable(model, text)[0][-MOST:]
    if len(ids) < 2:
        st.info(say("Type at least two characters that the training text knows."))
        return
    layer = model.model.blocks[0].attention
    head = layer.heads()[0]
    x = cache.trace(model.model, tuple(ids), model.key)["attention_input"][0]  # (T, C)
    steps = gpt.attention_steps(head, torch.from_numpy(x))
    names = [model.tokenizer.tokens[i] for i in ids]
    T, D = steps["query"].shape
    said = say(
        "Model: {model}. T = {T} tokens, C = {C}, D = {D}. Hover a cell: the sum behind it is"
        " written out; every number is the model's own.",
        model=model.label,
        T=T,
        C=x.shape[1],
        D=D,
    )
    if model.model.config.positions == "rotary":
        said += " " + say("Queries and keys are shown as they meet: turned by their position.")
    st.caption(said)
    numbers = [str(d) for d in range(D)]
    scale = f"× {head.scale:.4f}"
    weights = say("weights")
    matrices(
        [
            Matrix("Q", steps["query"].numpy(), names, numbers, say("queries Q"), concept="query"),
            Matrix("K", steps["key"].numpy(), names, numbers, say("keys K"), concept="key"),
            Matrix("V", steps["value"].numpy(), names, numbers, say("values V"), concept="value"),
            Matrix(
                say("scores"),
                steps["scores"].numpy(),
                names,
                names,
                say("scores Q·Kᵀ"),
                say("how well each query fits each key"),
                dot=Dot("Q", "K", transpose_right=True),
                group="TT",
                before="→",
            ),
            Matrix(
                say("masked"),
                steps["masked"].numpy(),
                names,
                names,
                say("scaled ({scale}) and masked", scale=scale),
                say("hatched: the future, set to −∞"),
                dot=Dot("Q", "K", transpose_right=True, scale=head.scale),
                group="TT",
                before="→",
            ),
            Matrix(
                weights,
                steps["weights"].numpy(),
                names,
                names,
                say("softmax: the weights"),
                say("each row sums to 1"),
                palette="probability",
                scale_max=1.0,
                before="→",
                link_rows=True,
                sentence=say("‘{row}’ looks at ‘{column}’"),
            ),
            Matrix(
                say("output"),
                steps["output"].numpy(),
                names,
                numbers,
                say("output: weights · V"),
                say("the weighted average of the values"),
                dot=Dot(weights, "V"),
                before="→",
                link_rows=True,
            ),
        ],
        key=f"{lesson.key}_steps",
    )
