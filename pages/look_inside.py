"""Page 9: the whole trained network on the learner's own text, part by part."""

import streamlit as st

import gpt
from explorer import lessons
from explorer.language import message, say
from explorer.panels import code, lesson, text, training, writer
from explorer.panels.attention import OFF_VIEW
from explorer.panels.inside.attention import attention_view
from explorer.panels.inside.attribution import attribution_view
from explorer.panels.inside.copied import copied_view
from explorer.panels.inside.embedding import embedding_view
from explorer.panels.inside.flow import cache_view, rollout_view
from explorer.panels.inside.history import history_view
from explorer.panels.inside.lens import lens_view
from explorer.panels.inside.look import look_panel
from explorer.panels.inside.sweep import sweep_panel
from explorer.panels.inside.switch_off import switch_off_view
from explorer.panels.inside.tokens import tokens_view
from gpt.presets import PRESETS

VIEWS = {
    message("Attention"): attention_view,
    message("Next token"): tokens_view,
    message("Logit lens"): lens_view,
    message("Parts of a score"): attribution_view,
    OFF_VIEW: switch_off_view,
    message("Over training"): history_view,
    message("Rollout"): rollout_view,
    message("Cache"): cache_view,
    message("Embeddings"): embedding_view,
    message("Copied"): copied_view,
}

this = lesson.open_page("look_inside")
lesson.idea(
    say("""
A trained network can be **watched while it reads**. Every part of a block adds its output to the
*residual stream*, and the scores are read out of that sum. So we can ask each part where it looks,
what it writes, and, by **switching it off**, whether it matters. Only the last of these is proof.
"""),
    r"x_L=x_0+\sum_{l=1}^{L}\Big(b_l+\sum_{h=1}^{H}o_{l,h}+m_l\Big)",
    {
        "x_0": say("embeddings of token and position (T × C)"),
        "o_{l,h}": say("what head h of layer l writes (T × C), its name here is l.h"),
        "b_l,\\ m_l": say(
            "what the attention's bias and the feed-forward of layer l write (T × C)"
        ),
        "x_L": say("what the final norm and the read-out turn into scores (T × V)"),
    },
)

lesson.section(say("Touch it: what does every part do with your text?"))
shown = writer.choose(this, PRESETS["gpt_mini"], text.current(), say("Which model to look into"))
folder = writer.chosen_folder(this)
live = training.is_training(writer.chosen_run(this))
look_panel(this, shown, folder, VIEWS, live)

lesson.section(say("Predict, then run: which heads matter?"))
sweep_panel(this, shown, folder)

lesson.section(say("Train it"))
st.markdown(
    say(
        "Nothing is learnt on this page. What you train on another page appears in the list above,"
        " with the snapshots of its training."
    )
)
page = lessons.BY_KEY["train_a_gpt"]
st.page_link(page.file, label=say("Train a GPT of your own on page 7"), icon=page.icon)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("watching"): gpt.trace,
        message("head scores"): gpt.head_scores,
        message("logit lens"): gpt.logit_lens,
        message("parts of a score"): gpt.attribute,
        message("switching off"): gpt.ablated,
        message("every head in turn"): gpt.ablation_effects,
    },
    say("It leaves out activation patching: putting what one text says in the place of another's."),
)

lesson.what_changed(
    this,
    [
        (
            say("what you see"),
            say("the text that comes out"),
            say("what every part does on the way"),
        ),
        (say("how a part is judged"), say("not at all"), say("by the loss without it")),
        (say("parameters"), say("as trained"), say("as trained: looking changes nothing")),
    ],
    [
        say(
            "Attention weights are not explanations: they say where a head looks, not what it"
            " carries."
        ),
        say("A score means nothing without its baseline: on a short text an even head scores too."),
        say(
            "A head that can be switched off without loss may still do useful work: other heads"
            " may do the same."
        ),
    ],
)
