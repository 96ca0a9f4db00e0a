"""Results of gpt and of runs as tidy DataFrames with documented columns, ready for charts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explorer.components.glyphs import visible


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


def references(values: Mapping[str, float]) -> pd.DataFrame:
    """Columns loss, label: one row per reference line."""
    labels = [f"{name}: {loss:.3f}" for name, loss in values.items()]
    return pd.DataFrame({"loss": list(values.values()), "label": labels})


def training_details(curve: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Columns step, learning_rate, grad_norm, tokens_per_second."""
    names = ["step", "learning_rate", "grad_norm", "tokens_per_second"]
    return pd.DataFrame({name: curve[name] for name in names})


def metrics(curve: Mapping[str, np.ndarray], evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Everything measured in a run, a row a step: step, loss (of the batch), learning_rate,
    grad_norm, tokens_per_second, seconds, train_loss, val_loss (nats; missing between estimates)."""
    estimates = pd.DataFrame(
        {name: [e[name] for e in evaluations] for name in ("step", "train_loss", "val_loss")},
        dtype=float,
    )
    return pd.DataFrame(dict(curve)).merge(estimates, on="step", how="outer")


def compared_runs(
    labels: Sequence[str], evaluations: Sequence[Sequence[Mapping[str, Any]]], shown: int | None
) -> pd.DataFrame:
    """Columns run (its label), step, validation, train (nats), shown (is it run number `shown`?)."""
    rows = [
        (label, e["step"], e["val_loss"], e["train_loss"], number == shown)
        for number, (label, events) in enumerate(zip(labels, evaluations, strict=True))
        for e in events
        if e["val_loss"] is not None
    ]
    return pd.DataFrame(rows, columns=["run", "step", "validation", "train", "shown"])


def head_scores(scores: Mapping[str, Any]) -> pd.DataFrame:
    """Columns score, head (counted from 1, with its layer when there are several), value, uniform.

    scores: name → gpt.HeadScore with values (L, H).
    """
    rows = []
    for name, score in scores.items():
        layers, heads = score.values.shape
        for layer in range(layers):
            for head in range(heads):
                label = f"layer {layer + 1} " * (layers > 1) + f"head {head + 1}"
                rows.append((name, label, score.values[layer, head].item(), score.uniform))
    return pd.DataFrame(rows, columns=["score", "head", "value", "uniform"])


def gradients(norms: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Columns variant, layer (from 1), norm; from variant → one norm a layer."""
    rows = [(v, i, norm) for v, found in norms.items() for i, norm in enumerate(found, 1)]
    return pd.DataFrame(rows, columns=["variant", "layer", "norm"])


def parameters(parts: Mapping[str, int]) -> pd.DataFrame:
    """Columns component, parameters, share, label ("12,345 · 6.7 %"); parts of zero are left out."""
    known = {name: count for name, count in parts.items() if count}
    total = sum(known.values())
    return pd.DataFrame(
        {
            "component": list(known),
            "parameters": list(known.values()),
            "share": [count / total for count in known.values()],
            "label": [f"{count:,} · {100 * count / total:.1f} %" for count in known.values()],
        }
    )


def character_counts(text: str, most: int = 100) -> pd.DataFrame:
    """Columns character (visible), name, count, share; the most frequent first."""
    counts = Counter(text).most_common(most)
    return pd.DataFrame(
        {
            "character": [visible(c) for c, _ in counts],
            "code": [f"U+{ord(c):04X}" for c, _ in counts],
            "count": [n for _, n in counts],
            "share": [n / len(text) for _, n in counts],
        }
    )
