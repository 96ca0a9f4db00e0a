"""Training: one loop, as a generator of events.

    for event in train(model, corpus, tokenizer, config): ...

The caller decides what to do with each event: draw it, print it, write it to a file. Not asking
for the next event is a pause, asking for one more is a single step, `close()` ends the run, and
`send("snapshot")` answers with a `Snapshot` at once. Page, command line and tests all use this one
loop. Nothing is printed and no file is touched.

On the CPU, with one number of threads, a run depends on its seed alone: batches, dropout and
samples draw from states that belong to the run, so two runs that take turns in one process equal
the same runs alone (dropout's state is swapped in around each step, so such runs must share a
thread). `resume` continues to the identical next loss. Follows the training scripts of Karpathy's
tutorial and nanoGPT.
"""

import contextlib
import math
import time
from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gpt.batches import Batches, encode_splits
from gpt.config import TrainConfig
from gpt.costs import flops_per_iteration
from gpt.devices import dtype_of_products, keep_freed_memory, pick_device, products_in
from gpt.errors import CheckpointError, GPTError
from gpt.evaluation import chunk_losses
from gpt.events import (
    Evaluating,
    Evaluation,
    Event,
    Finished,
    Sample,
    Snapshot,
    StepStats,
    TrainState,
)
from gpt.model import LanguageModel, load_weights, weights_of
from gpt.optim import build_optimizer, learning_rate_at
from gpt.parallel import Group
from gpt.problems import exact_match, held_out_problems
from gpt.sampling import generate
from gpt.text import Corpus
from gpt.toys import TOYS

Events = Generator[Event, str | None, None]


def train(
    model: LanguageModel,
    corpus: Corpus,
    tokenizer: Any,
    config: TrainConfig,
    device: str = "auto",
    resume: TrainState | None = None,
    group: Group | None = None,
) -> Events:
    """Train `model` in place and yield what happens; see the module's header.

    In a `group` of several processes (see gpt/parallel.py) each calls this in the same way, takes
    its share of every batch, and is told the same, but for the clock.

    Raises TextError when the text is too short for the context, ConfigError for a device that is
    not there, CheckpointError when `resume` does not belong to this model. All before any event.
    """
    # Checked here and not in the generator, so that a mistake is told before the first event.
    job = _Job(model, corpus, tokenizer, config, pick_device(device), group or Group())
    if resume is not None:
        job.restore(resume)
    return _events(job)


def _events(job: "_Job") -> Events:
    """The training loop."""
    config = job.config
    end = None
    while end is None:
        if job.evaluation_is_due():
            yield from job.evaluate()
        end = job.verdict()
        if end != "diverged" and job.is_milestone():
            try:
                sample = job.sample()
            except GPTError:  # the scores are no numbers any more
                end = "diverged"
            else:
                yield from job.tell(sample)
                yield from job.tell(job.snapshot())
        if end != "diverged" and job.step >= config.max_steps:
            end = "completed"
        if end is None:
            stats = job.optimize()
            yield from job.tell(stats)
            if not (math.isfinite(stats.loss) and math.isfinite(stats.grad_norm)):
                end = "diverged"
    yield job.finish(end)


class _Job:
    """The state of one training run."""

    def __init__(
        self,
        model: LanguageModel,
        corpus: Corpus,
        tokenizer: Any,
        config: TrainConfig,
        device: torch.device,
        group: Group,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.model, self.tokenizer, self.config, self.device = model, tokenizer, config, device
        self.group = group
        self.block_size = model.config.block_size
        self.splits = encode_splits(tokenizer, corpus.text, self.block_size, device)
        self.task = corpus.name
        self.problems = held_out_problems(self.task, corpus.text) if self.task in TOYS else []
        model.to(device).train()
        flops = flops_per_iteration(model.config, model.vocab_size, config.batch_size)
        self.dtype = dtype_of_products(config.precision, flops, device)
        share = group.share(config.batch_size)
        self.batches = Batches(
            self.splits["train"], self.block_size, config.batch_size, config.seed, share
        )
        self.replica = group.replica(model)
        self.optimizer = build_optimizer(model, config)
        self.dropout_state = torch.Generator().manual_seed(config.seed).get_state()
        self.step = 0
        self.seconds = 0.0
        self.last: Evaluation | None = None
        self.best: Evaluation | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.stale = 0  # evaluations since the best one

    # --- one step -------------------------------------------------------------------------

    def optimize(self) -> StepStats:
        """One batch, one update."""
        start = time.perf_counter()
        learning_rate = learning_rate_at(self.step, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        x, y = self.batches.draw()  # (B, T), (B, T), B this process's share
        with self._own_dropout(), products_in(self.dtype, self.device):
            _, loss = self.replica(x, y)
        loss.backward()
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        total = nn.utils.get_total_norm(gradients)
        mean = self.group.sum(loss) / self.group.size
        value, norm = mean.item(), total.item()  # waits for the device: the time below is true
        if norm > self.config.grad_clip > 0:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), self.config.grad_clip, total)
        if math.isfinite(value) and math.isfinite(norm):
            with products_in(self.dtype, self.device):  # Muon's
                self.optimizer.step()  # or else the weights stay the last good ones
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        seconds = time.perf_counter() - start
        self.seconds += seconds
        speed = self.config.batch_size * self.block_size / seconds
        return StepStats(self.step, value, learning_rate, norm, speed, self.seconds)

    # --- looking at the model --------------------------------------------------------------

    def evaluation_is_due(self) -> bool:
        due = self.step % self.config.eval_interval == 0 or self.step >= self.config.max_steps
        return due and (self.last is None or self.last.step != self.step)

    def is_milestone(self) -> bool:
        """Steps 0, 10, 20, 50, 100, … and every evaluation: early changes are the fastest."""
        if self.step == 0 or (self.last is not None and self.last.step == self.step):
            return True
        early = 10 <= self.step < self.config.eval_interval
        return early and str(self.step).rstrip("0") in ("1", "2", "5")

    def evaluate(self) -> Events:
        """Estimate both losses, telling the progress; keep count of the best."""
        start = time.perf_counter()
        losses, done = {}, 0
        for split, ids in self.splits.items():
            parts, total = [], 0
            # The same windows at every step, so that two estimates differ by the weights alone.
            seed = self.config.seed + 1
            chunks = chunk_losses(self.model, ids, self.config, seed, self.dtype, self.group)
            for loss, count in chunks:
                parts.append(loss)
                done, total = done + 1, count
                yield from self.tell(Evaluating(self.step, done, 2 * total))
            losses[split] = self.group.sum(torch.stack(parts)).mean().item()
        right = self.exact_match()
        seconds = time.perf_counter() - start
        asked = len(self.problems)
        self.last = Evaluation(self.step, losses["train"], losses["val"], seconds, right, asked)
        if self.best is None or self.last.val_loss < self.best.val_loss:
            self.best, self.stale = self.last, 0
            if self.config.keep_best:
                self.best_weights = {n: w.clone() for n, w in weights_of(self.model).items()}
        else:
            self.stale += 1
        yield from self.tell(self.last)

    def exact_match(self) -> float | None:
        """The share of the toy task's held-out problems that are answered rightly; None without."""
        if not self.problems:
            return None
        right = 0.0
        if self.group.takes(0):  # and tells the others
            right = exact_match(self.model, self.tokenizer, self.task, self.problems).share
        return self.group.sum(torch.tensor(right, device=self.device)).item()

    def verdict(self) -> str | None:
        """Whether the last evaluation ends the run; asked at every step, so also after `resume`."""
        if self.last and not math.isfinite(self.last.train_loss + self.last.val_loss):
            return "diverged"
        return "early_stop" if self.stale >= self.config.patience > 0 else None

    def sample(self) -> Sample:
        text = generate(
            self.model,
            self.tokenizer,
            self.config.prompt,
            self.config.sample_tokens,
            seed=self.config.seed,
            unknown="drop",
        )
        return Sample(self.step, self.config.prompt, text)

    # --- telling and keeping ---------------------------------------------------------------

    def tell(self, event: Event) -> Events:
        """Yield `event`, then as many snapshots as the caller asks for."""
        request = yield event
        while request == "snapshot":
            request = yield self.snapshot(asked=True)

    def snapshot(self, asked: bool = False) -> Snapshot:
        measured = self.last is not None and self.last.step == self.step
        return Snapshot(
            self.step,
            best=measured and self.best is self.last,
            val_loss=self.last.val_loss if measured and self.last else None,
            weights=lambda: weights_of(self.model),
            state=self.state,
            asked=asked,
        )

    def state(self) -> TrainState:
        """All that `restore` needs to go on to the identical next loss."""
        tensors = {f"model.{name}": value for name, value in weights_of(self.model).items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        tensors |= {f"best.{name}": value for name, value in self.best_weights.items()}
        tensors["random.batches"] = self.batches.generator.get_state()
        tensors["random.dropout"] = self.dropout_state
        meta = {
            "step": self.step,
            "seconds": self.seconds,
            "stale": self.stale,
            "last": vars(self.last) if self.last else None,
            "best": vars(self.best) if self.best else None,
        }
        return TrainState(tensors, meta)

    def restore(self, state: TrainState) -> None:
        parts: dict[str, dict[str, Tensor]] = {
            kind: {} for kind in ("model", "optimizer", "best", "random")
        }
        for name, value in state.tensors.items():
            kind, _, rest = name.partition(".")
            if kind not in parts:
                raise CheckpointError(f"The training state holds something strange: {name!r}.")
            parts[kind][rest] = value.clone()  # the optimizer would write into the caller's
        if parts["random"].keys() != {"batches", "dropout"}:
            raise CheckpointError("The training state has lost its random numbers.")
        optimizer = self.optimizer.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in parts["optimizer"].items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = value
        load_weights(self.model, parts["model"])
        self.optimizer.load_state_dict(optimizer | {"state": moments})
        self.batches.generator.set_state(parts["random"]["batches"])
        self.dropout_state = parts["random"]["dropout"]
        self.best_weights = parts["best"]
        meta = state.meta
        self.step, self.seconds, self.stale = meta["step"], meta["seconds"], meta["stale"]
        self.last = Evaluation(**meta["last"]) if meta["last"] else None
        self.best = Evaluation(**meta["best"]) if meta["best"] else None
        if self.best == self.last:
            self.best = self.last

    def finish(self, reason: str) -> Finished:
        """Say why it ended and, with `keep_best`, go back to the best weights."""
        step, config = self.step, self.config
        messages = {
            "completed": f"All {step} steps are done.",
            "early_stop": f"Stopped at step {step}: the validation loss has not fallen for"
            f" {self.stale} estimates.",
            "diverged": f"The loss is not a number at step {step}: the steps were too large"
            f" (learning rate {config.learning_rate:g}). Use a smaller learning rate, a warm-up, or"
            " gradient clipping.",
        }
        if config.keep_best and self.best_weights:
            load_weights(self.model, self.best_weights)
        self.model.eval()
        return Finished(
            step,
            reason,
            messages[reason],
            self.last.train_loss if self.last else None,
            self.last.val_loss if self.last else None,
            self.best.step if self.best else None,
            self.best.val_loss if self.best else None,
            self.seconds,
        )

    # --- randomness --------------------------------------------------------------------------

    @contextlib.contextmanager
    def _own_dropout(self) -> Iterator[None]:
        """Let dropout draw from this run's own state, and leave PyTorch's global one as it was."""
        if self.model.config.dropout == 0 or self.device.type != "cpu":
            yield
            return
        outside = torch.get_rng_state()
        if self.group.rank > 0:  # what is saved and resumed is the state of the first process
            self.dropout_state = self.group.dropout_state(self.config.seed, self.step)
        torch.set_rng_state(self.dropout_state)
        try:
            yield
        finally:
            self.dropout_state = torch.get_rng_state()
            torch.set_rng_state(outside)
