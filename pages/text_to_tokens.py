"""Page 1: a text becomes numbers, and numbers become examples to learn from."""

import streamlit as st

import gpt
from explorer import cache
from explorer.charts.characters import create_characters_chart
from explorer.components.token_strip import token_strip
from explorer.panels import code, lesson, question, text
from explorer.panels.batch import batch_panel, draw
from explorer.panels.byte_pairs import byte_pairs_panel
from explorer.panels.encoding import encoding_panel
from explorer.panels.own_text import own_text
from explorer.panels.toys import toys_panel

this = lesson.open_page("text_to_tokens")
the_text = text.current()
V, N, unit = the_text.vocab_size, len(the_text.corpus), the_text.unit
cut = (
    "Here every distinct character is one **token**:"
    f" this text has {V}, and a token's **id** is its place in their sorted list."
    if unit == "character"
    else "Here a **token** is a byte, or a piece of the text that was learnt from it:"
    f" {V:,} in all. Their **ids** begin with the bytes; then come the pieces as they were learnt."
)
ids = len(the_text.train_ids) + len(the_text.val_ids)
lesson.idea(
    f"""
A network computes with numbers, so a text must become numbers first. {cut} The
last tenth of the text is kept for the exam (validation). From the rest, training draws **windows**
at random. Each window is many small exercises: *given these {unit}s, which one comes next?*
""",
    r"\begin{aligned}x&=(c_i,\;c_{i+1},\dots,c_{i+T-1})\\y&=(c_{i+1},\dots,c_{i+T-1},\;c_{i+T})\end{aligned}",
    {
        "c": f"the text as ids: {ids:,} numbers from 0 to {V - 1} (V = {V})",
        "i": "where a window begins, drawn at random",
        "x, y": "inputs and targets: y is x one token later",
        "B, T": "windows in a batch, inputs in a window: x and y have shape (B, T)",
    },
)

lesson.section("Touch it: the text and its vocabulary")
own_text(this)
toys_panel(this)
vocabulary = (
    f"{V} different ones (counted). Each"
    if unit == "character"
    else f"cut into {ids:,} tokens, {V:,} different ones (learnt). Each"
)
st.caption(
    f"**{text.title(the_text)}**: {N:,} characters, {vocabulary} with its id;"
    " ␣ is a space, ⏎ a new line. Colours only separate neighbours."
)
token_strip(range(V), the_text.tokenizer.tokens, key="text_to_tokens_vocabulary")
counts = cache.character_counts(*text.corpus_key(the_text))
st.altair_chart(create_characters_chart(counts), width="stretch", key="text_to_tokens_counts")
most = counts.iloc[0]
st.caption(
    f"How often each {'' if unit == 'character' else 'character '}occurs (counted; at most the 40"
    f" most frequent): ‘{most['character']}’ makes up {most['share']:.1%} of the text."
)

lesson.section("Encode and decode")
encoding_panel(this, the_text, "hii there")

lesson.section("Larger tokens: byte pairs")
going_on = "characters" if unit == "character" else f"{V:,} byte pairs"
st.markdown(
    "A token may be longer than a character. Begin with bytes; merge the **pair** of neighbours"
    " that occurs most often into a token of its own; repeat. Frequent words become one token, rare"
    " ones stay in pieces, and no character is ever unknown. The other pages go on with"
    f" {going_on}, as the sidebar says."
)
byte_pairs_panel(this, the_text, "the king and the queen at the café")

lesson.section("Predict, then draw")
answer = question.ask_number(
    this,
    "examples",
    "A batch has shape (B, T) = (4, 8): four windows of eight inputs. How many training examples"
    " are in it?",
    1,
    1000,
    1,
)
if answer.given:
    _, targets, _ = draw(the_text.train_ids, 8, 4, 1337)
    question.grade_number(
        answer,
        targets.size,
        0,
        "Counted in a batch drawn just now: every one of the 4 × 8 positions has a target of its"
        f" own. After 1 {unit} of a window comes the 2nd, after 2 the 3rd, … after 8 the 9th.",
        " examples",
    )

lesson.section("Draw a batch")
batch_panel(this, the_text)

lesson.section("The code")
code.code_panel(
    this,
    {
        "characters ↔ ids": gpt.CharTokenizer,
        "training and validation": gpt.split,
        "learning byte pairs": gpt.learn_merges,
        "bytes ↔ ids": gpt.tokenizers.byte_pairs.BytePairs,
        "one batch": gpt.Batches,
    },
    "It leaves out what large models do to their texts first: removing doubles, mixing languages.",
)

lesson.what_changed(
    this,
    [
        ("the text", f"{N:,} characters", f"{ids:,} ids from 0 to {V - 1}"),
        ("to learn from", "one long text", f"{len(the_text.train_ids) - 1:,} next {unit}s"),
        ("to be tested on", "nothing kept aside", f"{len(the_text.val_ids):,} {unit}s"),
    ],
    [
        "An id is a name, not a size: 40 is not twice 20. What a token means is learnt later.",
        f"A window of T inputs is T examples, not one: with 1, 2, … T {unit}s to look at.",
        "Validation text is not harder text. It is text that the model could not learn by heart.",
    ],
)
