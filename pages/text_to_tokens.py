"""Page 1: a text becomes numbers, and numbers become examples to learn from."""

import streamlit as st

import gpt
from explorer import cache
from explorer.charts import draw
from explorer.charts.characters import create_characters_chart
from explorer.components.token_strip import token_strip
from explorer.language import message, say
from explorer.panels import code, lesson, question, text
from explorer.panels.batch import batch_panel, draw_batch
from explorer.panels.byte_pairs import byte_pairs_panel
from explorer.panels.encoding import encoding_panel
from explorer.panels.own_text import own_text
from explorer.panels.toys import toys_panel

this = lesson.open_page("text_to_tokens")
the_text = text.current()
V, N, in_characters = the_text.vocab_size, len(the_text.corpus), the_text.unit == "character"
unit, units = say(the_text.unit), say(the_text.units)
cut = (
    say(
        "Here every distinct character is one **token**: this text has {V}, and a token's **id** is"
        " its place in their sorted list.",
        V=V,
    )
    if in_characters
    else say(
        "Here a **token** is a byte, or a piece of the text that was learnt from it: {V:,} in all."
        " Their **ids** begin with the bytes; then come the pieces as they were learnt.",
        V=V,
    )
)
ids = len(the_text.train_ids) + len(the_text.val_ids)
lesson.idea(
    say(
        """
A network computes with numbers, so a text must become numbers first. {cut} The
last tenth of the text is kept for the exam (validation). From the rest, training draws **windows**
at random. Each window is many small exercises: *given these {units}, which one comes next?*
""",
        cut=cut,
        units=units,
    ),
    r"\begin{aligned}x&=(c_i,\;c_{i+1},\dots,c_{i+T-1})\\y&=(c_{i+1},\dots,c_{i+T-1},\;c_{i+T})\end{aligned}",
    {
        "c": say(
            "the text as ids: {n:,} numbers from 0 to {last} (V = {V})", n=ids, last=V - 1, V=V
        ),
        "i": say("where a window begins, drawn at random"),
        "x, y": say("inputs and targets: y is x one token later"),
        "B, T": say("windows in a batch, inputs in a window: x and y have shape (B, T)"),
    },
)

lesson.section(say("Touch it: the text and its vocabulary"))
own_text(this)
toys_panel(this)
vocabulary = (
    message(
        "**{text}**: {N:,} characters, {V} different ones (counted). Each with its id;"
        " ␣ is a space, ⏎ a new line. Colours only separate neighbours."
    )
    if in_characters and V > 1
    else message(
        "**{text}**: {N:,} characters, all the same one, here with its id; ␣ is a space, ⏎ a new"
        " line."
    )
    if in_characters
    else message(
        "**{text}**: {N:,} characters, cut into {n:,} tokens of a vocabulary of {V:,} (learnt):"
        " here each with its id; ␣ is a space, ⏎ a new line. Colours only separate neighbours."
    )
)
st.caption(say(vocabulary, text=text.title(the_text), N=N, n=ids, V=V))
token_strip(range(V), the_text.tokenizer.tokens, key="text_to_tokens_vocabulary")
counts = cache.character_counts(*text.corpus_key(the_text))
draw(create_characters_chart, counts.head(40), key="text_to_tokens_counts")
most = counts.iloc[0]
st.caption(
    say(
        "How often each character occurs (counted; at most the 40 most frequent): ‘{one}’ makes up"
        " {share:.1%} of the text.",
        one=most["character"],
        share=most["share"],
    )
)

lesson.section(say("Encode and decode"))
encoding_panel(this, the_text, "hii there")

lesson.section(say("Larger tokens: byte pairs"))
going_on = (
    say("The other pages go on with characters, as the sidebar says.")
    if in_characters
    else say("The other pages go on with {V:,} byte pairs, as the sidebar says.", V=V)
)
st.markdown(
    say(
        "A token may be longer than a character. Begin with bytes; merge the **pair** of neighbours"
        " that occurs most often into a token of its own; repeat. Frequent words become one token,"
        " rare ones stay in pieces, and no character is ever unknown."
    )
    + f" {going_on}"
)
byte_pairs_panel(this, the_text, "the king and the queen at the café")

lesson.section(say("Predict, then draw"))
answer = question.ask_number(
    this,
    "examples",
    say(
        "A batch has shape (B, T) = (4, 8): four windows of eight inputs. How many training"
        " examples are in it?"
    ),
    1,
    1000,
    1,
)
if answer.given:
    _, targets, _ = draw_batch(the_text.train_ids, 8, 4, 1337)
    question.grade_number(
        answer,
        targets.size,
        0,
        say(
            "Counted in a batch drawn just now: every one of the 4 × 8 positions has a target of"
            " its own. After 1 {unit} of a window comes the 2nd, after 2 the 3rd, … after 8 the"
            " 9th.",
            unit=unit,
        ),
        " " + say("examples"),
    )

lesson.section(say("Draw a batch"))
batch_panel(this, the_text)

lesson.section(say("The code"))
code.code_panel(
    this,
    {
        message("characters ↔ ids"): gpt.CharTokenizer,
        message("training and validation"): gpt.split,
        message("learning byte pairs"): gpt.learn_merges,
        message("bytes ↔ ids"): gpt.tokenizers.byte_pairs.BytePairs,
        message("one batch"): gpt.Batches,
    },
    say(
        "It leaves out what large models do to their texts first: removing duplicates, mixing"
        " languages."
    ),
)

lesson.what_changed(
    this,
    [
        (
            say("the text"),
            say("{n:,} characters", n=N),
            say("{n:,} ids from 0 to {last}", n=ids, last=V - 1),
        ),
        (
            say("to learn from"),
            say("one long text"),
            say("{n:,} next {units}", n=len(the_text.train_ids) - 1, units=units),
        ),
        (
            say("to be tested on"),
            say("nothing kept aside"),
            say("{n:,} {units}", n=len(the_text.val_ids), units=units),
        ),
    ],
    [
        say("An id is a name, not a size: 40 is not twice 20. What a token means is learnt later."),
        say(
            "A window of T inputs is T examples, not one: with 1, 2, … T {units} to look at.",
            units=units,
        ),
        say(
            "Validation text is not chosen to be harder. It is text that the model could not learn"
            " by heart."
        ),
    ],
)
