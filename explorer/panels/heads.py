"""Several heads: the same computation done twice, and what each head looks at."""

import dataclasses
from collections.abc import Callable
from typing import Any

import streamlit as st

import gpt
from explorer import cache, frames
from explorer.charts.heads import create_head_scores_chart
from explorer.components.matrices import Matrix, matrices
from explorer.language import count, message, say
from explorer.lessons import Lesson
from explorer.panels.model import Shown, current_run, readable
from explorer.panels.picture import drawn_picture

MOST = 12  # tokens; more would not be legible
WINDOW_TOKENS = 2048  # tokens of the validation text over which heads are scored
HERE, THERE = message("the text above"), message("validation text")


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
        st.info(say("Type at least two characters that the training text knows."))
        return
    found = gpt.heads_beside_fused(model.model, torch.tensor([ids]))
    H, _, T, D = found["heads"].shape
    config = model.model.config
    difference = (found["side_by_side"] - found["fused"]).abs().max().item()
    st.markdown(f"{_one_by_one(config, H, T, D)} {_all_at_once(config, H, T, D, difference)}")
    names = [model.tokenizer.tokens[i] for i in ids]
    heads = [
        Matrix(
            say("head {n}", n=h + 1),
            found["heads"][h, 0].numpy(),
            names,
            [str(d) for d in range(D)],
            caption=say("the readable head"),
            link_rows=True,
            scale_max=float(found["fused"].abs().max()),
            before="|" if h else "",
        )
        for h in range(H)
    ]
    fused = Matrix(
        say("fused"),
        found["fused"][0].numpy(),
        names,
        [str(c) for c in range(config.n_embd)],
        title=say("all heads at once"),
        caption=say("the fused attention: the same numbers"),
        link_rows=True,
        scale_max=float(found["fused"].abs().max()),
        before="=" if not config.output_projection else "→",
    )
    matrices([*heads, fused], key=f"{lesson.key}_twice", height=430)


def _one_by_one(config: gpt.ModelConfig, H: int, T: int, D: int) -> str:
    sizes = {"H": H, "T": T, "D": D, "HD": H * D, "C": config.n_embd}
    if config.output_projection:
        return say(
            "**{H} heads one by one:** {H} × (T={T}, D={D}), side by side → (T={T}, C={HD}),"
            " projected → (T={T}, C={C}).",
            **sizes,
        )
    return say(
        "**{H} heads one by one:** {H} × (T={T}, D={D}), side by side → (T={T}, C={HD}).", **sizes
    )


def _all_at_once(config: gpt.ModelConfig, H: int, T: int, D: int, difference: float) -> str:
    return say(
        "**All at once:** one matmul (T={T}, C={C}) × (C={C}, 3·H·D={fused}) for all queries, keys"
        " and values, then one fused attention. Largest difference: **{difference:.1e}** (measured;"
        " rounding only).",
        T=T,
        C=config.n_embd,
        fused=3 * H * D,
        difference=difference,
    )


def scores_panel(lesson: Lesson, shown: Callable[[], Shown], text: cache.Text, read: str) -> None:
    """How much each head gives to four kinds of places, beside uniform attention."""
    where = st.segmented_control(
        say("Scored on"),
        [THERE, HERE],
        default=THERE,
        key=f"{lesson.key}_scored_on",
        format_func=say,
        help=say("Many windows of the validation text give a steadier number than one short text."),
        required=True,
    )
    model = shown()
    windows, said = _windows(model, text, read, where)
    if windows is None:
        st.info(said)
        return
    key = f"{model.key} {text.corpus.sha256} {where} {tuple(windows.shape)} {read}"
    scores = cache.head_scores(model.model, windows, key)
    table = frames.head_scores(scores)
    heads = table["head"].nunique()
    key = f"{lesson.key}_scores"
    drawn_picture(create_head_scores_chart, table, key=key, name="head scores", heads=heads)
    st.caption(
        say(
            "Bars: the share of its weight that a head gives to such a place, a mean over {windows}"
            " (measured on {model}). Red mark: the same for a head that spreads its weight evenly;"
            " a bar near it says nothing. “Same token, earlier” counts only where there is an"
            " earlier copy.",
            windows=said,
            model=model.label,
        )
    )


def _windows(model: Shown, text: cache.Text, read: str, where: str) -> tuple[Any, str]:
    """Ids (B, T) to score on and what they are in words; None and the reason if there are none."""
    import torch

    T = model.model.config.block_size
    if where == HERE:
        ids = readable(model, read)[0]
        if len(ids) < 2:
            return None, say("Type at least two characters that the training text knows.")
        return torch.tensor([ids]), _read_above(model, len(ids))
    if model.tokenizer.tokens != text.tokenizer.tokens:
        return None, say(
            "This run learnt from another text or other tokens; choose those in the sidebar."
        )
    if T < 2 or len(text.val_ids) <= T:
        return None, say("The context must be at least 2, and the validation text longer than it.")
    B = max(1, WINDOW_TOKENS // T)
    validation = torch.from_numpy(text.val_ids)
    windows, _ = gpt.Batches(validation, T, B, seed=0).draw()
    return windows, count(
        B,
        "{n} window of {T} tokens of the validation text",
        "{n} windows of {T} tokens of the validation text",
        T=T,
    )


def _read_above(model: Shown, n: int) -> str:
    if model.tokenizer.kind == "character":
        return say("the {n} characters read above", n=n)
    return say("the {n} tokens read above", n=n)
