"""Page 10: all rungs on one text, what each idea gains; any runs side by side; names for runs."""

from itertools import pairwise

import pandas as pd
import streamlit as st

import gpt
from explorer import ladder
from explorer.language import message, say
from explorer.panels import climb, code, lesson, question, text
from explorer.panels.manage import manage_panel
from explorer.panels.side_by_side import side_by_side_panel

this = lesson.open_page("the_ladder")
lesson.idea(
    say("""
Every page added **one idea**. Here all of them stand on one ladder: the same text, the same split,
the same seed. Then the fall of the loss from one rung to the next **belongs to that idea**. A
comparison is fair only as far as everything else is equal; what must differ is marked.
"""),
    r"\mathrm{gain}_k=\mathrm{loss}_{k-1}-\mathrm{loss}_k",
    {
        r"\mathrm{loss}_k": say(
            "validation loss of rung k at the end of its training (nats a token)"
        ),
        r"\mathrm{loss}_0": say("ln V: a model that knows nothing"),
    },
)
the_text = text.current()
V = the_text.vocab_size

lesson.section(say("Predict, then run"))
ideas = [rung.title for rung in ladder.rungs(0)][1:]
answer = question.ask_choice(
    this,
    "gains_most",
    say("After the bigram, which step of the ladder lowers the validation loss most?"),
    ideas,
)

lesson.section(say("Touch it: climb the ladder"))
rungs = climb.choose(this)
first = rungs[0].preset
st.caption(
    say(
        "On this page: {text}, V={V}; the tutorial's rungs read batches of (B={B}, T={T}) and give"
        " scores (B={B}, T={T}, V={V}).",
        text=text.title(the_text),
        V=V,
        B=first.train.batch_size,
        T=first.model.block_size,
    )
)
climb.climb_panel(this, rungs, the_text, answer)

lesson.section(say("Write with every rung"))
climb.rung_samples(this, rungs, the_text)

lesson.section(say("Compare any runs"))
side_by_side_panel(this, the_text)

lesson.section(say("Your runs: name, star, group, delete"))
manage_panel(this)

lesson.section(say("The code"))
st.markdown(say("What each idea changes in the model's settings, and the class that does it:"))
st.dataframe(
    pd.DataFrame(
        [
            (say(after.title), name, was, now, f"gpt.{after.code}")
            for before, after in pairwise(rungs)
            for name, was, now in ladder.changes(before.preset, after.preset)
        ],
        columns=[
            say("rung"),
            say("setting of ModelConfig"),
            say("before"),
            say("now"),
            say("class"),
        ],
    ),
    hide_index=True,
    key=f"{this.key}_changes",
)
st.caption(
    say(
        "Nothing else of the model changes. A bigram is a table and uses none of a head's settings"
        " (–); its learning rate is 0.01, that of the next four rungs 0.001. The laptop GPT has a"
        " training recipe of its own."
    )
)
code.code_panel(
    this,
    {
        message("Settings"): gpt.ModelConfig,
        **{rung.title: getattr(gpt, rung.code) for rung in ladder.rungs(0, laptop=True)},
    },
    say("The ladder is one network: a rung is a configuration, not a copy of the code."),
)

lesson.what_changed(
    this,
    [
        (say("runs on one chart"), say("those of one page"), say("every rung, and any runs")),
        (say("the question"), say("how low is this loss?"), say("which idea made it lower?")),
        (say("parameters"), say("of one model"), say("of every rung, beside its gain")),
    ],
    [
        say(
            "A gain belongs to its place on the ladder: on another rung the same idea gains more or"
            " less."
        ),
        say(
            "One seed is one draw. Gains of a hundredth need several seeds before they mean"
            " anything."
        ),
        say(
            "Equal steps are not equal time, and neither is equal arithmetic: say which one you"
            " mean."
        ),
    ],
)
