"""How data travels to a browser component: one message of bytes.

    [u32 little endian: header length][header: JSON, UTF-8, padded with spaces][body: raw bytes]

The padding puts the body on a multiple of 4, so that the browser can view it as float32 without a
copy. An unchanged message is not sent again by Streamlit, so equal data must give equal bytes.

What a component says stands in its files, in English; `words` of its message has it in the
learner's language, and `say` in shared.js looks it up there.
"""

import functools
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer import language

ALIGNMENT = 4
FOLDER = Path(__file__).parent


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """One message from a JSON-ready header and a body; a NaN in the header is a ValueError."""
    text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % ALIGNMENT)
    return struct.pack("<I", len(text)) + text + body


def unpack(message: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of a message made by `pack`."""
    if len(message) < 4:
        raise ValueError(f"a message has at least 4 bytes, got {len(message)}.")
    (length,) = struct.unpack_from("<I", message)
    if 4 + length > len(message):
        raise ValueError(f"the header says {length} bytes, but only {len(message) - 4} follow.")
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def assets(*names: str) -> str:
    """The files of this folder one after the other: several js files become one module."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def words(*names: str) -> dict[str, dict[str, str]]:
    """For the message of a component of these files: {"words": English → what is said instead}.

    Empty where all is said as it stands there, so that English travels without a dictionary.
    """
    translated = language.catalogue(language.chosen())
    if not translated:
        return {}
    said = {text: translated.get(text, text) for text in _sentences(names)}
    return {"words": {text: other for text, other in said.items() if other != text}}


@functools.cache
def _sentences(names: tuple[str, ...]) -> list[str]:
    from explorer.language.extract import of_component  # not before it is needed: it reads files

    found = [text for name in names for text in of_component(FOLDER / name)]
    return list(dict.fromkeys(found))
