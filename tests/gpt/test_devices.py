"""Which device, and how exactly it multiplies."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from gpt import devices
from gpt.devices import dtype_of_products, products_in

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "flops", "hardware", "chosen"),
    [
        ("auto", 4e9, True, torch.bfloat16),
        ("auto", 4e9, False, torch.float32),
        ("auto", 1e8, True, torch.float32),  # too small to gain anything
        ("float32", 4e9, True, torch.float32),
        ("bfloat16", 1e8, False, torch.bfloat16),  # asked for
    ],
)
def test_auto_rounds_where_the_hardware_gains_by_it(
    precision, flops, hardware, chosen, monkeypatch
):
    monkeypatch.setattr(devices, "multiplies_in_bfloat16", lambda device: hardware)
    assert dtype_of_products(precision, flops, CPU) == chosen


def test_products_are_rounded_inside_and_not_after():
    x = torch.full((4, 4), 1 + 2**-12)  # between two bfloat16 numbers
    with products_in(torch.bfloat16, CPU):
        assert (x @ x).dtype == torch.bfloat16
    with products_in(torch.float32, CPU):
        assert (x @ x).dtype == torch.float32
    assert (x @ x).dtype == torch.float32


FREED = """
import psutil
from gpt.devices import give_back_freed_memory, keep_freed_memory
keep_freed_memory()
held = [bytearray(100_000) for _ in range(1000)]
del held
kept = psutil.Process().memory_info().rss
give_back_freed_memory()
print(kept - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tells another allocator nothing")
def test_freed_memory_is_kept_until_it_is_given_back():
    """In a process of its own, since how an allocator is set cannot be taken back."""
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 90e6


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="where a process can be held")
def test_a_process_that_is_held_to_one_core_knows_it():
    core = min(os.sched_getaffinity(0))
    asked = f"import os, gpt; os.sched_setaffinity(0, {{{core}}}); print(gpt.available_devices())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "'CPU with 1 core'" in done.stdout
