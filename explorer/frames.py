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
