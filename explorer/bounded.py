"""A cache that is limited by the bytes it holds, not by how many things they are.

Streamlit's own counts entries: 32 of the largest models that page 7 draws are 2.7 GB, kept for
ever. Here what nobody has asked for longest goes first. As with Streamlit's, all sessions share it,
what two of them ask for at once is made once, and an error is not kept.
"""

import functools
import inspect
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

P = ParamSpec("P")
R = TypeVar("R")
LEAST = 100_000  # bytes that anything counts for: around small weights Python's objects are more


class Bounded:
    """What functions have returned, `most` bytes together; the newest stays, however large."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()  # newest last
        self._making: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()  # locks
        self._lock = threading.Lock()

    def keeps(self, function: Callable[P, R]) -> Callable[P, R]:
        """A decorator: `function` runs once for the same arguments. Those whose names begin with
        “_” do not count, as with Streamlit's."""
        signature = inspect.signature(function)

        @functools.wraps(function)
        def kept(*args: P.args, **kwargs: P.kwargs) -> R:
            told = signature.bind(*args, **kwargs).arguments.items()
            key = function.__qualname__, *((name, it) for name, it in told if name[0] != "_")
            value: R = self.get(key, lambda: function(*args, **kwargs))
            return value

        return kept

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under `key`, else `make()`, which may itself ask for other keys."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
            value = make()
            self._keep(key, value, max(LEAST, size(value)))
            return value

    def _keep(self, key: Hashable, value: Any, n_bytes: int) -> None:
        gone = False
        with self._lock:
            self._kept[key] = value, n_bytes
            self.held += n_bytes
            while self.held > self.most and len(self._kept) > 1:
                self.held -= self._kept.popitem(last=False)[1][1]
                gone = True
        if gone:  # else glibc keeps much of it: 100 MB after 48 large models (measured)
            from gpt.devices import give_back_freed_memory  # brings torch

            give_back_freed_memory()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.held = 0


def size(value: Any) -> int:
    """Bytes of a value and of all that it holds: [b"abc", b"abc"] once, if it is the same b"abc".
    Of a model, its weights and buffers."""
    total, waiting, seen = 0, [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, (type, FunctionType, ModuleType)):
            continue
        seen.add(id(one))
        if hasattr(one, "parameters") and hasattr(one, "buffers"):
            waiting += [*one.parameters(), *one.buffers()]
        elif hasattr(one, "nbytes"):  # of NumPy or PyTorch
            total += one.nbytes
        else:
            total += sys.getsizeof(one)
            if isinstance(one, dict):
                waiting += [*one.keys(), *one.values()]
            elif isinstance(one, (list, tuple, set, frozenset)):
                waiting += one
            waiting += getattr(one, "__dict__", {}).values()
    return total
