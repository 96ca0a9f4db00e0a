"""How any setting is read and checked: from a dictionary or a command line, within its limits.

Knows none of them; `config` says which there are. A mistake raises `ConfigError`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Self

from gpt.errors import ConfigError, nearest


class Settings:
    """What a dataclass of settings inherits: reading from and writing to plain dictionaries."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a dictionary; an unknown field raises ConfigError with the nearest name."""
        return cls(**{name: cls._convert(name, value) for name, value in values.items()})

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        """Turn `value` (perhaps text from a command line) into the type of field `name`."""
        types = {f.name: f.type for f in fields(cls)}  # type: ignore[arg-type]
        if name not in types:
            raise ConfigError(f"There is no setting {name!r}.{nearest(name, types)}")
        kind = types[name]
        try:
            if kind is bool:
                return _to_bool(value)
            if kind is int:
                return _to_int(value)
            if kind is float:
                return float(value)
        except (TypeError, ValueError, OverflowError):
            wanted = "true or false" if kind is bool else "a number" if kind is float else "whole"
            raise ConfigError(f"{name} must be {wanted}, got {value!r:.60}.") from None
        if not isinstance(value, str):
            raise ConfigError(f"{name} must be text, got {value!r:.60}.")
        return value


def _to_bool(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    return words[str(value).lower()] if str(value).lower() in words else _refuse(value)


def _to_int(value: Any) -> int:
    if isinstance(value, bool) or float(value) != int(float(value)):
        _refuse(value)
    return int(float(value))


def _refuse(value: Any) -> Any:
    raise ValueError(value)


def check(
    settings: Any, limits: Mapping[str, tuple[float, float]], choices: Mapping[str, Sequence[str]]
) -> None:
    """Raise ConfigError for the first field of `settings` outside its limits or choices."""
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if not (math.isfinite(value) and low <= value <= high):
            raise ConfigError(
                f"{name} must be between {low:g} and {high:g}, got {value:g}: choose a value inside"
                " these limits."
            )
    for name, words in choices.items():
        value = getattr(settings, name, words[0])
        if value not in words:
            raise ConfigError(f"{name} must be one of {', '.join(words)}, got {value!r}.")
