"""The product of one query and one key term by term, drawn on a canvas in the browser.

The queries and keys of one head travel once, as float32, since a sentence of five digits must be
that of the model: 2·T·D numbers, 1 MB for 1024 positions of size 128. Choosing a query and a key,
their terms, their sum, softmax and every export happen in the browser. With `link` the component
follows the position chosen in the text and the cell pointed at in an `attention_map`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.charts import theme
from explorer.components import wire
from explorer.components.glyphs import visible_all

HTML = "dot_product.html"
SCRIPTS = (
    "shared.js", "saving.js", "links.js", "dot_product_sums.js", "dot_product_words.js",
    "dot_product_paint.js", "dot_product.js",
)  # fmt: skip

_component = st.components.v2.component(
    "explorer_dot_product",
    html=wire.assets(HTML),
    css=wire.assets("shared.css", "dot_product.css"),
    js=wire.assets(*SCRIPTS),
)


def dot_product(
    queries: np.ndarray,
    keys: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    scale: float,
    causal: bool = True,
    query: int | None = None,
    title: str = "q · k",
    link: str | None = None,
) -> None:
    """Draw the terms of query · key for one pair of positions, chosen in the browser.

    queries, keys (T, D): of one head, as they meet (turned and normed, where the model does so).
    tokens: the T tokens of the text. scale: what the sum is multiplied with before softmax.
    causal: a query sees no later key. query: the position to begin with (None: the last), beside
    the key that it weighs most; keep it constant, since another value sends everything again.
    title: the name of the head. link: a name shared with an `attention_map` and a `token_strip` of
    the same text. Raises ValueError for shapes or values that cannot be queries and keys.
    """
    header, body = encode(queries, keys, tokens, scale=scale, causal=causal, query=query)
    header |= {"title": title, "link": link} | wire.words(HTML, *SCRIPTS)
    _component(key=key, data=wire.pack(header, body))


def encode(
    queries: np.ndarray,
    keys: np.ndarray,
    tokens: Sequence[str],
    *,
    scale: float,
    causal: bool = True,
    query: int | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Header and body of the message, checked; the body is queries, then keys, float32."""
    q, k = (np.asarray(part, dtype="<f4") for part in (queries, keys))
    if q.ndim != 2 or q.shape != k.shape or 0 in q.shape:
        raise ValueError(f"queries and keys must both have shape (T, D), got {q.shape}, {k.shape}.")
    if len(tokens) != len(q):
        raise ValueError(f"there are {len(q)} queries but {len(tokens)} tokens.")
    if not (np.isfinite(q).all() and np.isfinite(k).all()):
        raise ValueError("queries and keys must be finite numbers: has the training diverged?")
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be a number above 0, got {scale}.")
    if query is not None and not 0 <= query < len(q):
        raise ValueError(f"query must be a position below {len(q)}, got {query}.")
    header = {
        "tokens": visible_all(tokens),
        "time": len(q),
        "size": q.shape[1],
        "scale": float(scale),
        "causal": bool(causal),
        "query": len(q) - 1 if query is None else int(query),
        "colours": {"query": theme.QUERY, "key": theme.KEY},
    }
    return header, q.tobytes() + k.tobytes()
