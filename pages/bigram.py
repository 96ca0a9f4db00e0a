"""Page 2: the next character from the last one alone; the counted table beside the learned one."""

import math
from functools import partial

import streamlit as st

import gpt
from explorer import cache
from explorer.components.glyphs import visible
from explorer.components.matrices import Matrix, matrices
from explorer.language import message, say
from explorer.literal import literal
from explorer.panels import code, lesson, model, outcome, question, settings, text, training
from explorer.panels.export import export_panel
from explorer.panels.piece import piece
from explorer.panels.sampling import sampling_panel

LARGEST = 512  # tokens; more cells than those of their table would not be legible

this = lesson.open_page("bigram")
the_text = text.current()
V, unit, units = the_text.vocab_size, say(the_text.unit), say(the_text.units)
lesson.idea(
    say(
        """
Which {unit} comes next, if all you know is the **last one**? Count: after every *q*, how often
came *u*? That gives a table of {V:,} × {V:,} counts; divide each row by its sum and you have
probabilities. The network here is the same table, but its numbers are **learned** from examples.
Its loss is the average surprise at the true next {unit}, and counting is the best it can reach.
""",
        unit=unit,
        V=V,
    ),
    r"\mathrm{loss}=-\frac{1}{B\,T}\sum_{b,t}\ln p\,(x_{b,t+1}\mid x_{b,t})",
    {
        "B, T": say("windows in a batch, {units} in a window", units=units),
        "p": say("the table's row"),
    },
)
shapes = st.empty()
touch = st.container()

lesson.section(say("Predict, then run"))
learnt = outcome.text_of(this, the_text)
nothing = learnt.references["knows nothing (ln V)"]
floor = learnt.references["counted bigram"]
first = question.ask_number(
    this,
    "first_loss",
    say(
        message(
            "Before any training, all {V} {units} look alike to the network. What will the very"
            " first validation loss be, in nats?"
        )
        if learnt.vocab_size > 1
        else message(
            "This text has a single {unit}, and the network has nothing to choose from. What will"
            " the very first validation loss be, in nats?"
        ),
        V=learnt.vocab_size,
        unit=say(learnt.unit),
        units=say(learnt.units),
    ),
    0.0,
    20.0,
)

lesson.section(say("Train it"))
preset = settings.choose(
    this, gpt.PRESETS["bigram"], ["max_steps", "learning_rate", "batch_size", "init"], columns=4
)
B, T = preset.train.batch_size, preset.model.block_size
shapes.caption(
    say(
        "On this page: tokens (B={B}, T={T}) → scores (B={B}, T={T}, V={V}), a row of the table for"
        " each.",
        B=B,
        T=T,
        V=V,
    )
)
training.training_panel(this, preset, the_text)
export_panel(this)

begin = outcome.first_evaluation(this, the_text)
question.grade_number(
    first,
    begin["val_loss"] if begin else None,
    0.1,
    say(
        message(
            "A model that knows nothing scores ln {V:.0f} = {loss:.3f}. Weights drawn"
            " as in the tutorial are not quite even: the network begins with random opinions, and"
            " pays a little more. Try “weights at the start: gpt2”."
        )
        if learnt.vocab_size > 1
        else message("A model that knows nothing scores ln {V:.0f} = {loss:.3f}: all is foreseen."),
        V=math.exp(nothing),
        loss=nothing,
    ),
)


@piece
def floor_reached() -> None:
    """How near a finished run came to the counted table."""
    end = outcome.graded(this, the_text)
    if end is None:
        return
    above = message(
        "**The floor:** the counted table scores {floor:.4f} on the validation text; this run"
        " ended at {loss:.4f}, {gap:.4f} above it (an estimate, so a little noise)."
    )
    below = message(
        "**The floor:** the counted table scores {floor:.4f} on the validation text; this run"
        " ended at {loss:.4f}, {gap:.4f} below it (an estimate, so a little noise)."
    )
    gap = end["val_loss"] - floor
    st.markdown(say(above if gap > 0 else below, floor=floor, loss=end["val_loss"], gap=abs(gap)))


floor_reached()
live = training.is_training(model.current_run(this))


def tables(step: int | None) -> None:
    """The counted table and the learned one, with one hover for both."""
    shown = model.of_page(this, preset, the_text, step)
    tokens = shown.tokenizer.tokens
    if tokens != the_text.tokenizer.tokens:
        st.info(
            say(
                "This run learnt from another text or other tokens; choose those in the sidebar to"
                " compare."
            )
        )
        return
    if V > LARGEST:
        st.info(
            say(
                "A table of {V:,} × {V:,} is too large to be drawn: choose characters or at most"
                " {most} byte pairs in the sidebar.",
                V=V,
                most=LARGEST,
            )
        )
        return
    counted = cache.bigram_table(*text.key_of(the_text))
    learned = shown.model.table.weight.detach().softmax(-1).numpy()
    distance = abs(counted - learned).sum(axis=1).mean() / 2
    st.caption(
        say(
            "Learned: {model}. Mean distance between the rows of the two tables: {distance:.3f}"
            " (0 = the same, 1 = nothing in common; measured). Row = last {unit}, column = next.",
            model=shown.label,
            distance=distance,
            unit=unit,
        )
    )
    about = {"rows": tokens, "columns": tokens, "palette": "probability", "scale_max": 1.0}
    about |= {"group": "tables", "sentence": say("after ‘{row}’ comes ‘{column}’")}
    matrices(
        [
            Matrix("counted", counted, title=say("counted"), concept="counted", **about),
            Matrix("learned", learned, title=say("learned"), concept="learned", **about),
        ],
        key="bigram_tables",
        columns=2,
        bars_of="tables",
        height=520,
        selected_row=tokens.index("t") if "t" in tokens else 0,
    )


with touch:
    lesson.section(say("Touch it: counting and learning"))
    step = model.choose_step(this)
    st.fragment(partial(tables, step), run_every=1.0 if live else None)()

lesson.section(say("Write with it"))
sampling_panel(this, partial(model.of_page, this, preset, the_text, step), prompt="t", live=live)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("the network"): gpt.Bigram,
        message("counting"): gpt.bigram_counts,
        message("the loss"): gpt.next_token_loss,
    },
    say(
        "It leaves out everything before the last {unit}; attention will bring it back.", unit=unit
    ),
    code.shapes_of(partial(model.of_page, this, preset, the_text), preset.train.batch_size),
    {"logits = self.table(idx)": say("the learned table above, a row for each token")},
)

several = cache.branching(*text.key_of(learnt))
lesson.what_changed(
    this,
    outcome.comparison(this, preset, the_text),
    [
        say(
            "The network knows no more than counting: training finds the same table, step by step."
        ),
        say("A low loss on frequent pairs can hide nonsense: read the sample too."),
        say(
            message(
                "The loss cannot reach 0: after “{token}”, several {units} really do follow."
                " {floor:.2f} nats is the text's own uncertainty, seen through one {unit}."
            )
            if several is not None
            else message(
                "The loss can come near 0 where each {unit} is always followed by the same one, as"
                " in the training part of this text. The counted table scores {floor:.2f} nats on"
                " the validation part."
            ),
            token=literal(visible(learnt.tokenizer.decode([several or 0]))),
            units=units,
            floor=floor,
            unit=unit,
        ),
    ],
)
