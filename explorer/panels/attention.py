"""Attention on the learner's own text: every layer and head of the model on this page."""

from collections.abc import Callable

import streamlit as st

from explorer import habits, lessons, state
from explorer.examples import fitting
from explorer.language import message, say
from explorer.lessons import Lesson
from explorer.panels.head_map import head_map, scores
from explorer.panels.model import Shown, current_run, readable

POLL_SECONDS = 1.5

CAUTION = message(
    "**Attention is not explanation.** A weight says where a head looks, not why the model says"
    " what it says: what is carried along depends on the values too, and a head may be ignored"
    " downstream. Whether it matters, switching it off tells."
)
LOOK = lessons.BY_KEY["look_inside"]
OFF_VIEW = message("Switch off")  # the view of that page in which heads are switched off


def attention_panel(
    lesson: Lesson, shown: Callable[[], Shown], example: str, live: bool = False, height: int = 520
) -> None:
    """A text box, and the attention of `shown()` for what stands in it: at first `example`.

    live: look for a newer model every moment, because a run is training.
    """
    key = f"{lesson.key}_read"
    # Not `bind`: an example has to make place for another when a model of another text comes.
    st.session_state[key] = text_read(lesson, example)
    read = st.text_input(
        say("Text to read"),
        key=key,
        max_chars=2000,
        help=say("Any text. The model reads at most its context; spaces and newlines count too."),
    )
    state.put(lesson, "read", read)
    state.set_address(key, None if read == example else read)

    def body() -> None:
        model = shown()
        ids, said = readable(model, read)
        if len(ids) < 2:
            st.info(too_short(model))
            return
        measured = say("Model: {model}. Weights are measured on it.", model=model.label)
        st.caption(f"{measured} {said}")
        chosen = head_map(model, tuple(ids), key=f"{lesson.key}_attention", height=height)
        habit = habits.sentence(scores(model, tuple(ids)), *chosen)
        st.markdown(habit + " " + say("(Measured.)"))
        st.caption(say(CAUTION))
        _off_link(lesson, model, read, habits.name(*chosen))

    st.fragment(body, run_every=POLL_SECONDS if live else None)()


def too_short(shown: Shown) -> str:
    """What to do where a text is less than two of the model's tokens."""
    if shown.tokenizer.kind == "character":
        return say("Type at least two characters that the training text knows.")
    return say("Type a longer text: at least two tokens are needed.")


def _off_link(lesson: Lesson, model: Shown, read: str, head: str) -> None:
    """The way to page 9 with this head of this model switched off, or a shipped model's there."""
    address = switched_off(lesson, model, read, head)
    st.page_link(
        LOOK.file,
        label=say(
            "Does head {head} matter? Switch it off on page {page}", head=head, page=LOOK.number
        )
        if "run" in address
        else say(
            "Does a head matter? Switch off a trained model’s on page {page}", page=LOOK.number
        ),
        icon=":material/toggle_off:",
        query_params=address,
        help=say("What does the model say without it? The loss on this text tells."),
    )


def switched_off(lesson: Lesson, model: Shown, read: str, head: str) -> dict[str, str]:
    """The address of page 9 on the text `read` without `head`, of `model` once its run is saved."""
    chosen = {"view": OFF_VIEW, "text": read}
    run = current_run(lesson)
    saved = run is not None and run.checkpoint_path and model.key.startswith(str(run.folder))
    if run is None or not saved:
        return {f"{LOOK.key}_{name}": value for name, value in chosen.items()}
    newest = model.step == run.snapshots()[-1][0]
    step = "newest" if newest else str(model.step)
    chosen |= {"head": head, "off_heads": head, "step": step}
    return {"run": run.id} | {f"{LOOK.key}_{name}": value for name, value in chosen.items()}


def text_read(lesson: Lesson, example: str) -> str:
    """What stands in the box of `attention_panel`, also before that is drawn."""
    key = f"{lesson.key}_read"
    known = st.session_state.get(key, state.get(lesson, "read", st.query_params.get(key)))
    return fitting(known, example)
