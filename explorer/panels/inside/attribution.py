"""Which parts pushed a token up: the score of the next token as a sum over parts."""

import pandas as pd
import streamlit as st

import gpt
from explorer import habits, inspected
from explorer.charts.inside import create_attribution_chart, create_norms_chart
from explorer.panels.inside.reading import Reading, quoted
from explorer.panels.inside.tokens import glyph_of, probabilities
from explorer.panels.picture import picture

MOST_PARTS = 24
MOST_TOKENS = 12


def attribution_view(reading: Reading) -> None:
    """The parts of a score, the residual stream's length, and what the chosen head writes."""
    left, right = reading.columns([3, 2], gap="large")
    with left:
        _parts(reading)
    with right:
        _norms(reading)
        if reading.has_heads:
            _writes(reading)


def _parts(reading: Reading) -> None:
    target = _ask_target(reading)
    what = f"attribution {target} {reading.position}"
    try:
        found = reading.measured(
            what,
            lambda: gpt.attribute(
                reading.model, reading.idx, target, "mean", position=reading.position
            ),
        )
    except gpt.GPTError as error:
        st.info(str(error))
        return
    parts = inspected.attribution_parts(found, MOST_PARTS)
    chart = create_attribution_chart(parts)
    picture(chart, f"{reading.lesson.key}_attribution", "parts of a score")
    total, logit = found.total().item(), found.logit.item()
    first = parts.iloc[0]
    st.markdown(
        f"The score of {quoted(reading.shown.tokenizer.tokens[target])} lies {logit:+.4f} above the"
        f" mean of the vocabulary; the parts sum to {total:+.4f}. The largest part is"
        f" {first['part']}, {first['share']:+.2f}."
    )
    st.caption(
        "Measured; exact, with the final norm’s divisor held fixed. It says what each part wrote"
        " directly, not what later parts made of it. A head that only prepares the ground for a"
        " later one stands near 0 here, and is missed all the same when it is switched off."
    )


def _ask_target(reading: Reading) -> int:
    """The token whose score is taken apart: the true next one at first, else the likeliest."""
    i = reading.position
    order = probabilities(reading).argsort(descending=True)[:MOST_TOKENS].tolist()
    true = reading.ids[i + 1] if i + 1 < len(reading.ids) else None
    if true is not None:
        order = [true, *(token for token in order if token != true)]
    return st.selectbox(
        "Score of",
        order,
        format_func=lambda t: glyph_of(reading, t) + " (what comes)" * (t == true),
        key=f"{reading.lesson.key}_target_{i}",
        help="Why does the model give this token the score that it does, and not the mean one?",
    )


def _norms(reading: Reading) -> None:
    norms = reading.measured("norms", lambda: gpt.residual_norms(reading.model, reading.idx))
    found = norms[:, 0, reading.position].tolist()  # (L + 1,)
    if len(found) < 2:
        return
    names = ["text", *(f"layer {layer}" for layer in range(1, len(found)))]
    st.markdown("**How long the residual stream is**")
    chart = create_norms_chart(pd.DataFrame({"after": names, "norm": found}))
    picture(chart, f"{reading.lesson.key}_norms", "residual stream")
    st.caption(
        f"Measured at position {reading.position}: from {found[0]:.2f} after the embeddings to"
        f" {found[-1]:.2f} after the last layer."
    )


def _writes(reading: Reading) -> None:
    layer, head, i = reading.layer, reading.head, reading.position
    name = habits.name(layer, head)
    ids, pushes = reading.measured(
        f"writes {name} {i}",
        lambda: gpt.head_tokens(reading.model, reading.idx, layer, head, i),
    )
    norms = reading.measured("written", lambda: gpt.written_norms(reading.model, reading.idx))
    st.markdown(f"**What head {name} writes**")
    st.dataframe(
        pd.DataFrame(
            {
                "token": [glyph_of(reading, token) for token in ids[0].tolist()],
                "pushed up by": pushes[0].tolist(),
            }
        ),
        hide_index=True,
        column_config={"pushed up by": st.column_config.NumberColumn(format="%+.3f")},
    )
    st.caption(
        "Measured: the tokens whose score this head raises most here, above the mean of the"
        f" vocabulary. The vector it writes is {norms[layer, 0, i, head].item():.2f} long."
    )
