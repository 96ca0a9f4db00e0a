"""Page 9: the whole trained network on the learner's own text, part by part."""

import streamlit as st

import gpt
from explorer import lessons
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
    "Attention": attention_view,
    "Next token": tokens_view,
    "Logit lens": lens_view,
    "Parts of a score": attribution_view,
    OFF_VIEW: switch_off_view,
    "Over training": history_view,
    "Rollout": rollout_view,
    "Cache": cache_view,
    "Embeddings": embedding_view,
    "Copied": copied_view,
}

this = lesson.open_page("look_inside")
lesson.idea(
    """
A trained network can be **watched while it reads**. Every part of a block adds its output to the
*residual stream*, and the scores are read out of that sum. So we can ask each part where it looks,
what it writes, and, by **switching it off**, whether it matters. Only the last of these is proof.
""",
    r"x_L=x_0+\sum_{l=1}^{L}\Big(b_l+\sum_{h=1}^{H}o_{l,h}+m_l\Big)",
    {
        "x_0": "embeddings of token and position (T × C)",
        "o_{l,h}": "what head h of layer l writes (T × C), its name here is l.h",
        "b_l,\\ m_l": "what the attention's bias and the feed-forward of layer l write (T × C)",
        "x_L": "what the final norm and the read-out turn into scores (T × V)",
    },
)

lesson.section("Touch it: what does every part do with your text?")
shown = writer.choose(this, PRESETS["gpt_mini"], text.current(), "Which model to look into")
folder = writer.chosen_folder(this)
live = training.is_active(writer.chosen_run(this))
look_panel(this, shown, folder, VIEWS, live)

lesson.section("Predict, then run: which heads matter?")
sweep_panel(this, shown, folder)

lesson.section("Train it")
st.markdown(
    "Nothing is learnt on this page. What you train on another page appears in the list above, with"
    " the snapshots of its training."
)
page = lessons.BY_KEY["train_a_gpt"]
st.page_link(page.file, label="Train a GPT of your own on page 7", icon=page.icon)

lesson.section("The code")
code.code_panel(
    this,
    {
        "watching": gpt.trace,
        "head scores": gpt.head_scores,
        "logit lens": gpt.logit_lens,
        "parts of a score": gpt.attribute,
        "switching off": gpt.ablated,
        "every head in turn": gpt.ablation_effects,
    },
    "It leaves out activation patching: putting what one text says in the place of another's.",
)

lesson.what_changed(
    this,
    [
        ("what you see", "the text that comes out", "what every part does on the way"),
        ("how a part is judged", "not at all", "by the loss without it"),
        ("parameters", "as trained", "as trained: looking changes nothing"),
    ],
    [
        "Attention weights are not explanations: they say where a head looks, not what it carries.",
        "A score means nothing without its baseline: on a short text an even head scores too.",
        "A head that can be switched off without loss may still work: others do the same.",
    ],
)
