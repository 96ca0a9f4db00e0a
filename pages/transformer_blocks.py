"""Page 6: the residual path and the norm, and why without them a deep stack does not learn."""

from functools import partial

import streamlit as st

import gpt
from explorer.examples import example_for
from explorer.language import count, message, say
from explorer.panels import code, depth, lesson, model, outcome, question, settings, text, training
from explorer.panels.attention import attention_panel, text_read
from explorer.panels.compare import compare_panel
from explorer.panels.export import export_panel
from explorer.panels.norm import layer_norm_panel
from explorer.panels.sampling import sampling_panel
from explorer.panels.variants import train_variants

this = lesson.open_page("transformer_blocks")
lesson.idea(
    say("""
A **block** looks around (attention) and then thinks (feed-forward); a GPT is a stack of such
blocks. Stacked as they are, the signal that should teach the first layer dies on its way down. Two
additions cure it. The **residual path** lets a layer add to its input instead of replacing it, so
that the gradient has a free way back. The **layer norm** keeps the numbers at one scale.
"""),
    r"\begin{gathered}x\leftarrow x+\mathrm{part}(\mathrm{LN}(x))\\[4pt]"
    r"\mathrm{LN}(x)=\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}\,\gamma+\beta\end{gathered}",
    {
        r"\mathrm{part}": say("attention, then feed-forward"),
        r"\mu,\ \sigma^2": say("mean and variance of the C numbers of one position"),
        r"\gamma,\ \beta": say("learned, C numbers each; at first 1 and 0"),
    },
)
shapes = st.empty()
the_text = text.current()

lesson.section(say("Touch it: does the first layer hear anything?"))
preset = settings.choose(
    this, gpt.PRESETS["blocks"], ["n_layer", "norm", "init", "residual"], columns=4
)
B, T, C = preset.train.batch_size, preset.model.block_size, preset.model.n_embd
shapes.caption(
    count(
        preset.model.n_layer,
        "On this page: x (B={B}, T={T}, C={C}) goes through {n} block and keeps its shape; μ and σ²"
        " are (B={B}, T={T}), one for each position.",
        "On this page: x (B={B}, T={T}, C={C}) goes through {n} blocks and keeps its shape; μ and"
        " σ² are (B={B}, T={T}), one for each position.",
        B=B,
        T=T,
        C=C,
    )
)
guess, reveal = depth.ask_gradient(this)
gradients = st.container()
norm_by_hand = st.container()

lesson.section(say("Predict, then run"))
own = outcome.text_of(this, the_text)
tutorials = text.is_tutorials(own)
one = message(
    "One layer with feed-forward ends near 2.24 on this text. Where will this run's loss end?"
)
bigram = own.references["counted bigram"]
asked = say(one if tutorials else question.WHERE, loss=bigram)
expected = question.ask_number(this, "loss", asked, 0.0, 20.0)

lesson.section(say("Train it"))
names = ["max_steps", "learning_rate", "n_head", "n_embd", "block_size", "activation", "dropout"]
preset = settings.choose(this, preset, names, columns=4)
training.training_panel(this, preset, the_text)
export_panel(this)
run = outcome.graded(this, the_text)
reason = message("Depth pays once it can be trained: compare with fewer layers.")
if tutorials:
    reason = message(
        "The tutorial's three blocks reach about 2.06 on this text: depth pays once it can be"
        " trained."
    )
question.grade_number(
    expected,
    run["val_loss"] if run else None,
    0.05,
    say(reason),
)
train_variants(this, depth.variants(preset), the_text)
compare_panel(this, the_text)

live = training.is_training(model.current_run(this))
poll = 2.0 if live else None
newest = partial(model.of_page, this, preset, the_text)
example = example_for(newest().tokenizer)
if reveal:
    with gradients:
        depth.grade_gradient(guess, preset, the_text)
        draw = partial(depth.gradients_panel, this, preset, the_text, newest)
        st.fragment(draw, run_every=poll)()
with norm_by_hand:
    lesson.section(say("Touch it: a layer norm by hand"))
    read = text_read(this, example)
    st.fragment(partial(layer_norm_panel, this, newest, read))()

lesson.section(say("Look inside: all layers and heads"))
step = model.choose_step(this)
shown = partial(model.of_page, this, preset, the_text, step)
attention_panel(this, shown, example, live=live)
lesson.section(say("Write with it"))
sampling_panel(this, shown, live=live)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("one block"): gpt.Block,
        message("the stack"): gpt.GPT,
        message("a norm by hand"): gpt.layer_norm_steps,
    },
    say("It leaves out mixtures of experts: here every token goes through the same feed-forward."),
    code.shapes_of(newest, preset.train.batch_size),
)
lesson.what_changed(
    this,
    outcome.comparison(this, preset, the_text),
    [
        say(
            "A long gradient is not yet a useful one: with the norm alone it begins long. Train"
            " that variant, choose its run, and look at its loss and its gradient again."
        ),
        say("Layer norm does not look across the batch or the text: each position by itself."),
        say(
            "Post-norm is the form of 2017. It trains at this depth; deep stacks of it need"
            " warm-up."
        ),
    ],
)
