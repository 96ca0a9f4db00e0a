"""Attention on the learner's own text: every layer and head of the model on this page."""

from collections.abc import Callable

import streamlit as st

from explorer import habits
from explorer.lessons import BY_KEY, Lesson
from explorer.panels.head_map import head_map
from explorer.panels.inside.reading import Reading
from explorer.panels.model import Shown, current_run, readable

POLL_SECONDS = 1.5
INSIDE = BY_KEY["look_inside"]

CAUTION = (
    "**Attention is not explanation.** A weight says where a head looks, not why the model says"
    " what it says: what is carried along depends on the values too. Whether a head matters,"
    " switching it off tells."
)


def attention_panel(
    lesson: Lesson, shown: Callable[[], Shown], example: str, live: bool = False, height: int = 520
) -> None:
    """A text box, and the attention of `shown()` for what stands in it.

    live: look for a newer model every moment, because a run is training.
    """
    read = st.text_input(
        "Text to read",
        example,
        key=f"{lesson.key}_read",
        bind="query-params",
        max_chars=2000,
        help="Any text. The model reads at most its context; spaces and newlines count too.",
    )

    def body() -> None:
        model = shown()
        ids, said = readable(model, read)
        if len(ids) < 2:
            st.info("Type at least two characters that the training text knows.")
            return
        st.caption(f"Model: {model.label}. Weights are measured on it. {said}")
        tokens = [model.tokenizer.tokens[i] for i in ids]
        reading = Reading(lesson, model, tuple(ids), tokens, said)
        scores = reading.scores()
        chosen = head_map(reading, scores, key=f"{lesson.key}_attention", height=height)
        st.markdown(habits.sentence(scores, *chosen) + " (Measured.)")

    st.fragment(body, run_every=POLL_SECONDS if live else None)()
    _caution(lesson)


def _caution(lesson: Lesson) -> None:
    """What weights do not say, and the way to what does: page 9 with this page's model."""
    words, link = st.columns([4, 1], vertical_alignment="center")
    words.caption(CAUTION)
    run = current_run(lesson)
    address = {f"{INSIDE.key}_view": "Switch off"}
    if run is not None and run.checkpoint_path is not None:
        address["run"] = run.id
    link.page_link(
        INSIDE.file, label="Switch heads off", icon=":material/toggle_off:", query_params=address
    )
