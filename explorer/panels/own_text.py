"""A text of the learner's own, pasted or uploaded: usable, or one sentence that says why not."""

from collections.abc import Callable

import streamlit as st

import gpt
from explorer import state
from explorer.lessons import Lesson
from explorer.panels import text
from gpt.text import decode_bytes

MIN_CHARACTERS = 20  # two for validation, and enough for the longest window
MAX_VOCABULARY = 4000  # distinct characters; tables of pairs grow with its square


def own_text(lesson: Lesson) -> None:
    """Draw the box and the upload; a text that can be used becomes the text of all pages."""
    with st.expander("Use a text of your own", icon=":material/upload_file:"):
        left, right = st.columns(2, gap="large")
        with left:
            st.text_area(
                "Paste a text",
                key=_paste_key(lesson),
                height=120,
                placeholder="A poem, a song, your chat, a program …",
                help="What all pages shall learn from. The longer the better: about 10,000"
                " characters give a model something to learn.",
            )
            st.button(
                "Use this text",
                key=f"{lesson.key}_use_paste",
                on_click=_use_pasted,
                args=(lesson,),
                help="Every page learns from it from now on; the chooser on the left lists it.",
            )
        with right:
            st.file_uploader(
                "Upload a text file",
                type=["txt"],
                key=_file_key(lesson),
                on_change=_use_uploaded,
                args=(lesson,),
                help="Plain text in UTF-8, up to 20 MB. It stays on this server.",
            )
        said = state.get(lesson, "own_text")
        if said is not None:
            ok, sentence = said
            (st.success if ok else st.error)(sentence)


def _use_pasted(lesson: Lesson) -> None:
    pasted = st.session_state.get(_paste_key(lesson)) or ""
    if _use(lesson, lambda: pasted, "pasted text"):
        st.session_state[_paste_key(lesson)] = ""  # not sent again with every click


def _use_uploaded(lesson: Lesson) -> None:
    file = st.session_state.get(_file_key(lesson))
    if file is None:  # taken away again: the text in use stays
        state.put(lesson, "own_text", None)
        return
    _use(lesson, lambda: decode_bytes(file.getvalue(), file.name), file.name)


def _use(lesson: Lesson, read: Callable[[], str], name: str) -> bool:
    """Make it the text of all pages, or leave everything as it is and say why."""
    try:
        new = read()
        different = len(set(new))
        if len(new) < MIN_CHARACTERS:
            raise gpt.TextError(
                f"The text is too short ({len(new)} of at least {MIN_CHARACTERS} characters): use a"
                " longer one, so that a part can be kept for validation."
            )
        if different > MAX_VOCABULARY:
            raise gpt.TextError(
                f"The text has {different:,} different characters; the limit is"
                f" {MAX_VOCABULARY:,}: use a text in one language."
            )
        text.use(new, name)
    except gpt.GPTError as error:
        state.put(lesson, "own_text", (False, f"{error} The text in use stays as it was."))
        return False
    except OSError as error:
        said = f"The text cannot be kept here: {error.strerror or error}. Free some disk space."
        state.put(lesson, "own_text", (False, said))
        return False
    said = f"All pages now learn from “{name}”: {len(new):,} characters, {different} different."
    state.put(lesson, "own_text", (True, said))
    return True


def _paste_key(lesson: Lesson) -> str:
    return f"{lesson.key}_paste"


def _file_key(lesson: Lesson) -> str:
    return f"{lesson.key}_file"
