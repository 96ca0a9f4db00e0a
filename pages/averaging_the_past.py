"""Page 3: every position gets the average of its past, written four ways."""

from functools import partial

import streamlit as st

import gpt
from explorer.averaging import line_shapes_of
from explorer.language import message, say
from explorer.panels import code, lesson, text
from explorer.panels.averaging.edit import ask_rows, edit_panel
from explorer.panels.averaging.example import choose_example
from explorer.panels.averaging.speed import speed_panel
from explorer.panels.averaging.versions import versions_panel

this = lesson.open_page("averaging_the_past")
the_text = text.current()
lesson.idea(
    say(
        """
The bigram knows only the last {unit}. The plainest way to remember more is to give every
position the **average** of everything up to it. Written as loops that is slow; as one product with
a **triangular matrix** it is done for all positions at once. Row t of that matrix says how much
position t takes of each position. Let the data choose those numbers, and it is **attention**.
""",
        unit=say(the_text.unit),
    ),
    r"\mathrm{out}_t=\frac{1}{t}\sum_{i=1}^{t}x_i=\sum_{i=1}^{T}w_{t,i}\,x_i",
    {
        "x_i": say("the C numbers that stand for position i"),
        "w_{t,i}": say("the weight of position i for position t: 1/t up to t, 0 after it"),
        r"\mathrm{out}_t": say("what position t knows of its past, C numbers"),
    },
)
shapes = st.empty()

lesson.section(say("Touch it: one computation, four ways"))
example = choose_example(this, the_text, "to be or not to be")
if example:
    T, C = example.x.shape
    shapes.caption(
        say(
            "On this page: x (B=1, T={T}, C={C}); weights ({T}, {T}) @ x → output (B=1, T={T},"
            " C={C}).",
            T=T,
            C=C,
        )
    )
    st.fragment(partial(versions_panel, this, example))()

    lesson.section(say("Predict, then edit"))
    ask_rows(this, example)
    lesson.section(say("Touch it: weights of your own"))
    st.fragment(partial(edit_panel, this, example))()

lesson.section(say("Predict, then measure"))
speed_panel(this)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("the four versions"): (
            gpt.average_with_loops,
            gpt.average_with_matmul,
            gpt.average_with_softmax,
            gpt.average_with_attention,
        ),
        message("the head of page 4"): gpt.Head,
    },
    say(
        "The four leave out what `Head` has besides: weights of its own, dropout, and switches for"
        " the mask, the scale and the positions."
    ),
    partial(line_shapes_of, example) if example else None,
    {"weights = ": say("the weights above")},
)

lesson.what_changed(
    this,
    [
        (
            say("a position knows"),
            say("its own {unit}", unit=say(the_text.unit)),
            say("the average of all {units} so far", units=say(the_text.units)),
        ),
        (say("weights"), say("none"), say("equal: 1/t for each of the t positions so far")),
        (
            say("work for T positions"),
            say("T rows of a table"),
            say("one product of (T, T) and (T, C)"),
        ),
        (say("to learn"), say("the table"), say("nothing yet: page 4 learns where to look")),
    ],
    [
        say(
            "The triangle is not there for speed. It decides who may see whom: fill in the other"
            " half, and every position sees the future."
        ),
        say("Softmax of −∞ is exactly 0, not a small number: nothing of the future leaks through."),
        say(
            "An average has no order: it forgets what stood where, unless x itself says it (the"
            " model of page 4 adds a vector for each place)."
        ),
        say("More sums can be faster: what counts is how many can be done at once."),
    ],
)
