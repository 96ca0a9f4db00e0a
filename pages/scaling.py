"""Page 11: what size is best for a budget, and what a size not trained will reach."""

from functools import partial

import streamlit as st

import gpt
from explorer import scaling
from explorer.charts.scaling import create_plan_chart
from explorer.language import message, say
from explorer.panels import code, law, lesson, question, sweep, text
from explorer.panels.unseen import unseen_panel

POLL_SECONDS = 2.0

this = lesson.open_page("scaling")
lesson.idea(
    say("""
A **budget** of arithmetic can be spent on a large model that reads little or on a small one that
reads much. Train several sizes with the *same* FLOPs, and the loss against size is a valley: a
model that is too small cannot learn more, one that is too large has hardly begun. The floor of the
valley moves with the budget, regularly enough to write down a **law**. A law can be checked:
predict a size that nobody has trained, then train it.
"""),
    r"L(N,D)=E+A\,N^{-\alpha}+B\,D^{-\beta}",
    {
        "L": say("validation loss, nats per token"),
        "N": say("parameters, embeddings included"),
        "D": say("tokens seen in training, repeated ones too"),
        "C": say("FLOPs of the whole training, about 6 · N · D (counted here, attention included)"),
        r"E": say("what no size and no number of tokens would remove"),
        r"A, \alpha, B, \beta": say("how much, and how fast, size and tokens help: fitted"),
    },
)
the_text = text.current()

lesson.section(say("Touch it: one budget, many ways to spend it"))
planned = sweep.choose(this, the_text)
look = partial(sweep.look_up, this, the_text, planned)
found = look()
table = found.table(the_text)
chart = create_plan_chart(table, len(the_text.train_ids))
st.altair_chart(chart, width="stretch", key=f"{this.key}_plan")
top = found.top
st.caption(
    say(
        "Derived: {n} runs, every point on one line uses the same FLOPs. Under the largest"
        " budget the smallest model reads the text {smallest:.1f} times and the largest"
        " {largest:.1f} times: a repeated token teaches less than a new one, and the law does not"
        " know that.",
        n=len(planned),
        smallest=top[0].epochs(len(the_text.train_ids)),
        largest=top[-1].epochs(len(the_text.train_ids)),
    )
)
with st.expander(say("All runs of the sweep, and how their learning rates are chosen")):
    st.dataframe(table, hide_index=True, key=f"{this.key}_table", column_config=sweep.columns())
    st.markdown(
        say(
            "All sizes have one shape: heads of size 8, a layer for every 32 of width, context 64,"
            " batches of 12. The learning rate is 0.002 · 128 / width, because Adam's best step"
            " shrinks as matrices get wider (Yang et al. 2022); it is not tuned for each size,"
            " which may favour some. It falls along a cosine that ends with the run: a schedule"
            " made for a longer run would make the short ones look worse than they are (Hoffmann"
            " et al. 2022)."
        )
    )

lesson.section(say("Predict, then run"))
asked = say(
    "Which size will have the lowest loss under the largest budget ({budget:.2g} FLOPs)?",
    budget=top[0].budget,
)
sizes = {sweep.name_of(run): sweep.size_of(run) for run in top}
answer = question.ask_choice(
    this, f"best.{top[0].budget:.2g}.{len(top)}", asked, list(sizes), sizes.__getitem__
)

lesson.section(say("Train them all"))
polling = found.is_active
draw = partial(law.live_panel, this, the_text, look, polling)
st.fragment(draw, run_every=POLL_SECONDS if polling else None)()
question.grade_choice(
    answer,
    sweep.best_size(found),
    say(
        "Smaller ones have too few numbers to hold what they read; larger ones had no time to read."
        " Neighbours that differ by a hundredth or two may be luck: each size has one seed."
    ),
    message("Start the sweep"),
    sizes.__getitem__,
)

lesson.section(say("Predict a size that nobody has trained"))
fitted = law.fitted(found)
unseen_panel(this, the_text, found, fitted)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("one size, one budget"): gpt.run_under_budget,
        message("a sweep"): gpt.sweep,
        message("the fit"): scaling.fit,
        message("the valley"): scaling.parabola,
    },
    say("It leaves out several seeds a size, which would tell luck from law."),
)
lesson.what_changed(
    this,
    sweep.comparison(found, fitted),
    [
        say(
            "Bigger is not always better: at a fixed budget it means fewer tokens, and past the"
            " valley the loss rises again."
        ),
        say(
            "A power law holds where it was measured. Beyond, the band only tells how sure the fit"
            " is, not whether the law is still true there."
        ),
        say(
            "Exponents travel badly: another text, tokenizer, schedule or way to count N gives"
            " others."
        ),
    ],
)
