"""Page 7: the laboratory. Every setting is a control; runs are planned, trained and compared."""

import importlib
from functools import partial

import streamlit as st

import gpt
from explorer.language import count, message, say
from explorer.panels import code, laboratory, lesson, model, outcome, question, text, training
from explorer.panels.attention import attention_panel
from explorer.panels.compare import compare_panel
from explorer.panels.export import export_panel
from explorer.panels.sampling import sampling_panel

this = lesson.open_page("train_a_gpt")
lesson.idea(
    say("""
Nothing new is built here: a **GPT** is the blocks of the last page, wider, deeper, with a longer
context and a better recipe. What remains are choices. Size decides what the model *can* learn,
steps and learning rate what it *does* learn, regularisation what it learns *by heart*. Every
choice has a price in time, which is known before the run.
"""),
    r"\mathrm{FLOPs}\approx 6\cdot N\cdot B\cdot T\cdot\mathrm{steps}",
    {
        r"\mathrm{FLOPs}": say(
            "multiplications and additions of the whole run, forward and backward"
        ),
        "N": say("parameters that are multiplied with"),
        "B, T": say("windows in a batch, tokens in a window"),
    },
)
shapes = st.empty()
the_text = text.current()

lesson.section(say("Touch it: choose, and see the price"))
device = laboratory.choose_device(this)
preset = laboratory.choose_preset(this, the_text, device)
config, train = preset.model, preset.train
shapes.caption(
    say(
        "On this page: tokens (B={B}, T={T}) → x (B={B}, T={T}, C={C}) → {blocks} of {heads}"
        " → scores (B={B}, T={T}, V={V})",
        B=train.batch_size,
        T=config.block_size,
        C=config.n_embd,
        V=the_text.vocab_size,
        blocks=count(config.n_layer, "{n} block", "{n} blocks"),
        heads=count(config.n_head, "{n} head", "{n} heads"),
    )
)
laboratory.costs_panel(this, preset, the_text, device)

lesson.section(say("Predict, then run"))
own = outcome.text_of(this, the_text)
expected = question.ask_number(
    this,
    "loss",
    say(question.WHERE, loss=own.references["counted bigram"]),
    0.0,
    20.0,
)

lesson.section(say("Train it"))
training.training_panel(this, preset, the_text, details=True, device=device)
run = outcome.graded(this, the_text)
gap = run["val_loss"] - run["train_loss"] if run else 0.0
by_heart = message(
    "The training loss is {loss:.3f}, {gap:.3f} lower: the model has begun to learn the text by"
    " heart, or the end of this text, kept for validation, is harder to predict."
)
alike = message(
    "The training loss is {loss:.3f}, nearly the same: no sign yet of a text learnt by heart. More"
    " steps or more size may lower both."
)
easier = message(
    "The training loss is {loss:.3f}, {gap:.3f} higher: the end of this text, kept for validation,"
    " is easier to predict."
)
reason = by_heart if gap > 0.05 else easier if gap < -0.05 else alike
figures = " " + say("On this text the laptop GPT ends near 1.88, the tutorial's near 1.48.")
question.grade_number(
    expected,
    run["val_loss"] if run else None,
    0.1,
    say(reason, loss=run["train_loss"] if run else 0.0, gap=abs(gap))
    + figures * text.is_tutorials(own),
)
export_panel(this)

lesson.section(say("Compare your runs"))
compare_panel(this, the_text)

live = training.is_training(model.current_run(this))
lesson.section(say("Write with it"))
step = model.choose_step(this)
shown = partial(model.of_page, this, preset, the_text, step)
sampling_panel(this, shown, live=live)

lesson.section(say("Look inside: all layers and heads"))
attention_panel(this, shown, "To be, or not to be, that is the question", live=live)

lesson.section(say("The code"))
inner = importlib.import_module(gpt.train.__module__)  # the loop itself is behind gpt.train
code.code_panel(
    this,
    {
        message("the training loop"): inner._events,
        message("one step"): inner._Job.optimize,
        message("the model"): gpt.GPT,
        message("the settings"): gpt.TrainConfig,
    },
    say("It leaves out several machines and mixed precision on a CPU."),
    code.shapes_of(shown, preset.train.batch_size),
)
lesson.what_changed(
    this,
    outcome.comparison(this, preset, the_text),
    [
        say("A lower training loss is not the goal: watch the validation loss, and keep the best."),
        say("A larger model is not better at equal time: on a CPU it sees far fewer tokens."),
        say("Losses of different texts or vocabularies cannot be compared."),
    ],
)
