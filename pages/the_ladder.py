"""Page 10: all rungs on one text, what each idea gains; any runs side by side; names for runs."""

from itertools import pairwise

import pandas as pd
import streamlit as st

import gpt
from explorer import ladder
from explorer.panels import climb, code, lesson, question, text
from explorer.panels.manage import manage_panel
from explorer.panels.side_by_side import side_by_side_panel

this = lesson.open_page("the_ladder")
lesson.idea(
    """
Every page added **one idea**. Here all of them stand on one ladder: the same text, the same split,
the same seed. Then what the loss falls from one rung to the next **belongs to that idea**. A
comparison is fair only as far as everything else is equal; what must differ is marked.
""",
    r"\mathrm{gain}_k=\mathrm{loss}_{k-1}-\mathrm{loss}_k",
    {
        r"\mathrm{loss}_k": "validation loss of rung k at the end of its training (nats a token)",
        r"\mathrm{loss}_0": "ln V: a model that knows nothing",
    },
)
the_text = text.current()
V = the_text.vocab_size

lesson.section("Predict, then run")
ideas = [rung.title for rung in ladder.rungs(0)][1:]
answer = question.ask_choice(
    this,
    "gains_most",
    "After the bigram, which step of the ladder lowers the validation loss most?",
    ideas,
)

lesson.section("Touch it: climb the ladder")
rungs = climb.choose(this)
first = rungs[0].preset
st.caption(
    f"On this page: {text.title(the_text)}, V={V}; the tutorial's rungs read batches of"
    f" (B={first.train.batch_size}, T={first.model.block_size}) and give scores"
    f" (B={first.train.batch_size}, T={first.model.block_size}, V={V})."
)
climb.climb_panel(this, rungs, the_text, answer)

lesson.section("Write with every rung")
climb.rung_samples(this, rungs, the_text)

lesson.section("Compare any runs")
side_by_side_panel(this, the_text)

lesson.section("Your runs: name, star, group, delete")
manage_panel(this)

lesson.section("The code")
st.markdown("What each idea changes in the model's settings, and the class that does it:")
st.dataframe(
    pd.DataFrame(
        [
            (after.title, name, was, now, f"gpt.{after.code}")
            for before, after in pairwise(rungs)
            for name, was, now in ladder.changes(before.preset, after.preset)
        ],
        columns=["rung", "setting of ModelConfig", "before", "now", "class"],
    ),
    hide_index=True,
    key=f"{this.key}_changes",
)
st.caption(
    "Nothing else of the model changes. A bigram is a table and uses none of a head's settings (–);"
    " its learning rate is 0.01, that of the next four rungs 0.001. The laptop GPT has a training"
    " recipe of its own."
)
code.code_panel(
    this,
    {
        "Settings": gpt.ModelConfig,
        **{rung.title: getattr(gpt, rung.code) for rung in ladder.rungs(0, laptop=True)},
    },
    "The ladder is one network: a rung is a configuration, not a copy of the code.",
)

lesson.what_changed(
    this,
    [
        ("runs on one chart", "those of one page", "every rung, and any runs"),
        ("the question", "how low is this loss?", "which idea made it lower?"),
        ("parameters", "of one model", "of every rung, beside its gain"),
    ],
    [
        "A gain belongs to its place on the ladder: the same idea on another rung gains otherwise.",
        "One seed is one draw. Gains of a hundredth need several seeds before they mean anything.",
        "Equal steps are not equal time, and neither is equal arithmetic: say which one you mean.",
    ],
)
