"""A map of the vocabulary: where the embedding puts each token, and who its neighbours are."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt.errors import GPTError


@dataclass(frozen=True)
class EmbeddingMap:
    """Tokens on the axes along which they differ most (principal component analysis)."""

    points: Tensor  # (V, k)
    axes: Tensor  # (k, C), each of length 1
    explained: Tensor  # (k,) share of all variance on each axis


@torch.no_grad()
def embedding_map(vectors: Tensor, k: int = 2) -> EmbeddingMap:
    """Principal components of `vectors` (V, C), such as model.token_embedding.weight.

    By the full singular value decomposition, not a randomised one, so that the same vectors always
    give the same map. An axis may point either way: here the token that is farthest from the middle
    along it is on the positive side. Axes that the vectors do not have (k above V or C) are left
    out.
    """
    centred = vectors - vectors.mean(0)
    tall = torch.linalg.qr(centred, mode="r").R  # the same axes, without V rows to turn as well
    _, lengths, axes = torch.linalg.svd(tall, full_matrices=False)  # (min(V, C), C)
    points = centred @ axes[:k].T  # (V, k)
    far = points.gather(0, points.abs().argmax(0, keepdim=True))[0]  # (k,)
    sign = torch.where(far < 0, -1.0, 1.0).to(points)
    variances = lengths.square()
    explained = variances[:k] / variances.sum().clamp(min=torch.finfo(variances.dtype).tiny)
    return EmbeddingMap(points * sign, axes[:k] * sign[:, None], explained)


@torch.no_grad()
def nearest_tokens(vectors: Tensor, token: int, k: int = 8) -> tuple[Tensor, Tensor]:
    """The k tokens whose vectors point most nearly the same way: ids and cosines, closest first.

    The cosine of the angle between two rows of `vectors` (V, C): 1 the same way, 0 nothing in
    common, -1 opposite. The token itself is left out. Rows of zeros have cosine 0 with all.
    """
    V = len(vectors)
    if not 0 <= token < V:
        raise GPTError(f"Token ids go from 0 to {V - 1}, got {token}.")
    directions = F.normalize(vectors, dim=-1)
    cosines = directions @ directions[token]  # (V,)
    cosines[token] = -torch.inf
    values, ids = cosines.topk(min(k, V - 1))
    return ids, values
