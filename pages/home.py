"""Home: something alive, the map of the rungs, this machine, and the way back to where you were."""

import streamlit as st

import gpt
from explorer import amounts, cache, history, lessons, machine, state, workspace
from explorer.language import explain, message, say
from explorer.panels import lesson, question, text
from explorer.panels.cleaning import cleaning_notice
from explorer.panels.mistakes import mistakes_notice
from explorer.writing import Writing, first_writing

SHOWPIECE = "gpt_large"
WRITES = message(
    "Written on this server by the shipped `{model}`: {parameters:,} parameters,"
    " {minutes:.1f} minutes of training, validation loss {loss:.3f} (measured)."
)
WRITTEN = message(
    "Written on this server by the shipped `{model}`: {parameters:,} parameters,"
    " {minutes:.1f} minutes of training, validation loss {loss:.3f}, {speed:,.0f} characters a"
    " second (measured)."
)
DEVICES = [  # as `gpt.available_devices` describes them
    message("CPU with 1 core"),
    message("CPU with {0} cores"),
    message("Apple GPU (experimental: wrong results were reported for this model)"),
]

this = lesson.open_page("home")
lesson.idea(
    say("""
Build a GPT one idea at a time, on the text of your choice, and train every stage **here**: within a
second the loss moves, the attention sharpens, and the model writes. Nothing is a recording: every
number on these pages is computed by the model on the page, by code that you can read beside it.
""")
)
mistakes_notice()
the_text = text.current()


LENGTH = 600  # characters


def write(folder: str) -> None:
    """Let the shipped model write something new."""
    network, tokenizer, _ = cache.checkpoint(folder, cache.changed_in(folder))
    writing = Writing(network, tokenizer, "\n", LENGTH, 0.8)
    state.put(this, "writing", writing)  # first: another drawing of the page may have begun
    writing.wait(0.1)


def showpiece(folder: str, card: dict) -> None:
    """A shipped model at work."""
    if state.get(this, "writing") is None:
        network, tokenizer, _ = cache.checkpoint(folder, cache.changed_in(folder))
        state.put(this, "writing", first_writing(network, tokenizer, folder, LENGTH))
    running = state.get(this, "writing").running

    def body() -> None:
        writing: Writing = state.get(this, "writing")
        seen = writing.running  # before it is drawn: it may end meanwhile
        st.code(writing.text.strip() or " ", language=None, wrap_lines=True, height=300)
        st.caption(
            say(
                WRITTEN if writing.done else WRITES,
                model=SHOWPIECE,
                parameters=card["parameters"],
                minutes=card["minutes"],
                loss=card["val_loss"],
                speed=writing.per_second,
            )
        )
        if seen != running:
            st.rerun()

    st.fragment(body, run_every=0.25 if running else None)()
    st.button(
        say("Write something else"),
        on_click=write,
        args=(folder,),
        help=say("The same model with other random draws."),
    )


left, right = st.columns([3, 2], gap="large")
with left:
    lesson.section(say("Alive: a small GPT is writing"))
    shipped = cache.pretrained().get(SHOWPIECE)
    if shipped is None:
        st.info(say("No shipped model is here. Train one on page 7 in a minute or two."))
    else:
        card = cache.checkpoint(str(shipped), cache.changed_in(str(shipped)))[2]
        showpiece(str(shipped), card)

found = workspace.entries()
with right:
    lesson.section(say("Continue where you left off"))
    cleaning_notice()
    if not found:
        st.markdown(say("No runs yet. Begin with the text, or go straight to training a bigram."))
        st.page_link(
            lessons.LESSONS[0].file, label=lessons.LESSONS[0].heading, icon=":material/flag:"
        )
        st.page_link(
            lessons.LESSONS[1].file, label=lessons.LESSONS[1].heading, icon=":material/table_chart:"
        )
    newest = [e for e in found if e.page in lessons.BY_KEY][:4]
    for entry in newest:
        page = lessons.BY_KEY[entry.page]
        so_far = (
            message("{state}, step {step:,} of {steps:,}")
            if entry.val_loss is None
            else message("{state}, step {step:,} of {steps:,}, loss {loss:.3f}")
        )
        st.page_link(
            page.file, label=page.heading, icon=page.icon, query_params={"run": entry.run.id}
        )
        st.caption(
            say(
                so_far,
                state=say(entry.state),
                step=entry.step,
                steps=entry.max_steps,
                loss=entry.val_loss,
            )
        )
    if 0 < len(newest) < len(workspace.runs()):
        st.caption(say("Your newest {n} of {all} runs.", n=len(newest), all=len(workspace.runs())))
    lesson.section(say("This machine"))
    devices = gpt.available_devices()
    names = ", ".join(map(explain, devices.values()))
    st.markdown(say("Trains on: {devices}", devices=names))
    speed = machine.probe()
    if speed is None:
        st.caption(say("Its training speed is being measured…"))
    else:
        mini = gpt.PRESETS["gpt_mini"]
        seconds = gpt.estimate_seconds(mini, the_text.vocab_size, speed) / mini.train.max_steps
        tokens = mini.train.batch_size * mini.model.block_size
        st.markdown(
            say(
                "Measured: **{flops}FLOP/s** in training, so `gpt_mini` learns from about"
                " **{tokens}tokens a second**, and five minutes buy about **{steps:,.0f} steps** of"
                " it (derived).",
                flops=amounts.si(speed.flops_per_second),
                tokens=amounts.si(tokens / seconds),
                steps=300 / seconds,
            )
        )

lesson.section(say("The map: every page adds one idea"))
best = history.best_by_page(found, the_text.corpus.sha256, the_text.tokens)
floor = the_text.references
name, untrained = text.title(the_text), say("Not trained yet on this text")
if the_text.unit != "character":
    V = the_text.vocab_size
    name = say("{text} in {V:,} byte pairs", text=name, V=V)
    untrained = say("Not trained yet on this text in {V:,} byte pairs", V=V)
st.caption(
    say(
        "On {text}: a model that knows nothing scores {nothing:.3f} nats, the counted bigram"
        " {bigram:.3f}.",
        text=name,
        nothing=floor["knows nothing (ln V)"],
        bigram=floor["counted bigram"],
    )
)
ACROSS = 3  # of four, the longest titles would be cut off on a projector
for start in range(0, len(lessons.LESSONS), ACROSS):
    row = lessons.LESSONS[start : start + ACROSS]
    for place, page in zip(st.columns(ACROSS), row, strict=False):
        with place, st.container(border=True, height="stretch"):
            st.page_link(page.file, label=page.heading, icon=page.icon)
            st.caption(say(page.idea))
            if page.preset:
                record = best.get(page.key)
                if record and record.best_val_loss is not None:
                    best_loss = record.best_val_loss
                    st.markdown(say("Your best validation loss: **{loss:.3f}**", loss=best_loss))
                else:
                    st.markdown(untrained)
            answered, graded, correct = question.score(page)
            if answered:
                st.caption(
                    say("Predictions: {right} of {n} right", right=correct, n=graded)
                    if graded
                    else say("Predictions: to be graded by a run")
                )
