"""Page 4: one head of masked self-attention, trained and looked into."""

from functools import partial

import streamlit as st

import gpt
from explorer.examples import example_for
from explorer.language import message, say
from explorer.panels import code, lesson, model, outcome, question, settings, text, training
from explorer.panels.attention import attention_panel, text_read
from explorer.panels.consequences import consequences_panel
from explorer.panels.export import export_panel
from explorer.panels.head import head_panel
from explorer.panels.sampling import sampling_panel

this = lesson.open_page("self_attention")
the_text = text.current()
lesson.idea(
    say(
        """
The bigram model forgets everything but the last {unit}. **Self-attention** lets every position
look back. Each position asks a *query*, offers a *key*, and hands over a *value*. Where query and
key match, the softmax puts weight, and the position takes a weighted average of the values.
The **mask** hides the future: otherwise the answer would be in plain sight.
""",
        unit=say(the_text.unit),
    ),
    r"\mathrm{out}=\mathrm{softmax}\!\left(\frac{QK^{\top}}{\sqrt{D}}+\mathrm{mask}\right)V",
    {
        "Q, K, V": say(
            "queries, keys, values: what each position asks, offers, hands over (T × D)"
        ),
        "D": say("size of the head"),
        r"\mathrm{mask}": say("−∞ above the diagonal, 0 elsewhere"),
    },
)
live = training.is_training(model.current_run(this))

lesson.section(say("Touch it: where does it look?"))
preset = settings.choose(
    this,
    gpt.PRESETS["self_attention"],
    ["n_embd", "block_size", "attention_scale", "positions", "causal"],
    columns=5,
)
step = model.choose_step(this)
shown = partial(model.of_page, this, preset, the_text, step)
example = example_for(shown().tokenizer)
attention_panel(this, shown, example, live=live)
lesson.section(say("Touch it: the head taken apart"))
read = text_read(this, example)
st.fragment(partial(head_panel, this, shown, read), run_every=2.0 if live else None)()

lesson.section(say("Predict, then run"))
learnt = outcome.text_of(this, the_text)
begun = model.current_run(this)
graded = gpt.ModelConfig.from_dict(begun.spec()["model"]) if begun else preset.model
bigram = learnt.references["counted bigram"]
above, little = message("above the counted bigram"), message("a little below it")
far_below = message("far below it (by more than a fifth)")
answer = question.ask_choice(
    this,
    "gain",
    say(
        "The counted bigram is the best that one {unit} of memory can do. With one head that"
        " sees {T} {units}, the validation loss will end …",
        unit=say(learnt.unit),
        units=say(learnt.units),
        T=graded.block_size,
    ),
    [above, little, far_below],
)

lesson.section(say("Train it"))
preset = settings.choose(this, preset, ["max_steps", "learning_rate"], columns=2)
training.training_panel(this, preset, the_text)
export_panel(this)

run = outcome.graded(this, the_text)
past = message(
    "The run ended at {loss:.3f}; the counted bigram is {bigram:.3f}. One head averages the past;"
    " it cannot yet think about what it found."
)
answers = message(
    "The run ended at {loss:.3f}; the counted bigram is {bigram:.3f}. It has no mask: every"
    " position but the last has its answer in sight, so that this loss says nothing of looking"
    " back."
)
if run:
    loss = run["val_loss"]
    question.grade_choice(
        answer,
        above if loss > bigram else little if loss > 0.8 * bigram else far_below,
        say(past if graded.causal else answers, loss=loss, bigram=bigram),
    )
else:
    question.grade_choice(answer, None, "")

lesson.section(say("What if …? Every switch has a consequence"))
consequences_panel(this, preset, the_text)

lesson.section(say("Write with it"))
sampling_panel(this, shown, live=live)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("readable: one head"): gpt.Head,
        message("fast: all heads at once"): gpt.MultiHeadAttention,
    },
    say(
        "`ready_to_meet` turns queries and keys where positions are rotary, and otherwise"
        " changes nothing. It leaves out cross-attention: this model reads one text only."
    ),
    code.shapes_of(shown, preset.train.batch_size),
    {"weights = F.softmax": say("the picture of attention")},
)

lesson.what_changed(
    this,
    outcome.comparison(this, preset, the_text),
    [
        say(
            "Attention weights are not explanations: they say where information comes from, not"
            " what is done with it."
        ),
        say(
            "Without the mask the loss collapses because the answer is visible, not because the"
            " model got better."
        ),
    ],
)
