"""Several processes that train one model, each on its share of every batch.

    torchrun --nproc_per_node=4 -m gpt train gpt_mini

Every process holds the whole model and runs the same loop. Each computes the gradients of its share
of the batch, PyTorch's DistributedDataParallel (Li et al. 2020, "PyTorch Distributed") averages
them while they come, and all make the same update. So N processes have the losses of one process
with the same settings, up to rounding; only dropout differs, which each draws for itself. Follows
nanoGPT's train.py. Leaves out models that are too large for one device, and processes that join or
leave on the way.
"""

import contextlib
import os
import random
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gpt.devices import pick_device
from gpt.errors import ConfigError


class Group:
    """The processes of one training, as the one with the number `rank` sees them."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self.stop_asked = False  # of this process
        self._stop_agreed = False  # among all of them

    @property
    def stopping(self) -> bool:
        """Whether to end now: all processes say so after the same event, or one would wait."""
        return self.stop_asked if self.size == 1 else self._stop_agreed

    def share(self, batch_size: int) -> slice:
        """This process's part of a batch; of 12 windows and 3 processes the second has 4 to 7.

        Raises ConfigError when the shares would differ: their mean would not be that of the batch.
        """
        if batch_size % self.size:
            fitting = (batch_size // self.size + 1) * self.size
            raise ConfigError(
                f"batch_size ({batch_size}, of all processes) must be divisible by the number of"
                f" processes ({self.size}), so that each has the same share: try {fitting}."
            )
        part = batch_size // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def takes(self, turn: int) -> bool:
        """Whether it is this process's turn, when all take turns."""
        return turn % self.size == self.rank

    def replica(self, model: nn.Module) -> nn.Module:
        """The same model, but its backward pass leaves the mean of all processes' gradients."""
        return model if self.size == 1 else DistributedDataParallel(model)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of every process's `values`, of any shape; the same bits in all of them.

        Whether one was asked to stop travels along, and costs no message of its own.
        """
        if self.size == 1:
            return values
        asked = values.new_full((1,), float(self.stop_asked))
        message = torch.cat([values.detach().flatten(), asked])
        dist.all_reduce(message)
        self._stop_agreed = message[-1].item() > 0
        return message[:-1].view_as(values)

    def wait(self) -> None:
        """Wait for the others: when one ends, torchrun ends all, and the first may still write."""
        if self.size > 1:
            dist.barrier()

    def dropout_state(self, seed: int, step: int) -> Tensor:
        """A random state that no other process or step has, made anew and therefore never saved."""
        drawn = random.Random(f"{seed} {self.rank} {step}").getrandbits(32)
        return torch.Generator().manual_seed(drawn).get_state()


@contextlib.contextmanager
def process_group(device: str = "auto") -> Iterator[Group]:
    """The group in which torchrun started this process; without torchrun it is alone.

    On CUDA each process gets a GPU of its own. Raises ConfigError when the device cannot serve so
    many processes.
    """
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield Group()
        return
    _join(pick_device(device).type)
    try:
        yield Group(rank, size)
    finally:
        dist.destroy_process_group()


def _join(kind: str) -> None:
    """Meet the others, at the place that torchrun put into the environment."""
    if kind == "mps":
        raise ConfigError("An Apple GPU serves one process only: use --device cpu.")
    if kind == "cpu":
        dist.init_process_group("gloo")
        return
    here, found = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if here > found:
        raise ConfigError(
            f"{here} processes need a GPU each, and this machine has {found}: start {found}, or use"
            " --device cpu."
        )
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)  # what "cuda" means in this process from now on
    torch.cuda.manual_seed(int(os.environ["RANK"]))  # or all would drop the same
    dist.init_process_group("nccl", device_id=own)
