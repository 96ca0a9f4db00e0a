"""Page 5: several heads side by side, the same as one batched matmul; then feed-forward."""

from functools import partial

import streamlit as st

import gpt
from explorer.examples import example_for
from explorer.language import count, message, say
from explorer.panels import code, lesson, model, outcome, question, settings, text, training
from explorer.panels.attention import attention_panel, text_read
from explorer.panels.compare import compare_panel
from explorer.panels.export import export_panel
from explorer.panels.heads import parameters_more, same_twice_panel, scores_panel
from explorer.panels.sampling import sampling_panel

this = lesson.open_page("multi_head_attention")
lesson.idea(
    say("""
One head can look for one thing at a time. **Several heads** look for several things at once: each
is as before, only narrower, and their outputs are put side by side. Nothing is added and nothing
is slower: all heads together are one matrix product. After looking, each position may **think**
about what it found: a small *feed-forward* network, applied to every position by itself.
"""),
    r"\mathrm{out}=[\,\mathrm{head}_1\,|\,\dots\,|\,\mathrm{head}_H\,]",
    {
        r"\mathrm{head}_h": say("one head of masked self-attention with its own Q, K, V (T × D)"),
        "H": say("heads, each of size D = C / H, where C is the numbers per token"),
        "|": say("side by side"),
    },
)
shapes = st.empty()
the_text = text.current()
live = training.is_training(model.current_run(this))

lesson.section(say("Touch it: all heads side by side"))
# The tutorial's first feed-forward is one linear map and a bend, no wider than the tokens.
preset = settings.choose(
    this,
    gpt.PRESETS["multi_head"].with_settings({"feed_forward_multiple": 0}),
    ["n_head", "n_embd", "block_size", "seed"],
    columns=4,
)
step = model.choose_step(this)
shown = partial(model.of_page, this, preset, the_text, step)
example = example_for(shown().tokenizer)
attention_panel(this, shown, example, live=live, height=360)
read = text_read(this, example)
poll = 2.0 if live else None
lesson.section(say("Touch it: what does each head look at?"))
st.fragment(partial(scores_panel, this, shown, the_text, read), run_every=poll)()
lesson.section(say("Touch it: many small heads, one matrix product"))
st.fragment(partial(same_twice_panel, this, shown, read), run_every=poll)()

lesson.section(say("Predict, then run"))
left, right = st.columns(2, gap="large")
with left:
    asked = say(
        "4 heads of 8 instead of 1 head of 32: how many more parameters does the model need?"
    )
    more = question.ask_number(this, "parameters", asked, -100_000.0, 100_000.0, 1.0)
with right:
    own = outcome.text_of(this, the_text)
    tutorials = text.is_tutorials(own)
    one = message("One head of 32 ends near 2.40 on this text. Where will this run's loss end?")
    bigram = own.references["counted bigram"]
    asked = say(one if tutorials else question.WHERE, loss=bigram)
    loss = question.ask_number(this, "loss", asked, 0.0, 20.0)

lesson.section(say("Train it"))
names = ["feed_forward", "attention_scale", "max_steps", "learning_rate"]
preset = settings.choose(this, preset, names, columns=4)
B, T, C = preset.train.batch_size, preset.model.block_size, preset.model.n_embd
H, D = preset.model.n_head, preset.model.size_of_head
looking = message(
    "On this page: x (B={B}, T={T}, C={C}) → {heads} of (B={B}, T={T}, D={D}) → side by side"
    " (B={B}, T={T}, H·D={width})"
)
thinking = message(
    "On this page: x (B={B}, T={T}, C={C}) → {heads} of (B={B}, T={T}, D={D}) → side by side"
    " (B={B}, T={T}, H·D={width}) → feed-forward (B={B}, T={T}, C={C})"
)
heads = count(H, "{n} head", "{n} heads")
parts = thinking if preset.model.feed_forward else looking
shapes.caption(say(parts, B=B, T=T, C=C, D=D, heads=heads, width=H * D))
figures = say("The tutorial's own figures: 4 heads about 2.28, with feed-forward about 2.24.")
tried = say(
    "Train once with the switch off and once with it on; then both again with another seed, because"
    " the luck of the first weights can be as large as the gain."
)
st.caption(f"{figures} {tried}" if tutorials else tried)
training.training_panel(this, preset, the_text)
export_panel(this)

run = outcome.graded(this, the_text)
question.grade_number(
    more,
    parameters_more(this, the_text) if run else None,
    0.5,
    say(
        "Each head is narrower by exactly the number of heads: H × D stays C, so the three matrices"
        " keep their size. Only the softmax is done for each head instead of once."
    ),
)
question.grade_number(
    loss,
    run["val_loss"] if run else None,
    0.05,
    say(
        "A head's softmax can favour one place only, four heads can favour four. Whether that is"
        " worth more than one wide view, a run with one head tells."
    ),
)
compare_panel(this, the_text)

lesson.section(say("Write with it"))
# With the feed-forward of the settings below, which the pictures of attention do not need.
sampling_panel(this, partial(model.of_page, this, preset, the_text, step), live=live)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("readable: one head"): gpt.Head,
        message("fast: all heads at once"): gpt.MultiHeadAttention,
        message("feed-forward"): gpt.FeedForward,
    },
    say("It leaves out looking back over a limited window, which keeps long texts affordable."),
    code.shapes_of(shown, preset.train.batch_size),
    {
        "weights = F.softmax": say("the pictures of the heads"),
        "y = y.transpose(1, 2).reshape": say("the heads side by side"),
    },
)
lesson.what_changed(
    this,
    outcome.comparison(this, preset, the_text),
    [
        say("More heads are not more parameters: the same width is cut into more pieces."),
        say(
            "Nobody tells a head what to do. A high score says what it looks at, not that it"
            " matters: switch a head off to learn that."
        ),
        say("Feed-forward does not mix positions: each is computed as if it were alone."),
    ],
)
