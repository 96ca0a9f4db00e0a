"""The optimizer and the learning rate over time.

AdamW (Loshchilov & Hutter 2019) with weight decay on matrices only: biases and norms are few and
should not be pulled to zero; PyTorch's own fused AdamW does the arithmetic. Muon (Jordan et al.
2024) for the matrices of the blocks, if the settings say so. The cosine schedule with a linear
warm-up follows Brown et al. 2020 (GPT-3, appendix B).
"""

import inspect
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gpt.config import TrainConfig


def parameter_groups(model: nn.Module, config: TrainConfig) -> list[dict]:
    """Matrices (2 or more dimensions), which decay, and the rest, which do not.

    With Muon the matrices inside the blocks are a group of their own: embeddings and read-out are
    tables of rows that are looked up, not maps, and stay with AdamW (Jordan et al. 2024).
    """
    maps, matrices, vectors = [], [], []
    for name, p in model.named_parameters():
        if p.dim() < 2:
            vectors.append(p)
        elif config.optimizer == "muon" and name.startswith("blocks."):
            maps.append(p)
        else:
            matrices.append(p)
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay, "muon": False},
        {"params": vectors, "weight_decay": 0.0, "muon": False},
        {"params": maps, "weight_decay": config.weight_decay, "muon": True},
    ]
    return [group for group in groups if group["params"]]


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    kind = Muon if config.optimizer == "muon" else AdamW
    return kind(
        parameter_groups(model, config),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )


class AdamW(torch.optim.AdamW):
    """PyTorch's AdamW, the same arithmetic, without its compiler, which nothing here uses.

    PyTorch wraps these methods, and each loads the compiler when it is first called, only to say
    that it is not to be compiled: 800 modules, 1.2 seconds and 75 MB in every process that trains
    (measured). Here they are as they were written.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


# a, b, c of each round: Amsel et al. 2025, "The Polar Express".
ROUNDS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)


def orthogonalised(
    matrices: Tensor, rounds: Iterable[tuple[float, float, float]] = ROUNDS
) -> Tensor:
    """Matrices with the same singular vectors and singular values near 1. (N, n, m) → (N, n, m).

    Newton-Schulz: of X = U·S·Vᵀ, the polynomial aX + b(XXᵀ)X + c(XXᵀ)²X has the same U and V, and
    each singular value s becomes as + bs³ + cs⁵: from anywhere between 0 and 1 it climbs towards 1.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices  # XXᵀ is the smaller of the two products
    x = x / (1.01 * x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # no singular value above 1
    for a, b, c in rounds:
        xx = x @ x.mT
        x = a * x + (b * xx + c * xx @ xx) @ x
    return x.mT if tall else x


class Muon(AdamW):
    """AdamW, but in groups with "muon" each matrix moves by its orthogonalised momentum.

    Jordan et al. 2024: a gradient has few large directions and many small ones; orthogonalised,
    all count the same. The step is scaled by 0.2·√max(n, m), the usual size of AdamW's, so that one
    learning rate and one weight decay serve both (Liu et al. 2025, "Muon is scalable").
    """

    MOMENTUM = 0.95

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            if group["muon"]:
                self._muon_step(group)
        super().step()  # the parameters that still have a gradient

    def _muon_step(self, group: dict) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for p in group["params"]:
            by_shape.setdefault(p.shape, []).append(p)
        for (n, m), matrices in by_shape.items():  # all of one shape at once
            directions = torch.stack([self._momentum(p) for p in matrices])
            moves = orthogonalised(directions).mul_(-group["lr"] * 0.2 * max(n, m) ** 0.5)
            for p, move in zip(matrices, moves, strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(move)
                p.grad = None

    def _momentum(self, p: Tensor) -> Tensor:
        """Nesterov: the average of the gradients, looked at one step ahead."""
        state, gradient = self.state[p], p.grad
        assert gradient is not None, "every matrix of a block takes part in every step"
        if not state:
            state["step"] = torch.zeros(())  # AdamW looks for it when a state is loaded
            state["momentum"] = torch.zeros_like(p)
        state["step"] += 1
        state["momentum"].lerp_(gradient, 1 - self.MOMENTUM)
        return gradient.lerp(state["momentum"], self.MOMENTUM)


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of the update that follows `step` updates.

    Rises linearly over `warmup_steps`, then stays (constant) or falls to `min_learning_rate` at
    `max_steps`, along half a cosine or a straight line.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    left = 1 - min(1.0, done)
    share = left if config.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))  # 1 → 0
    low = min(config.min_learning_rate, config.learning_rate)
    return low + share * (config.learning_rate - low)
