"""How data travels to a browser component: one message of bytes.

    [u32 little endian: header length][header: JSON, UTF-8, padded with spaces][body: raw bytes]

The padding puts the body on a multiple of 4, so that the browser can view it as float32 without a
copy. An unchanged message is not sent again by Streamlit, so equal data must give equal bytes.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
