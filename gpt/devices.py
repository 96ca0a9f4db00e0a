"""Where the arithmetic happens: the CPU, an NVIDIA GPU (cuda) or an Apple GPU (mps)."""

import os

import torch

from gpt.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


def available_devices() -> dict[str, str]:
    """Name → description of what this machine can train on. The CPU is always there."""
    found = {"cpu": f"CPU with {os.cpu_count()} cores"}
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
