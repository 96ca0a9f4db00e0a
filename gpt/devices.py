"""Where the arithmetic happens, and how exactly: CPU, NVIDIA GPU (cuda) or Apple GPU (mps)."""

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gpt.costs import available_cores
from gpt.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")
FLOPS_FOR_BFLOAT16 = 1e9  # of a step; below it, a CPU spends more on rounding than it saves


def available_devices() -> dict[str, str]:
    """Name → description of what this machine can train on. The CPU is always there."""
    cores = available_cores()
    found = {"cpu": "CPU with 1 core" if cores == 1 else f"CPU with {cores} cores"}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU (experimental: wrong results were reported for this model)"
    return found


def pick_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" takes an NVIDIA GPU if there is one, else the CPU.

    Raises ConfigError when the device is unknown or not present on this machine.
    """
    if name not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, got {name!r}.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in (found := available_devices()):
        raise ConfigError(
            f"This machine has no device {name!r}; it has {', '.join(found)}: use one of these."
        )
    return torch.device(name)


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Whether this hardware multiplies bfloat16 matrices several times faster than float32 ones.

    Tensor cores of an NVIDIA GPU, or the AMX tiles of an Intel processor from 2023 on (measured:
    1,400 GFLOP/s on two cores, 350 in float32).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_amx_tile_supported()


def dtype_of_products(precision: str, flops: float, device: torch.device) -> torch.dtype:
    """float32 or bfloat16: what `precision` (see TrainConfig) means for steps of so many FLOPs."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    large = device.type == "cuda" or flops >= FLOPS_FOR_BFLOAT16
    return torch.bfloat16 if large and multiplies_in_bfloat16(device) else torch.float32


def products_in(dtype: torch.dtype, device: torch.device) -> contextlib.AbstractContextManager:
    """A context in which matrix products are computed in `dtype`, and sums and weights are not.

    PyTorch's autocast (Micikevicius et al. 2018, "Mixed precision training"): inputs of a product
    are rounded to bfloat16's 8 significant bits, its sum runs in float32.
    """
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """A context in which modules are made with shapes only: no memory, no random numbers."""
    with torch.device("meta"), _NoInitialisation():
        yield


class _NoInitialisation(TorchFunctionMode):
    """Leaves out PyTorch's own, which without memory would load its compiler: a second of time."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def keep_freed_memory() -> None:
    """Let this process keep up to 256 MB of freed memory for the next tensors, where it can.

    A training step on the CPU takes and frees memory for every activation. As it comes, glibc hands
    much of it back to the system each time, which maps and zeroes the same pages anew: 1,100 to
    1,700 page faults in a step of `gpt_mini`, 5 to 11 % of its time. Nothing happens without glibc.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
        libc.mallopt(trim_threshold, 256 << 20)
        libc.mallopt(mmap_threshold, 32 << 20)  # the largest it accepts


def give_back_freed_memory() -> None:
    """Hand the freed memory that this process keeps to the system: between two runs, say."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
