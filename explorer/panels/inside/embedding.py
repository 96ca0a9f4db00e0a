"""Where the embedding puts each token: a map of the vocabulary, and the nearest neighbours."""

from typing import Any

import pandas as pd
import streamlit as st

import gpt
from explorer import inspected
from explorer.charts.embedding import create_embedding_chart, create_positions_chart
from explorer.components.glyphs import visible
from explorer.language import message, say
from explorer.panels.inside.reading import Reading, begin, keep, quoted
from explorer.panels.picture import picture

ALL = 300  # tokens: of a larger vocabulary only those of the text and the neighbours are drawn
NEAREST = 8
TOKENS, POSITIONS = message("tokens"), message("positions")


def embedding_view(reading: Reading) -> None:
    """The map of the tokens, or of the positions where these have vectors that were learned."""
    if _learned_positions(reading) is not None and _ask(reading) == POSITIONS:
        _positions(reading)
    else:
        _tokens(reading)


def _ask(reading: Reading) -> str:
    key = begin(reading.lesson, "embedding", lambda k: POSITIONS if k == POSITIONS else TOKENS)
    chosen = st.segmented_control(
        say("Vectors of the"),
        [TOKENS, POSITIONS],
        format_func=say,
        key=key,
        required=True,
        help=say(
            "The model learned one vector for each token and one for each position; it adds them."
        ),
    )
    keep(reading.lesson, "embedding", chosen, TOKENS)
    return chosen or TOKENS


def _tokens(reading: Reading) -> None:
    vectors, vocabulary = _token_vectors(reading), reading.shown.tokenizer.tokens
    V, C = vectors.shape
    token = reading.ids[reading.position]
    near = reading.measured(f"near {token}", lambda: _near(vectors, token))
    ids = list(range(V)) if V <= ALL else sorted({*reading.ids, *near})
    key = "map" if V <= ALL else f"map {token}"
    found = reading.measured(key, lambda: gpt.embedding_map(vectors[ids]))
    explained = _two(found)
    table = inspected.embedding_points(_plane(found), ids, vocabulary, token, near)
    left, right = reading.columns([3, 1], gap="large")
    with left:
        picture(
            create_embedding_chart(table, explained),
            f"{reading.lesson.key}_embedding_map",
            "embedding",
        )
    with right:
        st.markdown(say("**Nearest to {token}**", token=quoted(vocabulary[token])))
        st.dataframe(
            pd.DataFrame(
                {say("token"): [visible(vocabulary[i]) for i in near], say("cosine"): near.values()}
            ),
            hide_index=True,
            column_config={say("cosine"): st.column_config.NumberColumn(format="%+.3f")},
        )
    first, cosine = next(iter(near.items()))
    st.markdown(
        say(
            "Nearest to {token}, the token at position {position}, is {other} with a cosine of"
            " {cosine:+.3f} (1: the same way, 0: nothing in common).",
            token=quoted(vocabulary[token]),
            position=reading.position,
            other=quoted(vocabulary[first]),
            cosine=cosine,
        )
    )
    rings = say(
        "Neighbours (rings) are therefore taken from all {C} numbers, not from the picture.", C=C
    )
    parts = (_drawn(ids, V, near), _each(reading, C), _share_words(explained, len(ids), C), rings)
    st.caption(" ".join(parts))


def _drawn(ids: list[int], V: int, near: dict[int, float]) -> str:
    """Which tokens are on the map."""
    if V <= ALL:
        return say("Derived from the measured weights: all {V:,} tokens.", V=V)
    return say(
        "Derived from the measured weights: {n} of {V:,} tokens: those of the text and the {near}"
        " nearest to the chosen one, nothing else.",
        n=len(ids),
        V=V,
        near=len(near),
    )


def _each(reading: Reading, C: int) -> str:
    if reading.has_heads:
        return say("Each token is a learned vector of {C} numbers.", C=C)
    return say("Each token is a row of the bigram’s table of {C} numbers.", C=C)


def _positions(reading: Reading) -> None:
    vectors = _learned_positions(reading)
    T, C = vectors.shape
    found = reading.measured("map of positions", lambda: gpt.embedding_map(vectors))
    explained, points, i = _two(found), _plane(found), reading.position
    table = pd.DataFrame(
        {
            "position": range(T),
            "x": points[:, 0].tolist(),
            "y": points[:, 1].tolist(),
            "chosen": [j == i for j in range(T)],
        }
    )
    picture(
        create_positions_chart(table, explained),
        f"{reading.lesson.key}_positions_map",
        "positions",
    )
    near = reading.measured(f"near position {i}", lambda: _near(vectors, i))
    first, cosine = next(iter(near.items()), (i, 1.0))
    st.markdown(
        say(
            "Nearest to position {position} is position {other} with a cosine of {cosine:+.3f},"
            " taken from all {C} numbers.",
            position=i,
            other=first,
            cosine=cosine,
            C=C,
        )
    )
    st.caption(
        say(
            "Derived from the measured weights: the learned vectors of all {T} positions, joined in"
            " their order. {shares} A smooth path says that neighbouring positions got similar"
            " vectors; a tangle, that they did not.",
            T=T,
            shares=_share_words(explained, T, C),
        )
    )


def _share_words(explained: list[float], rows: int, C: int) -> str:
    """What the two axes show, beside what they show of vectors without any order."""
    even = 2 / max(2, min(rows - 1, C))
    return say(
        "The two axes show {share:.1%} of the variance; spread evenly over all axes, as in noise,"
        " two would show about {even:.1%} (a little more, as they are the largest).",
        share=sum(explained),
        even=even,
    )


def _near(vectors: Any, token: int) -> dict[int, float]:
    ids, cosines = gpt.nearest_tokens(vectors, token, NEAREST)
    return dict(zip(ids.tolist(), cosines.tolist(), strict=True))


def _plane(found: "gpt.EmbeddingMap") -> Any:
    """Points (N, 2), also where the vectors have fewer axes: the missing one is 0."""
    import torch.nn.functional as F

    return F.pad(found.points, (0, 2 - found.points.shape[1]))


def _two(found: "gpt.EmbeddingMap") -> list[float]:
    shares: list[float] = found.explained.tolist()
    return [*shares, 0.0, 0.0][:2]


def _token_vectors(reading: Reading) -> Any:
    model = reading.model
    return (model.token_embedding if reading.has_heads else model.table).weight.detach()


def _learned_positions(reading: Reading) -> Any:
    """Vectors (T, C) of the positions, or None where they are not learned."""
    learned = reading.has_heads and reading.model.config.positions == "learned"
    return reading.model.position_embedding.weight.detach() if learned else None
