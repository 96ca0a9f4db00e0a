"""Where an output comes from (rollout), and what need not be computed again (the cache)."""

import pandas as pd
import streamlit as st

import gpt
from explorer.amounts import percent, size
from explorer.charts.shares import STATES, create_kept_chart, create_rollout_chart
from explorer.components.glyphs import visible, visible_all
from explorer.language import say
from explorer.panels.inside.reading import Reading
from explorer.panels.inside.tokens import scores_after
from explorer.panels.picture import picture

MOST_COLUMNS = 64  # positions in the picture of the cache


def rollout_view(reading: Reading) -> None:
    """How much of each input is in the output at the chosen position, if attention were all."""
    if not reading.has_heads:
        st.info(
            say("The bigram has no attention to roll out: each output comes from its own token.")
        )
        return
    import torch

    config, i = reading.model.config, reading.position
    # The rollout takes the mean over the heads, so that is all that it is given.
    means = reading.measured(
        "head means",
        lambda: torch.stack([reading.weights(layer).mean(0) for layer in range(config.n_layer)]),
    )  # (L, T, T)
    found = gpt.attention_rollout(means[:, None, None], config.causal)
    seen = i + 1 if config.causal else len(reading.ids)
    shares = pd.DataFrame(
        {
            "position": range(seen),
            "token": visible_all(reading.tokens[:seen]),
            "share": found.shares[-1, 0, i, :seen].tolist(),
            "even": found.uniform[-1, i, :seen].tolist(),
        }
    )
    picture(create_rollout_chart(shares, i), f"{reading.lesson.key}_rollout", "rollout")
    st.markdown(_rollout_words(reading, shares))
    st.caption(
        say(
            "Derived from the measured weights: the mean over the heads and the residual path, half"
            " each, multiplied through the layers. Red marks: the same for even attention, in which"
            " depth alone already piles weight on the first token. It leaves out values,"
            " feed-forwards and norms: it says where a path exists, not what travels along it."
        )
    )


def _rollout_words(reading: Reading, shares: pd.DataFrame) -> str:
    """Which position stands out most from even attention."""
    i, most = reading.position, int((shares["share"] - shares["even"]).idxmax())
    return say(
        "Of the output at position {position}, {token}, furthest above even attention is"
        " position {other}, {source}, with {share}; evenly it would be {even}.",
        position=i,
        token=reading.token(i),
        other=most,
        source=reading.token(most),
        share=percent(shares["share"][most]),
        even=percent(shares["even"][most]),
    )


def cache_view(reading: Reading) -> None:
    """What is kept and what is computed when the chosen position is read with the cache."""
    config, i = reading.model.config, reading.position
    if not reading.has_heads:
        st.info(say("The bigram keeps nothing: it only needs the last token."))
        return
    if not config.causal:
        st.info(
            say("Without the mask a new token changes what earlier ones say: nothing can be kept.")
        )
        return
    start = max(0, min(i - MOST_COLUMNS // 2, len(reading.ids) - MOST_COLUMNS))
    cells = [
        (layer + 1, j, visible(reading.tokens[j]), STATES[0 if j < i else 1 if j == i else 2])
        for layer in range(config.n_layer)
        for j in range(start, min(start + MOST_COLUMNS, len(reading.ids)))
    ]
    table = pd.DataFrame(cells, columns=["layer", "position", "token", "state"])
    picture(create_kept_chart(table, i), f"{reading.lesson.key}_kept", "cache")
    held, taken, difference = reading.measured(f"cache {i}", lambda: _step(reading))
    st.markdown(_kept_words(reading, held, taken))
    _kept_numbers(config, i, held, taken)
    st.caption(
        say(
            "Each cell stands for the key and the value of one position in all {G} heads of keys"
            " and values of a layer. At position {position} one query, key and value are computed"
            " in each layer and head; the keys and values of the {position} positions before come"
            " from the cache. Largest difference between the scores with the cache and without it:"
            " {difference:.1e} (measured; rounding only).",
            G=config.kv_heads,
            position=i,
            difference=difference,
        )
    )


def _kept_numbers(config: gpt.ModelConfig, i: int, held: int, taken: int) -> None:
    """What is kept after position i, and the dot products with the cache and without it."""
    L, H, G, D = config.n_layer, config.n_head, config.kv_heads, config.size_of_head
    row = st.container(horizontal=True, gap="large")
    row.metric(
        say("Kept after this step"),
        size(held),
        help=say(
            "2 (keys and values) × {L} layers × {G} heads × {D} numbers × {n} positions × 4 bytes"
            " (derived); {size} are set aside for the whole context.",
            L=L,
            G=G,
            D=D,
            n=i + 1,
            size=size(taken),
        ),
        width="content",
    )
    row.metric(
        say("Dot products q·k in this step"),
        f"{L * H * (i + 1):,}",
        help=say("{L} layers × {H} heads × {n} positions to look at (derived).", L=L, H=H, n=i + 1),
        width="content",
    )
    row.metric(
        say("Without the cache"),
        f"{L * H * (i + 1) * (i + 2) // 2:,}",
        help=say("The same for this position and all before it, computed again (derived)."),
        width="content",
    )


def _kept_words(reading: Reading, held: int, taken: int) -> str:
    """The bytes of the cache now and for the whole context, and what groups of heads save."""
    config, i = reading.model.config, reading.position
    H, G = config.n_head, config.kv_heads
    said = say(
        "Reading {token} at position {position}, the cache holds {held} of keys and values; the"
        " whole context of {context} positions takes {taken} (derived).",
        token=reading.token(i),
        position=i,
        held=size(held),
        context=config.block_size,
        taken=size(taken),
    )
    if G == H:
        return said
    grouped = say(
        "Its {H} heads share {G} of keys and values: with {H} of them it would be {size}, so"
        " grouping saves {share:.0%}.",
        H=H,
        G=G,
        size=size(taken * H / G),
        share=1 - G / H,
    )
    return f"{said} {grouped}"


def _step(reading: Reading) -> tuple[int, int, float]:
    """Bytes in use and bytes taken after reading up to the position with the cache, and how far the
    scores of that step lie from those without it."""
    import torch

    kept = gpt.KVCache(reading.model.config, 1, torch.device("cpu"))
    i, idx = reading.position, reading.idx
    with torch.inference_mode():
        if i:
            reading.model(idx[:, :i], cache=kept)
        logits, _ = reading.model(idx[:, i : i + 1], cache=kept)
    taken = kept.nbytes
    used = taken * kept.length // reading.model.config.block_size
    difference = (logits[0, -1] - scores_after(reading)).abs().max().item()
    return used, taken, difference
