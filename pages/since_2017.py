"""Page 12: what was found since 2017, each idea switched by itself, and the race."""

from functools import partial

import streamlit as st

import gpt
from explorer import modern
from explorer.language import message, say
from explorer.panels import code, ideas, lesson, model, race, text
from explorer.panels.modern import ablation_panel, ask_best

this = lesson.open_page("since_2017")
lesson.idea(
    say("""
The transformer of 2017 still stands; its parts have been exchanged. Newer models know **positions
by turning** queries and keys, keep their scores in bounds, **gate** their feed-forward, and take
their steps with other optimizers and a falling learning rate. Every one of these ideas is one
switch here, and what it gains is measured beside what luck gains. Together they race against a
quick start for laptops.
""")
)
the_text = text.current()
base = modern.tutorial(240)
shown = partial(model.of_page, this, base, the_text)

lesson.section(say("Touch it: one idea at a time"))
st.fragment(partial(ideas.ideas_panel, this, shown, the_text))()

lesson.section(say("Predict, then run"))
answer = ask_best(this)

lesson.section(
    say("The ablation: what does each idea gain?"),
    help=say("Ablation: switch one part and leave the rest, to see what that part does."),
)
ablation_panel(this, the_text, answer)

lesson.section(say("The race to the quick start's loss"))
race.race_panel(this, the_text)

lesson.section(say("The code: where the switches act"))
code.code_panel(
    this,
    {
        message("attention"): gpt.MultiHeadAttention,
        message("feed-forward"): gpt.FeedForward,
        message("Muon"): next(idea.code for idea in modern.IDEAS if idea.name == "Muon"),
    },
    say(
        "It leaves out mixtures of experts, longer contexts and lower precision, which matter in"
        " models a thousand times this size."
    ),
    code.shapes_of(shown, base.train.batch_size),
    {
        "ready_to_meet(": say("rotary positions and query-key norm"),
        "repeat_interleave": say("shared keys and values"),
        "gates = 2": say("SwiGLU: a gate beside the value"),
        "self.activation(": say("SwiGLU, squared ReLU"),
        "orthogonalised(": say("Muon's step"),
    },
)
lesson.what_changed(
    this,
    race.facts(this, the_text),
    [
        say(
            "Newer is not always better: at this size some ideas gain nothing that can be told"
            " from luck, and some were made for larger models or for cheaper writing, not for a"
            " lower loss."
        ),
        say("One run does not decide: another seed moves the loss too. The grey band is how much."),
        say(
            "An idea and its settings come together: an optimizer with another's learning rate"
            " looks worse than it is. Here two rates were tried for AdamW, and the better one was"
            " kept."
        ),
        say(
            "Sooner at one loss does not mean better in the end: how far each would come with more"
            " time is another race."
        ),
    ],
)
