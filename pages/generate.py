"""Page 8: from scores to text. Temperature, top-k, top-p, the roads not taken, surprise, speed."""

import streamlit as st

import gpt
from explorer import lessons
from explorer.language import message, say
from explorer.panels import code, contest, lesson, question, text, training, writer
from explorer.panels.alternatives import alternatives_panel
from explorer.panels.copied import written_panel
from explorer.panels.sampling import sampling_panel
from explorer.panels.speed import speed_panel
from explorer.panels.surprise import surprise_panel
from gpt.presets import PRESETS

PROMPT = "My lord, I "

this = lesson.open_page("generate")
the_text = text.current()
lesson.idea(
    say("""
A trained model does not write: it gives every token a **score**. The softmax turns scores into
probabilities, and a draw turns probabilities into one token, which joins the text; then all of
it begins again. **Temperature** sharpens (below 1) or flattens (above 1) the distribution.
**Top-k** and **top-p** strike out the unlikely before the draw.
"""),
    r"p_i=\frac{e^{z_i/\tau}}{\sum_{j=1}^{V}e^{z_j/\tau}}",
    {
        "z_i": say("score (logit) of token i, from the last position the model read"),
        r"\tau": say("temperature; towards 0 only the highest score is left (greedy)"),
        "V": say("size of the vocabulary"),
    },
)

lesson.section(say("Touch it: write one token at a time"))
shown = writer.choose(this, PRESETS["gpt_mini"], the_text)
live = training.is_training(writer.chosen_run(this))
now = shown()
config, V = now.model.config, now.tokenizer.vocab_size
parameters = sum(gpt.parameters_by_component(config, V).values())
st.caption(
    say(
        "Its shapes: it reads ids (B=1, T≤{context}), gives scores (B=1, T, V={V}), and the"
        " last row (V={V}) is what is drawn from. {parameters:,} parameters.",
        context=config.block_size,
        V=V,
        parameters=parameters,
    )
)
if not config.causal:
    st.warning(
        say("This model was trained without the mask: it never learnt to do without the future.")
    )
folder = writer.chosen_folder(this)


def below() -> None:
    alternatives_panel(this, shown)
    written_panel(this, shown, folder)


sampling_panel(this, shown, PROMPT, 200, live, below)
prompt = st.session_state.get("generate_prompt") or PROMPT

lesson.section(say("Read with it: what surprises the model?"))
surprise_panel(this, shown, 2.0 if live else None)

lesson.section(say("Predict, then write"))
answer = question.ask_choice(
    this,
    "greedy",
    say(
        "At temperature 0 the model always takes the most probable token. What will become of such"
        " a text, compared with a sampled one?"
    ),
    contest.CHOICES,
)
contest.contest_panel(this, shown, prompt, answer)

lesson.section(say("Make it fast: the cache of keys and values"))
st.markdown(
    say(
        """
To draw the next token, attention needs the keys and values of all tokens before it. They
do not change when the text grows, so they are **kept**: each step then computes one position
instead of all. After {context} tokens the context is full. Then the window moves on by half,
{half} tokens; what it now holds is read anew, and it grows again. With and without the cache the
rule is the same, so the text is the same.
""",
        context=config.block_size,
        half=max(1, config.block_size // 2),
    )
)
speed_panel(this, shown, prompt)

lesson.section(say("Train it"))
st.markdown(
    say("Nothing is learnt on this page. What you train on another page appears in the list above.")
)
page = lessons.BY_KEY["train_a_gpt"]
st.page_link(page.file, label=say("Train a GPT of your own on page 7"), icon=page.icon)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("the filters"): gpt.probabilities,
        message("draw"): gpt.sampling._draw,
        message("join, repeat"): gpt.sampling._stream,
        message("what the model reads (with and without the cache)"): gpt.sampling.Reader,
        message("the cache"): gpt.KVCache,
    },
    say("It leaves out beam search and repetition penalties: every token is a single fair draw."),
)

lesson.what_changed(
    this,
    [
        (
            say("what comes out"),
            say("scores, judged by their loss"),
            say("a text, one draw after the other"),
        ),
        (
            say("parameters"),
            f"{parameters:,}",
            say("{parameters:,}: nothing is learnt here", parameters=parameters),
        ),
        (
            say("what you set"),
            say("learning rate, steps, sizes …"),
            say("temperature, top-k, top-p, seed"),
        ),
    ],
    [
        say("A higher temperature adds no ideas: it only gives more of the draws to the unlikely."),
        say(
            "A probable text is not a true text. The model knows what usually follows, nothing"
            " more."
        ),
        say("A low surprise does not mean that the model wrote it: it only finds it ordinary."),
    ],
)
