"""Which parts pushed a token up: the score of the next token as a sum over parts."""

import pandas as pd
import streamlit as st

import gpt
from explorer import habits, inspected
from explorer.charts.inside import create_attribution_chart, create_norms_chart
from explorer.language import explain, say
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
        st.info(explain(error))
        return
    parts = inspected.attribution_parts(found, MOST_PARTS)
    chart = create_attribution_chart(parts)
    picture(chart, f"{reading.lesson.key}_attribution", "parts of a score")
    total, logit = found.total().item(), found.logit.item()
    first = parts.iloc[0]
    st.markdown(
        say(
            "The score of {token} lies {logit:+.4f} above the mean of the vocabulary; the parts sum"
            " to {total:+.4f}. The largest part is {part}, {share:+.2f}.",
            token=quoted(reading.shown.tokenizer.tokens[target]),
            logit=logit,
            total=total,
            part=first["part"],
            share=first["share"],
        )
    )
    st.caption(
        say(
            "Measured; exact, with the final norm’s divisor held fixed. It says what each part"
            " wrote directly, not what later parts made of it. A head that only prepares the ground"
            " for a later one stands near 0 here, and is missed all the same when it is switched"
            " off."
        )
    )


def _ask_target(reading: Reading) -> int:
    """The token whose score is taken apart: the true next one at first, else the likeliest."""
    i = reading.position
    order = probabilities(reading).argsort(descending=True)[:MOST_TOKENS].tolist()
    true = reading.ids[i + 1] if i + 1 < len(reading.ids) else None
    if true is not None:
        order = [true, *(token for token in order if token != true)]
    return st.selectbox(
        say("Score of"),
        order,
        format_func=lambda t: (
            say("{token} (what comes)", token=glyph_of(reading, t))
            if t == true
            else glyph_of(reading, t)
        ),
        key=f"{reading.lesson.key}_target_{i}",
        help=say(
            "Why does the model give this token the score that it does, and not the mean one?"
        ),
    )


def _norms(reading: Reading) -> None:
    norms = reading.measured("norms", lambda: gpt.residual_norms(reading.model, reading.idx))
    found = norms[:, 0, reading.position].tolist()  # (L + 1,)
    if len(found) < 2:
        return
    names = [say("text"), *(say("layer {n}", n=layer) for layer in range(1, len(found)))]
    st.markdown(say("**How long the residual stream is**"))
    chart = create_norms_chart(pd.DataFrame({"after": names, "norm": found}))
    picture(chart, f"{reading.lesson.key}_norms", "residual stream")
    st.caption(
        say(
            "Measured at position {position}: from {first:.2f} after the embeddings to {last:.2f}"
            " after the last layer.",
            position=reading.position,
            first=found[0],
            last=found[-1],
        )
    )


def _writes(reading: Reading) -> None:
    layer, head, i = reading.layer, reading.head, reading.position
    name = habits.name(layer, head)
    ids, pushes = reading.measured(
        f"writes {name} {i}",
        lambda: gpt.head_tokens(reading.model, reading.idx, layer, head, i),
    )
    norms = reading.measured("written", lambda: gpt.written_norms(reading.model, reading.idx))
    st.markdown(say("**What head {head} writes**", head=name))
    st.dataframe(
        pd.DataFrame(
            {
                say("token"): [glyph_of(reading, token) for token in ids[0].tolist()],
                say("pushed up by"): pushes[0].tolist(),
            }
        ),
        hide_index=True,
        column_config={say("pushed up by"): st.column_config.NumberColumn(format="%+.3f")},
    )
    st.caption(
        say(
            "Measured: the tokens whose score this head raises most here, above the mean of the"
            " vocabulary. The vector it writes is {length:.2f} long.",
            length=norms[layer, 0, i, head].item(),
        )
    )
