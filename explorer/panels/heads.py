"""Several heads: the same computation done twice, and what each head looks at."""

import dataclasses
from collections.abc import Callable
from typing import Any

import streamlit as st

import gpt
from explorer import cache, frames
from explorer.charts.heads import create_head_scores_chart
from explorer.components.matrices import Matrix, matrices
from explorer.lessons import Lesson
from explorer.panels.model import Shown, current_run, readable
from explorer.panels.picture import picture

MOST = 12  # tokens; more would not be legible
WINDOW_TOKENS = 2048  # tokens of the validation text over which heads are scored
HERE, THERE = "the text above", "validation text"


def parameters_more(lesson: Lesson, text: cache.Text) -> float | None:
    """How many parameters the page's run has beyond the same model with one head of full width."""
    run = current_run(lesson)
    if run is None:
        return None
    config = gpt.ModelConfig.from_dict(run.spec()["model"])
    one = dataclasses.replace(config, n_head=1, head_size=0)
    many, few = (gpt.parameters_by_component(c, text.vocab_size) for c in (config, one))
    return float(sum(many.values()) - sum(few.values()))


def same_twice_panel(lesson: Lesson, shown: Callable[[], Shown], text: str) -> None:
    """Every head's output on the end of `text`, one by one, and all of them in one go."""
    import torch

    model = shown()
    ids = readable(model, text)[0][-MOST:]
    if len(ids) < 2:
        st.info("Type at least two characters that the training text knows.")
        return
    found = gpt.heads_beside_fused(model.model, torch.tensor([ids]))
    H, _, T, D = found["heads"].shape
    config = model.model.config
    difference = (found["side_by_side"] - found["fused"]).abs().max().item()
    st.markdown(
        f"**{H} heads one by one:** {H} × (T={T}, D={D}), side by side → (T={T}, C={H * D})"
        + f", projected → (T={T}, C={config.n_embd})" * config.output_projection
        + f". **All at once:** one matmul (T={T}, C={config.n_embd}) × (C={config.n_embd},"
        f" 3·H·D={3 * H * D}) for all queries, keys and values, then one fused attention. Largest"
        f" difference: **{difference:.1e}** (measured; rounding only)."
    )
    names = [model.tokenizer.tokens[i] for i in ids]
    heads = [
        Matrix(
            f"head {h + 1}",
            found["heads"][h, 0].numpy(),
            names,
            [str(d) for d in range(D)],
            caption="the readable head",
            link_rows=True,
            scale_max=float(found["fused"].abs().max()),
            before="|" if h else "",
        )
        for h in range(H)
    ]
    fused = Matrix(
        "fused",
        found["fused"][0].numpy(),
        names,
        [str(c) for c in range(config.n_embd)],
        title="all heads at once",
        caption="the fused attention: the same numbers",
        link_rows=True,
        scale_max=float(found["fused"].abs().max()),
        before="=" if not config.output_projection else "→",
    )
    matrices([*heads, fused], key=f"{lesson.key}_twice", height=430)


def scores_panel(lesson: Lesson, shown: Callable[[], Shown], text: cache.Text, read: str) -> None:
    """How much each head gives to four kinds of places, beside uniform attention."""
    where = st.segmented_control(
        "Scored on",
        [THERE, HERE],
        default=THERE,
        key=f"{lesson.key}_scored_on",
        help="Many windows of the validation text give a steadier number than one short text.",
        required=True,
    )
    model = shown()
    windows, said = _windows(model, text, read, where)
    if windows is None:
        st.info(said)
        return
    scores = cache.head_scores(model.model, windows, f"{model.key} {where} {said} {read}")
    table = frames.head_scores(scores)
    chart = create_head_scores_chart(table)
    picture(chart, f"{lesson.key}_scores", "head scores", "content", table)
    st.caption(
        f"Bars: the share of its weight that a head gives to such a place, a mean over {said}"
        f" (measured on {model.label}). Red mark: the same for a head that spreads its weight"
        " evenly; a bar near it says nothing. “Same token, earlier” counts only where there is an"
        " earlier copy."
    )


def _windows(model: Shown, text: cache.Text, read: str, where: str) -> tuple[Any, str]:
    """Ids (B, T) to score on and what they are in words; None and the reason if there are none."""
    import torch

    T = model.model.config.block_size
    if where == HERE:
        ids = readable(model, read)[0]
        if len(ids) < 2:
            return None, "Type at least two characters that the training text knows."
        return torch.tensor([ids]), f"the {len(ids)} characters read above"
    if model.tokenizer.tokens != text.tokenizer.tokens:
        said = "This run learnt from another text or other tokens; choose those in the sidebar."
        return None, said
    if T < 2 or len(text.val_ids) <= T:
        return None, "The context must be at least 2, and the validation text longer than it."
    B = max(1, WINDOW_TOKENS // T)
    validation = torch.from_numpy(text.val_ids)
    windows, _ = gpt.Batches(validation, T, B, seed=0).draw()
    return windows, f"{B} windows of {T} tokens of the validation text"
