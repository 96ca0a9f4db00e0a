"""What somebody who means harm types, uploads and forges, and how to see that it did some.

MARK stands in every text that would be an element of a page if it were read as markup.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WHOLE = int(os.environ.get("EXPLORER_FUZZ", "0"))  # inputs of the long form; 0: the short one
SLOWEST = 2.0  # seconds that one input may take on the page

MARK = "evil.example"
MARKUP = (
    f"![x](https://{MARK}/a.png)",
    f"[click](https://{MARK})",
    f"[click](javascript:{MARK})",
    f"<script>alert('{MARK}')</script>",
    f"<img src=x onerror=alert('{MARK}')>",
    f":material/skull: :red[{MARK}]",
    f":red-background[{MARK}]",
    f"$\\def\\x{{\\x\\x}}\\x {MARK}$",
    f"$$\\href{{https://{MARK}}}{{x}}$$",
    f"**{MARK}** _{MARK}_ `{MARK}`",
    f"\n\n# {MARK}\n\n- [x] {MARK}\n\n> {MARK}",
    f"`` ![x](https://{MARK}/b.png) ` ![x](https://{MARK}/c.png)",
    f"<a href='https://{MARK}'>x</a>",
)
TEXTS = (
    "", " ", "\n", "\t\t", "\0", "a\0b", "\x01\x1b[31m\x7f", "\r\n" * 10, "\ud800", "a\udfffb",
    "\u202egnp.exe", "\u200b\u200d\ufeff", "e" + "\u0301" * 500, "👩‍👩‍👧‍👦" * 20, "🏳️‍🌈",
    "ﷺ" * 50, "İıſß",
    "{0.__class__}", "{text.__globals__}", "{}", "{n:,}", "%s%s%s%n", "%(name)s", "${7*7}",
    "{{7*7}}",
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "texts/../rules.json",
    "file:///etc/passwd",
    "CON", "NUL.txt", "COM1", "a:b", "~root", "$(touch /tmp/pwned)", "`id`", "; rm -rf /", "| cat",
    "nan", "inf", "-inf", "1e400", "-0", "-0.0", "10" + "0" * 400, "0x7f", "1_000", "٣", "½",
    "1e-400",
    "True", "None", "null", "[]", "[[1]]", "' OR 1=1 --", '"; DROP TABLE runs; --', "=1+1",
    "@SUM(A1)",
    "+cmd|' /C calc'!A0", "-2+3", "__import__('os').system('id')", "[" * 5000, '{"a":' * 5000,
    "a,b,,c" * 50,
    "A" * 5000, "ab " * 20_000, "&lt;b&gt;", "&#x3c;", "\u2028\u2029", "\ue000\uffff", "\U0010ffff",
    "newest", "deleted", "0", "-1", "99999999999999999999", "1.5", "1, 1", "L1 H1", "all",
)  # fmt: skip
LARGE = ("x" * 1_000_000, "é\n" * 300_000, f"[{MARK}](x) " * 40_000)
NUMBERS = (
    float("nan"), float("inf"), -float("inf"), -0.0, 1e308, -1e308, 5e-324, 0.5, 2.0**63, -1.0,
    1e15,
)  # fmt: skip
JSON: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, "x", f"<b>{MARK}</b>", [], [1, 2], {}, {"epoch": 0},
    {"epoch": "x"}, {"epoch": [1]}, {"index": -1}, {"index": 1.5}, {"index": True}, {"index": "0"},
    {"index": 10**30}, {"index": [0]}, {"layer": "x", "head": {}}, {"layer": None, "head": None},
    {"layer": 10**400, "head": -(10**400)}, {"layer": 1e308, "head": float("inf")},
    {"layer": float("nan"), "head": float("nan")}, {"temperature": "hot"},
    {"temperature": 1e400, "top_k": 1.5, "top_p": "x"}, {"temperature": float("nan")},
    {"temperature": 1.0, "top_k": float("nan"), "top_p": 0.5}, {"temperature": 1.0,
    "top_k": 10**400},
    {"temperature": True, "top_k": True, "top_p": True}, {"self": 1}, {"a" * 1000: 1},
    {"bigram.x": {"answer": [1]}}, {"bigram.x": "x"}, {f"k{n}": {"answer": n} for n in range(3000)},
    {"x": {"answer": f"<b>{MARK}</b>" * 1000, "right": {}}}, ["\ud800"], "y" * 1_000_000,
)  # fmt: skip
FIELDS = ("selected", "settings", "earlier", "other", "chosen", "nonsense")


def texts() -> Iterator[str]:
    """The hand-made list, then whatever hypothesis thinks of."""
    yield from MARKUP
    yield from TEXTS
    yield from LARGE


anything = st.text(st.characters(), max_size=300)
from_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def forged_json() -> Iterator[str]:
    """What a component may be said to have reported: its fields with anything in them."""
    for value in JSON:
        for field in FIELDS[:4]:
            yield json.dumps({field: value})
    yield from ("", "{", "null", "[1]", '"x"', "nan", "[" * 3000 + "]" * 3000)


# --- what a page shows -----------------------------------------------------------------------

_CODE = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_ALIVE = (
    re.compile(rf"(?<!\\)\]\([^)]*{re.escape(MARK)}"),  # a link or a picture
    re.compile(r"(?<!\\):material/skull:"),
    re.compile(rf"(?<!\\):[a-z-]+\[{re.escape(MARK)}"),
    re.compile(r"(?<!\\)\$(?:\\def|\\href)"),
    re.compile(rf"(?<!\\)[*]{re.escape(MARK)}(?<!\\)[*]"),
    re.compile(rf"(?m)^\s*(?:#|>|- \[x\]) {re.escape(MARK)}"),
)
# Where Streamlit reads Markdown: these fields of these elements.
_MARKDOWN = {
    "markdown": ("body", "help"),
    "alert": ("body", "title"),
    "heading": ("body", "help"),
    "metric": ("label", "help"),
    "page_link": ("label", "help"),
    "button": ("label", "help"),
    "download_button": ("label", "help"),
    "expandable": ("label",),
    "tab": ("label",),
    "popover": ("label", "help"),
    "radio": ("label", "help", "options", "captions"),
    "button_group": ("label", "help"),
    "checkbox": ("label", "help"),
    "image": (),
}


def alive(text: str) -> bool:
    """Whether a page that reads `text` as Markdown would draw something of MARKUP.

    >>> alive(f"[click](https://{MARK})"), alive(f"`[click](https://{MARK})`")
    (True, False)
    """
    outside = _CODE.sub("", text)
    return any(pattern.search(outside) for pattern in _ALIVE)


def drawn(proto: Any) -> list[str]:
    """The texts of one element that are read as Markdown and hold live markup of MARKUP."""
    found = []
    for name, fields in _MARKDOWN.items():
        part = getattr(proto, name, None) if _has(proto, name) else None
        part = proto if part is None and type(proto).__name__.lower() == name else part
        for field in fields if part is not None else ():
            value = getattr(part, field, "")
            found += [t for t in ([value] if isinstance(value, str) else value) if alive(t)]
        if name == "markdown" and getattr(part, "allow_html", False):
            found.append(f"HTML: {part.body[:80]}")
    label = getattr(proto, "label", "")
    if isinstance(label, str) and alive(label):
        found.append(label)
    return found


def _has(proto: Any, name: str) -> bool:
    try:
        return bool(proto.HasField(name))
    except (ValueError, AttributeError):
        return False
