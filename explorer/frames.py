"""Results of gpt and of runs as tidy DataFrames with documented columns, ready for charts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explorer import ladder
from explorer.components.glyphs import visible
from explorer.ladder import Step
from explorer.language import message, say

CHARACTERS = message("characters")
MOST_POINTS = 60  # estimates of a run on a chart; enough for any screen
GREY_POINTS = 1_000  # that the runs without a colour share, so that a class costs what a run does
GREY_EACH = 8, 24  # of them to each run, at least and at most
NEAR = 0.15  # nats: lines that are closer may have no room for their names one above the other
COMPONENTS = (  # of `gpt.parameters_by_component`
    message("table"), message("token embedding"), message("position embedding"),
    message("attention"), message("feed-forward"), message("layer norm"), message("read-out"),
)  # fmt: skip


def loss_curve(
    curve: Mapping[str, np.ndarray], evaluations: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Columns step, batch, train, validation (nats); missing where a series has no value."""
    batch = pd.DataFrame({"step": curve["step"], "batch": curve["loss"]})
    estimates = pd.DataFrame(
        {
            "step": [e["step"] for e in evaluations],
            "train": [e["train_loss"] for e in evaluations],
            "validation": [e["val_loss"] for e in evaluations],
        },
        dtype=float,
    )
    return batch.merge(estimates, on="step", how="outer")


def references(values: Mapping[str, float], curves: bool = True) -> pd.DataFrame:
    """Columns loss, label, place: one row per reference line, the highest first.

    place: how many lines lie just above it (two at most), whose labels are in the way of its own.
    3 for the lowest of several where `curves` come down to it: at the left, before they are there.
    """
    ordered = sorted(values.items(), key=lambda named: -named[1])
    labels = [f"{say(name)}: {loss:.3f}" for name, loss in ordered]
    losses = [loss for _, loss in ordered]
    places: list[int] = []
    for i, loss in enumerate(losses):
        near = i and losses[i - 1] - loss < NEAR
        places.append(min(places[-1] + 1, 2) if near else 0)
    if curves and len(places) > 1:
        places[-1] = 3
    return pd.DataFrame({"loss": losses, "label": labels, "place": places})


def exact_match(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Columns step, share, its standard error, low, high (one error to each side)."""
    share = np.array([e["exact_match"] for e in evaluations], dtype=float)
    asked = np.array([e["problems"] for e in evaluations], dtype=float)
    error = np.sqrt(share * (1 - share) / asked)
    steps = [e["step"] for e in evaluations]
    low, high = np.maximum(share - error, 0), np.minimum(share + error, 1)
    columns = {"step": steps, "share": share, "error": error, "low": low, "high": high}
    return pd.DataFrame(columns)


def training_details(curve: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Columns step, learning_rate, grad_norm, tokens_per_second."""
    names = ["step", "learning_rate", "grad_norm", "tokens_per_second"]
    return pd.DataFrame({name: curve[name] for name in names})


def metrics(
    curve: Mapping[str, np.ndarray], evaluations: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Everything measured in a run, a row a step: step, loss (of the batch), learning_rate,
    grad_norm, tokens_per_second, seconds, train_loss, val_loss (missing between estimates), and on
    a toy task exact_match."""
    names = ["step", "train_loss", "val_loss"]
    names += ["exact_match"] * any(e.get("exact_match") is not None for e in evaluations)
    estimates = pd.DataFrame(
        {name: [e.get(name) for e in evaluations] for name in names}, dtype=float
    )
    return pd.DataFrame(dict(curve)).merge(estimates, on="step", how="outer")


def compared_runs(
    labels: Sequence[str], evaluations: Sequence[Sequence[Mapping[str, Any]]], shown: int | None
) -> pd.DataFrame:
    """Columns run (its label), step, validation, train (nats), shown (is it run `shown`?)."""
    rows = [
        (label, e["step"], e["val_loss"], e["train_loss"], number == shown)
        for number, (label, events) in enumerate(zip(labels, evaluations, strict=True))
        for e in events
        if e["val_loss"] is not None
    ]
    return pd.DataFrame(rows, columns=["run", "step", "validation", "train", "shown"])


def class_runs(
    coloured: Mapping[str, Sequence[Mapping[str, Any]]],
    grey: Mapping[str, Sequence[Mapping[str, Any]]],
) -> pd.DataFrame:
    """What `compared_runs` gives of the runs of a class; shown: does it have a colour?

    Both: the label of a run → its estimates; of the grey ones each has few. The first estimate,
    near ln V for every run, is left out where there are two others: see `charts/class_runs.py`.
    """
    least, most = GREY_EACH
    few = min(most, max(least, GREY_POINTS // max(1, len(grey))))
    estimates = [*coloured.values(), *(thin(events, few) for events in grey.values())]
    losses = compared_runs([*coloured, *grey], estimates, None)
    losses["shown"] = losses["run"].isin(list(coloured))
    later = losses["step"] > 0
    many = later.groupby(losses["run"]).transform("sum") > 1
    return losses[later | ~many].reset_index(drop=True)


def thin(events: Sequence[Any], most: int = MOST_POINTS) -> Sequence[Any]:
    """At most so many of the estimates, the last one among them."""
    every = -(-len(events) // most) or 1
    return events[::-1][::every][::-1]


def in_bits(losses: pd.DataFrame, held: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """What `compared_runs` gives in bits per character, which tells runs of other tokens apart.

    held: by the label of a run, how many characters its tokens hold in the "train" and "validation"
    parts of its text; runs that are not in it are left out.
    """
    known = losses[losses["run"].isin(list(held))]
    changed = {}
    for part in ("train", "validation"):
        characters = known["run"].map({label: parts[part] for label, parts in held.items()})
        changed[part] = known[part].astype(float) / math.log(2) / characters
    return known.assign(**changed)


def with_costs(
    losses: pd.DataFrame, curves: Mapping[str, Mapping[str, np.ndarray]], flops: Mapping[str, float]
) -> pd.DataFrame:
    """What `compared_runs` gives, with columns seconds and compute (FLOPs): spent on training when
    the estimate was made. By the label of a run: its training curve, and its FLOPs a step."""
    parts = []
    for run, part in losses.groupby("run", sort=False):
        curve = curves[str(run)]
        spent = np.interp(part["step"], [0.0, *curve["step"]], [0.0, *curve["seconds"]])
        parts.append(part.assign(seconds=spent, compute=part["step"] * flops[str(run)]))
    return pd.concat(parts) if parts else losses.assign(seconds=0.0, compute=0.0)


def ladder_steps(found: Sequence[Step]) -> pd.DataFrame:
    """The steps whose gain is known: columns rung, before, after (nats), label ("−0.123"), falls
    (bool: the loss became lower), order (from 0)."""
    rows = [
        (step.title, step.before, step.after, ladder.signed(step), step.gain > 0, order)
        for order, step in enumerate(found)
        if step.gain is not None
    ]
    return pd.DataFrame(rows, columns=["rung", "before", "after", "label", "falls", "order"])


def head_scores(scores: Mapping[str, Any]) -> pd.DataFrame:
    """Columns score, head (counted from 1, with its layer when there are several), value, uniform.

    scores: name → gpt.HeadScore with values (L, H).
    """
    rows = []
    for name, score in scores.items():
        layers, heads = score.values.shape
        for layer in range(layers):
            for head in range(heads):
                numbers = {"layer": layer + 1, "head": head + 1}
                several = say("layer {layer} head {head}", **numbers)
                label = several if layers > 1 else say("head {n}", n=head + 1)
                rows.append((name, label, score.values[layer, head].item(), score.uniform))
    return pd.DataFrame(rows, columns=["score", "head", "value", "uniform"])


def gradients(norms: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Columns variant, layer (from 1), norm; from variant → one norm a layer."""
    rows = [(v, i, norm) for v, found in norms.items() for i, norm in enumerate(found, 1)]
    return pd.DataFrame(rows, columns=["variant", "layer", "norm"])


def parameters(parts: Mapping[str, int]) -> pd.DataFrame:
    """Columns component, parameters, share, label ("12,345 · 6.7 %"); without parts of zero."""
    known = {name: count for name, count in parts.items() if count}
    total = sum(known.values())
    return pd.DataFrame(
        {
            "component": [say(name) for name in known],
            "parameters": list(known.values()),
            "share": [count / total for count in known.values()],
            "label": [f"{count:,} · {100 * count / total:.1f} %" for count in known.values()],
        }
    )


def character_counts(text: str, most: int = 100) -> pd.DataFrame:
    """Columns character (visible), name, count, share; the most frequent first."""
    counts = np.bincount(np.frombuffer(text.encode("utf-32-le"), np.uint32))
    codes = np.argsort(-counts, kind="stable")[: min(most, np.count_nonzero(counts))]
    return pd.DataFrame(
        {
            "character": [visible(chr(code)) for code in codes],
            "code": [f"U+{code:04X}" for code in codes],
            "count": counts[codes],
            "share": counts[codes] / len(text),
        }
    )


def token_counts(tokenizers: Sequence[tuple[str, Any]], text: str) -> pd.DataFrame:
    """How many tokens `text` takes, a row a tokenizer: columns kind, vocabulary, tokens, characters
    (a token holds on average), read (characters of the text). tokenizers: (kind, tokenizer)."""
    rows = []
    for kind, tokenizer in tokenizers:
        tokens = len(tokenizer.encode_array(text, unknown="drop"))
        rows.append((kind, tokenizer.vocab_size, tokens, len(text) / max(1, tokens), len(text)))
    return pd.DataFrame(rows, columns=["kind", "vocabulary", "tokens", "characters", "read"])


def split_parts(train: int, validation: int, units: str = CHARACTERS) -> pd.DataFrame:
    """Columns part, start, end (in `units` of the text), label: the two parts of a split text."""
    total = train + validation
    return pd.DataFrame(
        {
            "part": ["training", "validation"],
            "start": [0, train],
            "end": [train, total],
            "label": [
                f"{part}: {count:,} {say(units)} ({100 * count / total:.0f} %)"
                for part, count in ((say("training"), train), (say("validation"), validation))
            ],
        }
    )


def window_cells(
    ids: np.ndarray, places: Sequence[int], block_size: int, tokens: Sequence[str], around: int = 6
) -> pd.DataFrame:
    """Windows of a text with what stands around them, a row for each cell of the picture.

    ids (N,): the text. places: where each window of `block_size` inputs begins. Columns row ("1
    input", "1 target", …), offset (from the window's begin), character (visible), part ("input",
    "target" or "around"), id, position (in the text).
    """
    cells = []
    for b, place in enumerate(places, 1):
        inputs = range(place, place + block_size)
        beside = range(max(0, place - around), min(len(ids), place + block_size + 1 + around))
        for position in beside:
            part = "input" if position in inputs else "around"
            cells.append((say("{n} input", n=b), position - place, say(part), position))
        for position in range(place + 1, place + block_size + 1):
            cells.append((say("{n} target", n=b), position - place, say("target"), position))
    frame = pd.DataFrame(cells, columns=["row", "offset", "part", "position"])
    frame["id"] = ids[frame["position"].to_numpy()]
    frame["character"] = [visible(tokens[i]) for i in frame["id"]]
    return frame


def examples(inputs: np.ndarray, targets: np.ndarray, tokens: Sequence[str]) -> pd.DataFrame:
    """All examples of one batch: inputs and targets (B, T) → B·T rows.

    Columns window (b, from 1), t (from 1), input (visible), target (visible), target id, input ids.
    """
    rows = []
    for b, (x, y) in enumerate(zip(inputs, targets, strict=True), 1):
        for t in range(1, len(x) + 1):
            seen = "".join(visible(tokens[i]) for i in x[:t])
            target = int(y[t - 1])
            rows.append((b, t, seen, visible(tokens[target]), target, str(x[:t].tolist())))
    columns = ["window", "t", "input", "target", "target id", "input ids"]
    return pd.DataFrame(rows, columns=columns)


def likeliest(token: Any, most: int) -> list[tuple[int, float]]:
    """The `most` likeliest other tokens in the place of a drawn gpt.Token: (id, probability).

    Probabilities are the model's own, before any filter.
    """
    p = np.exp(token.logits.numpy() - token.logits.numpy().max())
    first = np.argpartition(-p, most)[: most + 1] if most + 1 < len(p) else np.arange(len(p))
    order = first[np.lexsort((first, -p[first]))]  # by falling probability, ties by id
    return [(int(i), float(p[i] / p.sum())) for i in order if i != token.id][:most]


def draws(tokens: Sequence[Any], vocabulary: Sequence[str], most: int) -> pd.DataFrame:
    """The last `most` drawn gpt.Tokens, newest first.

    Columns draw (from 1), character (visible), model (its probability before the filters), filtered
    (after them), others (the likeliest other characters, as text).
    """
    rows = []
    for number in range(len(tokens), max(0, len(tokens) - most), -1):
        token = tokens[number - 1]
        raw = float(token.logits.softmax(-1)[token.id])
        others = " · ".join(f"{visible(vocabulary[i])} {p:.0%}" for i, p in likeliest(token, 4))
        drawn = visible(vocabulary[token.id])
        rows.append((number, drawn, raw, token.probability, others))
    return pd.DataFrame(rows, columns=["draw", "character", "model", "filtered", "others"])


def token_times(times: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Columns way, token (from 1), milliseconds; from way → seconds of each token."""
    rows = [(way, i, 1000 * s) for way, found in times.items() for i, s in enumerate(found, 1)]
    return pd.DataFrame(rows, columns=["way", "token", "milliseconds"])
