"""What `gpt.inspection` measures, as tidy DataFrames with documented columns, ready for charts."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from explorer import habits
from explorer.components.glyphs import visible
from explorer.language import say

if TYPE_CHECKING:
    import gpt

MEASURES = (*habits.SHARES, "entropy", "distance")


def head_table(scores: Mapping[str, "gpt.HeadScore"]) -> pd.DataFrame:
    """A row a head: columns head ("2.1"), habit (of habits.SHARES), clear (bool), and MEASURES."""
    rows = []
    layers, heads = scores["previous"].values.shape
    for layer in range(layers):
        for head in range(heads):
            found = [scores[name].values[layer, head].item() for name in MEASURES]
            best = habits.habit(scores, layer, head)
            rows.append((habits.name(layer, head), best.score, best.clear, *found))
    return pd.DataFrame(rows, columns=["head", "habit", "clear", *MEASURES])


def next_tokens(
    p: Any, vocabulary: Sequence[str], most: int, true: int | None = None, beside: Any = None
) -> pd.DataFrame:
    """The `most` likeliest next tokens, and the true one: p (V,) as a tensor.

    Columns token (visible), id, probability, rank (from 1), true (bool); with `beside` (V,),
    another model's probabilities, that column too.
    """
    order = p.argsort(descending=True, stable=True).tolist()
    chosen = order[:most]
    if true is not None and true not in chosen:
        chosen.append(true)
    rows = [(visible(vocabulary[i]), i, p[i].item(), order.index(i) + 1, i == true) for i in chosen]
    frame = pd.DataFrame(rows, columns=["token", "id", "probability", "rank", "true"])
    if beside is not None:
        frame["beside"] = [beside[i].item() for i in chosen]
    return frame


def lens_cells(
    lens: "gpt.Lens", tokens: Sequence[str], vocabulary: Sequence[str], places: Iterable[int]
) -> pd.DataFrame:
    """What each layer would say, a row a cell; `lens` is of the positions `places` alone.

    Columns row ("embeddings", "layer 1", …, "model"), position, read (visible), says (visible),
    probability, rank (of the true next token, 0 unknown), kl (nats), right (bool).
    """
    last = len(lens.top) - 1
    cells = []
    for column, i in enumerate(places):
        for layer in range(last + 1):
            rank = int(lens.target_rank[layer, 0, column])
            cells.append(
                (
                    lens_row(layer, last),
                    i,
                    visible(tokens[i]),
                    visible(vocabulary[int(lens.top[layer, 0, column])]),
                    float(lens.top_p[layer, 0, column]),
                    rank,
                    float(lens.kl[layer, 0, column]),
                    rank == 1,
                )
            )
    columns = ["row", "position", "read", "says", "probability", "rank", "kl", "right"]
    return pd.DataFrame(cells, columns=columns)


def lens_row(layer: int, last: int) -> str:
    """What a row of the lens is called: the last is what the model itself says."""
    if layer == last:
        return say("model")
    return say("layer {n}", n=layer) if layer else say("embeddings")


def attribution_parts(found: "gpt.Attribution", most: int) -> pd.DataFrame:
    """The shares of a score: columns part, kind, share; the largest first, at most `most` rows.

    What is left out is summed up in a last row, so that the shares always sum to the score.
    """
    rows = [
        (say("token embedding"), "embedding", found.token_embedding[0].item()),
        (say("position embedding"), "embedding", found.position_embedding[0].item()),
    ]
    for layer, heads in enumerate(found.heads[:, 0].tolist()):
        named = [say("head {name}", name=habits.name(layer, h)) for h in range(len(heads))]
        rows += [(name, "head", x) for name, x in zip(named, heads, strict=True)]
        written = found.feed_forward[layer, 0].item()
        rows.append((say("feed-forward {n}", n=layer + 1), "feed-forward", written))
    biases = found.attention_bias.sum() + found.final_norm_bias[0] + found.read_out_bias[0]
    rows.append((say("biases"), "bias", biases.item()))
    rows = [row for row in rows if row[2] != 0.0]
    rows.sort(key=lambda row: -abs(row[2]))
    if len(rows) > most:
        rest = sum(row[2] for row in rows[most - 1 :])
        others = say("{n} smaller parts", n=len(rows) - most + 1)
        rows = [*rows[: most - 1], (others, "rest", rest)]
    return pd.DataFrame(rows, columns=["part", "kind", "share"])


def sweep_cells(effects: Sequence["gpt.Effects"]) -> pd.DataFrame:
    """Effects of one layer each → columns layer (from 1), head (from 1; 0: the feed-forward), part
    ("head 1", …, "feed-forward"), effect and error (nats per token; error missing with one
    sequence), noise (bool), label."""
    rows = []
    for layer, found in enumerate(effects, 1):
        parts = [
            (h, say("head {name}", name=h), x, e)
            for h, (x, e) in enumerate(
                zip(found.heads[0].tolist(), found.heads_error[0].tolist(), strict=True), 1
            )
        ]
        whole, error = found.feed_forwards[0].item(), found.feed_forwards_error[0].item()
        parts.append((0, say("feed-forward"), whole, error))
        rows += [(layer, *part) for part in parts]
    frame = pd.DataFrame(rows, columns=["layer", "head", "part", "effect", "error"])
    frame = frame[frame["effect"].notna()].reset_index(drop=True)
    frame["noise"] = ~(frame["effect"].abs() >= 2 * frame["error"])  # unknown errors are no proof
    signed = [f"{x:+.3f}" if abs(x) < 10 else f"{x:+.1f}" for x in frame["effect"]]
    frame["label"] = [
        f"({x})" if noise else x for x, noise in zip(signed, frame["noise"], strict=True)
    ]
    return frame


def score_history(
    steps: Sequence[int], scores: Sequence[Mapping[str, "gpt.HeadScore"]], name: str
) -> pd.DataFrame:
    """Columns step, head ("2.1"), value: one score of every head over the snapshots of a run."""
    rows = []
    for step, found in zip(steps, scores, strict=True):
        for layer, heads in enumerate(found[name].values.tolist()):
            rows += [(step, habits.name(layer, h), value) for h, value in enumerate(heads)]
    return pd.DataFrame(rows, columns=["step", "head", "value"])


def embedding_points(
    points: Any,
    ids: Sequence[int],
    vocabulary: Sequence[str],
    chosen: int,
    near: Mapping[int, float],
) -> pd.DataFrame:
    """The tokens `ids` on the map, a row each: points (N, 2) as a tensor.

    near: cosines of the chosen token's nearest neighbours. Columns token (visible), id, kind, x, y,
    role ("chosen", "neighbour", ""), cosine (missing for those that are neither).
    """
    words = max(map(len, vocabulary)) > 1
    rows = []
    for token, (x, y) in zip(ids, points.tolist(), strict=True):
        role = "chosen" if token == chosen else "neighbour" if token in near else ""
        cosine = 1.0 if token == chosen else near.get(token)
        glyph, kind = visible(vocabulary[token]), kind_of(vocabulary[token], words)
        rows.append((glyph, token, kind, x, y, role, cosine))
    return pd.DataFrame(rows, columns=["token", "id", "kind", "x", "y", "role", "cosine"])


def kind_of(token: str, words: bool = False) -> str:
    """What a token begins with, spaces aside: a "vowel" or "consonant" (in lower case), "upper
    case", a "digit", "punctuation", "space", "other".

    words: tokens are words and parts of words. Letters then "begin a word", with a space before
    them, or "go on in a word": `" The"`, `"he"`.
    """
    letter = token.strip()[:1]
    if not letter:
        return "space" if token else "other"
    if letter.isalpha() and words:
        return "begins a word" if token[0].isspace() else "goes on in a word"
    if letter.isalpha():
        if letter.isupper():
            return "upper case"
        plain = unicodedata.normalize("NFD", letter)[0]  # é counts as e
        return "other" if not plain.isascii() else "vowel" if plain in "aeiou" else "consonant"
    if letter.isdigit():
        return "digit"
    return "punctuation" if unicodedata.category(letter)[0] in "PS" else "other"


def found_copies(
    text: str, training: str, copies: Sequence["gpt.inspection.Copy"], around: int
) -> pd.DataFrame:
    """A row a copy, the longest first: columns length, passage (visible), position (in the training
    text), surroundings (visible, with `around` characters before and after, the passage in ⟦ ⟧)."""
    rows = []
    for copy in copies:
        passage = visible(text[copy.start : copy.start + copy.length])
        end = copy.source + copy.length
        before = visible(training[max(0, copy.source - around) : copy.source]) * (copy.source > 0)
        after = visible(training[end : end + around]) * (end < len(training))
        rows.append((copy.length, passage, copy.source, f"{before}⟦{passage}⟧{after}"))
    return pd.DataFrame(rows, columns=["length", "passage", "position", "surroundings"])


def copied_lengths(text: str, copies: Sequence["gpt.inspection.Copy"]) -> list[int]:
    """For each character of `text` the length of the longest copy it is part of; 0: of none."""
    lengths = [0] * len(text)
    for copy in reversed(copies):  # the longest come first, so it is written last
        lengths[copy.start : copy.start + copy.length] = [copy.length] * copy.length
    return lengths
