"""Tokens made visible: no space, newline or control character is ever lost on the screen."""

import unicodedata
from collections.abc import Iterable

NAMED = {" ": "␣", "\n": "⏎", "\t": "⇥", "\x7f": "␡"}
NOTHING = "∅"
INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Cs", "Zs", "Zl", "Zp"}  # Unicode general categories


def visible(token: str) -> str:
    r"""The display string of a token: `" the\n"` → `"␣the⏎"`, an empty token → `"∅"`.

    C0 control characters become their pictures (`\x00` → `␀`), other invisible ones their code
    (`\u200b` → `⟨200B⟩`), and a leading combining mark gets a dotted circle to stand on.
    """
    if not token:
        return NOTHING
    text = "".join(map(_glyph, token))
    return "◌" + text if unicodedata.combining(text[0]) else text


def visible_all(tokens: Iterable[str]) -> list[str]:
    """`visible` for a list of tokens; raises ValueError for anything that is not text."""
    shown = []
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            raise ValueError(
                f"tokens must be text, but token {position} is {type(token).__name__} {token!r}: "
                "decode the ids first."
            )
        shown.append(visible(token))
    return shown


def _glyph(character: str) -> str:
    if character in NAMED:
        return NAMED[character]
    if character < " ":
        return chr(0x2400 + ord(character))
    if unicodedata.category(character) in INVISIBLE:
        return f"⟨{ord(character):04X}⟩"
    return character
