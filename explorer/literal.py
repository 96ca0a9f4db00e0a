"""Texts that came from outside, made so that Markdown shows them letter by letter.

What a learner, a file or a link has brought (the name of an upload, a run that an address asked
for, a word quoted in an error) is data: a page must not draw a picture, a link or a colour from it.
"""

import re

# What Streamlit's Markdown takes for a sign: of a heading or a list at the beginning; code, stress,
# links and pictures, HTML, formulas, struck text, and directives such as :red[…] or :material/…:.
# An underscore inside a word (n_embd) and a colon before a space are none, and stay as they are.
_SIGNS = re.compile(r"^[#=+-]|[\\`*\[\]<>$~&|]|(?<!\w)_|_(?!\w)|:(?=[A-Za-z+-])")


def literal(text: str) -> str:
    r"""`text` on one line, with nothing in it that Markdown would take for a sign.

    >>> literal("![me](http://a.b)  n_embd")
    '!\\[me\\](http://a.b) n_embd'
    """
    return _SIGNS.sub(lambda sign: "\\" + sign[0], " ".join(text.split()))
