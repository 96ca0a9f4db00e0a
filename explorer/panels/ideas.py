"""The ideas since 2017, one at a time: words, formula, source, a picture to move, and the code."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from explorer import cache, demonstrations, differences, modern
from explorer.charts.curves import create_curves_chart
from explorer.components.code_view import code_view
from explorer.demonstrations import FAR, STILL, TURNED
from explorer.language import say
from explorer.lessons import Lesson
from explorer.modern import Idea
from explorer.panels.choice import choose
from explorer.panels.depth import first_batch
from explorer.panels.model import Shown
from explorer.source import read_source

FARTHEST = 4000  # the largest place of the query in the picture of rotary positions


def ideas_panel(lesson: Lesson, shown: Callable[[], Shown], text: cache.Text) -> None:
    """Choose an idea; explain it, show what it does, and its code."""
    names = [idea.name for idea in modern.IDEAS]
    chosen = choose(
        say("Idea"),
        names,
        key=f"{lesson.key}_idea",
        help=say("One at a time: what it is, what it does to a few numbers, and its code."),
    )
    idea = modern.IDEAS[names.index(chosen)]
    left, right = st.columns([2, 3], gap="large")
    with left:
        _explain(idea)
    with right:
        _picture(lesson, idea, shown, text)
    code_view(read_source(idea.code), key=f"{lesson.key}_idea_code_{idea.place}", height=300)


def _explain(idea: Idea) -> None:
    st.markdown(say(idea.words))
    st.latex(idea.formula_said)
    before = modern.tutorial(1)
    old = before.model.to_dict() | before.train.to_dict()
    switches = ", ".join(
        f"`{name}`: {differences.show(old[name])} → {differences.show(value)}"
        for name, value in idea.changes.items()
    )
    st.caption(
        say(
            "{source}. The switch of this idea, {switches}.",
            source=say(idea.source),
            switches=switches,
        )
    )


def _picture(lesson: Lesson, idea: Idea, shown: Callable[[], Shown], text: cache.Text) -> None:
    if idea.name == "Muon":
        _muon(lesson, shown, text)
    else:
        PICTURES[idea.name](lesson)


def _draw(
    lesson: Lesson, points: pd.DataFrame, x: str, y: str, about: str, dots: bool = False,
    log: bool = False,
) -> None:  # fmt: skip
    points = points.assign(series=points["series"].map(say))
    chart = create_curves_chart(points, x, y, about, dots, log)
    st.altair_chart(chart, width="stretch", key=f"{lesson.key}_idea_chart")


def _rotary(lesson: Lesson) -> None:
    left, right = st.columns(2)
    place = left.slider(
        say("Place of the query"),
        FAR,
        FARTHEST,
        500,
        key=f"{lesson.key}_place",
        help=say(
            "Move query and key along the text together: the curve stays, since only their"
            " distance counts."
        ),
    )
    seed = right.number_input(
        say("Query and key drawn from seed"),
        0,
        1000,
        1,
        key=f"{lesson.key}_pair",
        help=say("Another pair has another curve: what it asks of a distance is learnt."),
    )
    points = demonstrations.scores_by_distance(place, seed)
    _draw(
        lesson, points, say("distance (tokens)"), say("score"), say("Score against distance."),
        dots=True,
    )  # fmt: skip
    turned, still = (points[points["series"] == name]["y"].to_numpy() for name in (TURNED, STILL))
    first = demonstrations.scores_by_distance(FAR, seed)
    moved = abs(turned - first[first["series"] == TURNED]["y"].to_numpy()).max()
    st.caption(
        say(
            "Computed by `turned`: the score of one drawn pair, D = {D}. With the query at place"
            " {place:,} instead of {near} the curve moves by at most {moved:.0e} (rounding). Not"
            " turned, the score is {still:.2f} at every distance.",
            D=demonstrations.D,
            place=place,
            near=FAR,
            moved=moved,
            still=still[0],
        )
    )


def _qk_norm(lesson: Lesson) -> None:
    seed = st.number_input(
        say("Query and keys drawn from seed"),
        0,
        1000,
        1,
        key=f"{lesson.key}_keys",
        help=say("One query and 16 keys, of standard normal numbers."),
    )
    points = demonstrations.largest_weights(seed)
    _draw(
        lesson,
        points,
        say("queries and keys, times"),
        say("largest weight"),
        say("The largest attention weight while queries and keys grow, with the norm and without."),
    )
    free = points[points["series"] == demonstrations.FREE]["y"]
    normed = points[points["series"] == demonstrations.NORMED]["y"]
    st.caption(
        say(
            "Computed by `ready_to_meet`: of 16 weights the largest goes from {first:.2f} to"
            " {last:.2f} when queries and keys grow tenfold; with the norm it stays {normed:.2f}."
            " Even would be {even:.2f}.",
            first=free.iloc[0],
            last=free.iloc[-1],
            normed=normed.iloc[-1],
            even=1 / 16,
        )
    )


def _norms(lesson: Lesson) -> None:
    added = st.slider(
        say("Added to every number"),
        -4.0,
        4.0,
        2.0,
        0.5,
        key=f"{lesson.key}_added",
        help=say("Moves the mean. Layer norm takes it away again; RMSNorm does not."),
    )
    points = demonstrations.norms(added)
    about = say("16 numbers before and after the norms.")
    _draw(lesson, points, say("channel"), say("number"), about, dots=True)
    mean = {name: part["y"].mean() for name, part in points.groupby("series")}
    st.caption(
        say(
            "Computed by `make_norm`: the mean of the numbers is {before:.2f}; after layer norm"
            " {layer:.2f}, after RMSNorm {rms:.2f}. Where the mean is near 0 the two agree.",
            before=mean["the numbers"],
            layer=abs(mean["layer norm"]),
            rms=mean["RMSNorm"],
        )
    )


def _swiglu(lesson: Lesson) -> None:
    value = st.slider(
        say("The value behind the gate"),
        -2.0,
        2.0,
        1.0,
        0.25,
        key=f"{lesson.key}_gated",
        help=say(
            "The other half of the hidden numbers: what goes through as far as the gate is open."
        ),
    )
    points = demonstrations.bends(["relu", "swiglu"], value)
    _draw(
        lesson, points, say("number (of SwiGLU: the gate)"), say("becomes"), say("ReLU and SwiGLU.")
    )  # fmt: skip
    st.caption(
        say(
            "Computed by the activations of `gpt`. The gate is silu: nearly shut below 0, open"
            " above; what it lets through is {value:g} times as much. A ReLU has no second number.",
            value=value,
        )
    )


def _relu_squared(lesson: Lesson) -> None:
    _draw(
        lesson,
        demonstrations.bends(["relu", "gelu", "relu_squared"]),
        say("number"),
        say("becomes"),
        say("ReLU, GELU and squared ReLU."),
    )
    st.caption(
        say(
            "Computed by the activations of `gpt`. Below 1 the square is smaller than ReLU, above 1"
            " larger; at 0 it has no corner."
        )
    )


def _shared(lesson: Lesson) -> None:
    heads = st.select_slider(
        say("Heads (H)"),
        (2, 3, 4, 6, 8, 12),
        3,
        key=f"{lesson.key}_heads",
        help=say("Of a model of gpt_modern's width: each head gets 96 / H numbers."),
    )
    points = demonstrations.caches(heads)
    about = say("Memory for keys and values, by tokens.")
    _draw(lesson, points, say("tokens read"), say("KiB kept"), about)
    own, shared = (
        points[points["series"] == name]["y"].iloc[-1]
        for name in (demonstrations.OWN, demonstrations.SHARED)
    )
    st.caption(
        say(
            "Derived: with a full context of 64, {own:.1f} KiB with {heads} heads of keys and"
            " values, {shared:.1f} KiB with one: {less:.0f} times less. In a model of a thousand"
            " times this size it decides how many texts can be written at once.",
            own=own,
            heads=heads,
            shared=shared,
            less=own / shared,
        )
    )


def _schedule(lesson: Lesson) -> None:
    warmup = st.slider(
        say("Warm-up steps"),
        0,
        120,
        10,
        5,
        key=f"{lesson.key}_warmup",
        help=say("Over so many steps the learning rate rises."),
    )
    points = demonstrations.rates(warmup)
    about = say("Learning rate by step.")
    _draw(lesson, points, say("step"), say("share of the highest rate"), about)
    mean = points[points["series"] == "linear"]["y"].mean()
    st.caption(
        say(
            "Computed by `learning_rate_at` for 240 steps. The switch takes the straight line and"
            " the same highest rate: on average {mean:.0%} of the constant one. Recipes with a"
            " schedule take a higher one.",
            mean=mean,
        )
    )


def _muon(lesson: Lesson, shown: Callable[[], Shown], text: cache.Text) -> None:
    model = shown()
    names = demonstrations.matrices(model.model)
    batch = first_batch(modern.tutorial(1), text)
    same_text = model.tokenizer.tokens == text.tokenizer.tokens
    if not names or batch is None or not same_text:
        st.info(say("The text is too short for this context, or the run shown is of another text."))
        return
    name = st.selectbox(
        say("Matrix"),
        names,
        key=f"{lesson.key}_matrix",
        help=say(
            "The matrices inside the blocks, which Muon moves. (Embeddings and read-out stay with"
            " AdamW.)"
        ),
    )
    x, y = batch
    points = cache.measured(
        f"spectra {text.corpus.sha256}",
        f"{model.key} {name}",
        (),
        lambda: demonstrations.spectra(model.model, name, x, y),
    )
    _draw(
        lesson, points, say("direction, the strongest first"), say("singular value"),
        say("Singular values of a gradient and of Muon's step."), log=True,
    )  # fmt: skip
    st.caption(_spectra_in_words(points, name, x.shape[0], model.label))


def _spectra_in_words(points: pd.DataFrame, name: str, windows: int, model: str) -> str:
    before, after = (
        points[points["series"] == n]["y"] for n in (demonstrations.BEFORE, demonstrations.AFTER)
    )
    return say(
        "Measured: the gradient of {name} on the first batch of {windows} windows; model:"
        " {model}. Of its {n} directions {weak} are under a tenth of the strongest."
        " `orthogonalised` brings all but {left} of them above that, {near} between 0.5 and 2:"
        " in three rounds of products, without a decomposition.",
        name=name,
        windows=windows,
        model=model,
        n=len(before),
        weak=(before < 0.1).sum(),
        left=(after < 0.1).sum(),
        near=((after > 0.5) & (after < 2)).sum(),
    )


PICTURES: dict[str, Callable[[Lesson], None]] = {
    "rotary positions": _rotary,
    "query-key norm": _qk_norm,
    "RMSNorm": _norms,
    "SwiGLU": _swiglu,
    "squared ReLU": _relu_squared,
    "shared keys and values": _shared,
    "a schedule": _schedule,
}
