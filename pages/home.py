"""Home: something alive, the map of the rungs, this machine, and the way back to where you were."""

import streamlit as st

import gpt
from explorer import cache, engine, history, lessons, machine, state
from explorer.panels import lesson, question, text, training
from explorer.panels.cleaning import cleaning_notice
from explorer.writing import Writing

SHOWPIECE = "gpt_large"

this = lesson.open_page("home")
lesson.idea(
    """
Build a GPT one idea at a time, on the text of your choice, and train every stage **here**: within a
second the loss moves, the attention sharpens, and the model writes. Nothing is a recording: every
number on these pages is computed by the model on the page, by code that you can read beside it.
"""
)
the_text = text.current()


def write(folder: str) -> None:
    """Let the shipped model write something new."""
    network, tokenizer, _ = cache.checkpoint(folder, cache.changed_in(folder))
    seed = state.get(this, "seed", 0) + 1
    state.put(this, "seed", seed)
    writing = Writing(network, tokenizer, "\n", 600, 0.8, seed=seed)
    writing.wait(0.1)
    state.put(this, "writing", writing)


def showpiece(folder: str, card: dict) -> None:
    """A shipped model at work."""
    if state.get(this, "writing") is None:
        write(folder)
    running = state.get(this, "writing").running

    def body() -> None:
        writing: Writing = state.get(this, "writing")
        st.code(writing.text.strip() or " ", language=None, wrap_lines=True, height=300)
        speed = f", {writing.per_second:,.0f} characters a second" if writing.done else ""
        st.caption(
            f"Written just now on this server by the shipped `{SHOWPIECE}`: {card['parameters']:,}"
            f" parameters, {card['minutes']:.1f} minutes of training, validation loss"
            f" {card['val_loss']:.3f}{speed} (measured)."
        )
        if writing.running != running:
            st.rerun()

    st.fragment(body, run_every=0.25 if running else None)()
    st.button(
        "Write something else",
        on_click=write,
        args=(folder,),
        help="The same model with other random draws.",
    )


left, right = st.columns([3, 2], gap="large")
with left:
    lesson.section("Alive: a small GPT is writing")
    shipped = cache.pretrained().get(SHOWPIECE)
    if shipped is None:
        st.info("No shipped model is here. Train one on page 7 in a minute or two.")
    else:
        card = cache.checkpoint(str(shipped), cache.changed_in(str(shipped)))[2]
        showpiece(str(shipped), card)

found = history.entries(engine.store())
with right:
    lesson.section("Continue where you left off")
    cleaning_notice(found)
    if not found:
        st.markdown("No runs yet. Begin with the text, or go straight to training a bigram.")
        st.page_link(lessons.LESSONS[0].file, label="1 Text to tokens", icon=":material/flag:")
        st.page_link(lessons.LESSONS[1].file, label="2 Bigram", icon=":material/table_chart:")
    for entry in [e for e in found if e.page in lessons.BY_KEY][:4]:
        page = lessons.BY_KEY[entry.page]
        loss = f", loss {entry.best_val_loss:.3f}" if entry.best_val_loss is not None else ""
        progress = f"step {entry.step:,} of {entry.max_steps:,}"
        st.page_link(
            page.file,
            label=f"{page.heading}: {entry.state}, {progress}{loss}",
            icon=page.icon,
            query_params={"run": entry.run.id},
        )
    lesson.section("This machine")
    devices = gpt.available_devices()
    st.markdown("Trains on: " + ", ".join(devices.values()))
    speed = machine.probe()
    if speed is None:
        st.caption("Its training speed is being measured…")
    else:
        mini = gpt.PRESETS["gpt_mini"]
        seconds = gpt.estimate_seconds(mini, the_text.vocab_size, speed) / mini.train.max_steps
        tokens = mini.train.batch_size * mini.model.block_size
        st.markdown(
            f"Measured: **{training.si(speed.flops_per_second)}FLOP/s** in training, so `gpt_mini`"
            f" learns from about **{training.si(tokens / seconds)}tokens a second**, and five"
            f" minutes buy about **{300 / seconds:,.0f} steps** of it (derived)."
        )

lesson.section("The map: every page adds one idea")
best = history.best_by_page(found, the_text.corpus.sha256, the_text.tokens)
floor = the_text.references
tokens = "" if the_text.unit == "character" else f" in {the_text.vocab_size:,} byte pairs"
st.caption(
    f"On {text.title(the_text)}{tokens}: a model that knows nothing scores"
    f" {floor['knows nothing (ln V)']:.3f} nats, the counted bigram {floor['counted bigram']:.3f}."
)
ACROSS = 4
for start in range(0, len(lessons.LESSONS), ACROSS):
    row = lessons.LESSONS[start : start + ACROSS]
    for place, page in zip(st.columns(ACROSS), row, strict=False):
        with place, st.container(border=True, height="stretch"):
            st.page_link(page.file, label=page.heading, icon=page.icon)
            st.caption(page.idea)
            if page.preset:
                record = best.get(page.key)
                if record and record.best_val_loss is not None:
                    st.markdown(f"Your best validation loss: **{record.best_val_loss:.3f}**")
                else:
                    st.markdown(f"Not trained yet on this text{tokens}")
            answered, graded, correct = question.score(page)
            if answered:
                st.caption(
                    f"Predictions: {correct} of {graded} right"
                    if graded
                    else "Predictions: to be graded by a run"
                )
