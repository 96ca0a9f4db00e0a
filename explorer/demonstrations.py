"""What each idea since 2017 does, seen on a few numbers: computed by the functions that train.

Every table has the columns x, y and series (said in English), a row a point.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

import gpt
from explorer import modern
from explorer.language import message

D = 32  # size of a head, as in `gpt_modern`
FAR = 32  # the longest distance that is drawn
FLOOR = 1e-5  # the smallest singular value that is
TURNED, STILL = message("turned (rotary)"), message("not turned")
FREE, NORMED = message("as they are"), message("query-key norm")
BEFORE, AFTER = message("the gradient"), message("orthogonalised")
SCHEDULES = message("constant"), message("linear"), message("cosine")
OWN, SHARED = message("a key and value for each head"), message("one for all heads")


def table(series: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> pd.DataFrame:
    """Columns x, y, series. series: name → (its x, its y)."""
    rows = [(x, y, name) for name, (xs, ys) in series.items() for x, y in zip(xs, ys, strict=True)]
    return pd.DataFrame(rows, columns=["x", "y", "series"])


def scores_by_distance(place: int, seed: int) -> pd.DataFrame:
    """The score of one query, at `place`, and one key, 0 to FAR tokens before it.

    Both are drawn from `seed`, alike but not equal; place is at least FAR.
    """
    import torch

    from gpt.attention import turned

    random = torch.Generator().manual_seed(seed)
    q = torch.randn(D, generator=random)
    k = 0.7 * q + 0.7 * torch.randn(D, generator=random)
    at = turned(q[None], start=place)  # (1, D)
    keys = turned(k.expand(FAR + 1, D), start=place - FAR)  # (FAR + 1, D), the farthest first
    scores = (keys @ at[0] / D**0.5).flip(0).tolist()
    distances = list(range(FAR + 1))
    still = [(q @ k / D**0.5).item()] * (FAR + 1)
    return table({STILL: (distances, still), TURNED: (distances, scores)})


def largest_weights(seed: int) -> pd.DataFrame:
    """The largest of 16 weights of a query, while queries and keys grow from 1 to 10 times."""
    import torch

    from gpt.attention import ready_to_meet, score_scale

    random = torch.Generator().manual_seed(seed)
    q, k = torch.randn(1, D, generator=random), torch.randn(16, D, generator=random)
    growth = [1 + 0.25 * i for i in range(37)]
    found: dict[str, list[float]] = {FREE: [], NORMED: []}
    for name, weights in found.items():
        config = gpt.ModelConfig(n_embd=D, qk_norm=name == NORMED)
        for times in growth:
            one, other = (ready_to_meet(times * x, config) for x in (q, k))
            scores = one @ other.T * score_scale(config)  # (1, 16)
            weights.append(scores.softmax(-1).max().item())
    return table({name: (growth, weights) for name, weights in found.items()})


def norms(added: float, seed: int = 1) -> pd.DataFrame:
    """16 numbers, `added` to each, after layer norm and after RMSNorm (both as yet unlearned)."""
    import torch

    from gpt.blocks import make_norm

    x = torch.randn(16, generator=torch.Generator().manual_seed(seed)) + added
    found = {message("the numbers"): x}
    for name, kind in ((message("layer norm"), "layer"), ("RMSNorm", "rms")):
        with torch.no_grad():
            found[name] = make_norm(gpt.ModelConfig(n_embd=16, norm_kind=kind))(x)
    return table({name: (range(16), y.tolist()) for name, y in found.items()})


def bends(names: Sequence[str], value: float = 1.0) -> pd.DataFrame:
    """What activations make of a number from −3 to 3; SwiGLU takes it for the gate of `value`."""
    import torch

    from gpt.blocks import ACTIVATIONS

    x = torch.linspace(-3, 3, 121)
    found = {}
    for name in names:
        pair = torch.stack([x, torch.full_like(x, value)], dim=-1)  # (121, 2)
        y = ACTIVATIONS[name](pair)[:, 0] if name == "swiglu" else ACTIVATIONS[name](x.clone())
        found[name] = (x.tolist(), y.tolist())
    return table(found)


def caches(heads: int) -> pd.DataFrame:
    """KiB of keys and values kept while writing, by tokens, of `gpt_modern` with so many heads."""
    tokens = list(range(0, 65, 4))
    found = {}
    for name, shared in ((OWN, 0), (SHARED, 1)):
        preset = gpt.PRESETS[modern.MODERN].with_settings({"n_head": heads, "n_kv_head": shared})
        kept = [gpt.cache_bytes(preset.model, n) / 1024 for n in tokens]
        found[name] = (tokens, kept)
    return table(found)


def rates(warmup_steps: int, steps: int = 240) -> pd.DataFrame:
    """The learning rate of every step, by schedule, as a share of the highest."""
    from gpt.optim import learning_rate_at

    found = {}
    for schedule in SCHEDULES:
        train = gpt.TrainConfig(
            max_steps=steps, learning_rate=1.0, schedule=schedule, warmup_steps=warmup_steps
        )
        found[schedule] = (range(steps), [learning_rate_at(t, train) for t in range(steps)])
    return table(found)


def matrices(model: Any) -> list[str]:
    """The matrices that Muon moves: those of the blocks, by name; none in a bigram."""
    return [n for n, p in model.named_parameters() if n.startswith("blocks.") and p.dim() == 2]


def spectra(model: Any, name: str, x: Any, y: Any) -> pd.DataFrame:
    """Singular values of the gradient of one matrix on a batch (B, T), the largest as 1, and those
    of the step that Muon makes of it. (Before the second step its momentum is the gradient.)

    What is below FLOOR, or 0, is FLOOR, so that it can be drawn by powers of ten.
    """
    import torch

    from gpt.optim import orthogonalised

    _, loss = model(x, y)
    (gradient,) = torch.autograd.grad(loss, [dict(model.named_parameters())[name]])  # kept nowhere
    before = torch.linalg.svdvals(gradient)
    after = torch.linalg.svdvals(orthogonalised(gradient[None])[0])
    ranks = range(1, len(before) + 1)
    found = {BEFORE: before / before[0].clamp(min=1e-30), AFTER: after}
    return table({name: (ranks, v.clamp(min=FLOOR).tolist()) for name, v in found.items()})
