"""A text of the learner's own, pasted or uploaded: usable, or one sentence that says why not."""

from collections.abc import Callable

import streamlit as st

import gpt
from explorer import state
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.panels import text
from gpt.text import decode_bytes

MIN_CHARACTERS = 20  # two for validation, and enough for the longest window
LONGEST_PASTE = 1_500_000  # of 3 bytes at most: server.maxWidgetStateSize ends longer messages
MAX_VOCABULARY = 4000  # distinct characters; tables of pairs grow with its square


def own_text(lesson: Lesson) -> None:
    """Draw the box and the upload; a text that can be used becomes the text of all pages."""
    with st.expander(say("Use a text of your own"), icon=":material/upload_file:"):
        left, right = st.columns(2, gap="large")
        with left:
            st.text_area(
                say("Paste a text"),
                key=_paste_key(lesson),
                height=120,
                max_chars=LONGEST_PASTE,
                placeholder=say("A poem, a song, your chat, a program …"),
                help=say(
                    "What all pages shall learn from. The longer the better: about 10,000"
                    " characters give a model something to learn. One of more than {most:,} has to"
                    " be uploaded.",
                    most=LONGEST_PASTE,
                ),
            )
            st.button(
                say("Use this text"),
                key=f"{lesson.key}_use_paste",
                on_click=_use_pasted,
                args=(lesson,),
                help=say(
                    "Every page learns from it from now on; the chooser on the left lists it."
                ),
            )
        with right:
            st.file_uploader(
                say("Upload a text file"),
                type=["txt"],
                key=_file_key(lesson),
                on_change=_use_uploaded,
                args=(lesson,),
                help=say("Plain text in UTF-8, up to 20 MB. It stays on this server."),
            )
        said = state.get(lesson, "own_text")
        if said is not None:
            ok, sentence = said
            (st.success if ok else st.error)(sentence)


def _use_pasted(lesson: Lesson) -> None:
    pasted = st.session_state.get(_paste_key(lesson)) or ""
    if _use(lesson, lambda: pasted, message("pasted text")):
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
        different = len(set(new))  # of 20 MB that takes a third of a second
        wrong = _unfit(new, different)
        if not wrong:
            text.use(new, name)
    except gpt.GPTError as error:
        wrong = explain(error)
    except OSError as error:
        wrong = say(
            "The text cannot be kept here: {reason}. Free some disk space.",
            reason=error.strerror or error,
        )
        return _tell(lesson, False, wrong)
    if wrong:
        return _tell(lesson, False, say("{reason} The text in use stays as it was.", reason=wrong))
    said = say(
        message("All pages now learn from “{name}”: {n:,} characters, {different} different.")
        if different > 1
        else message("All pages now learn from “{name}”: {n:,} characters, all the same one."),
        name=text.titled(name),
        n=len(new),
        different=different,
    )
    return _tell(lesson, True, said)


def _tell(lesson: Lesson, ok: bool, said: str) -> bool:
    """Keep what is said below the box until the next try -> ok."""
    state.put(lesson, "own_text", (ok, said))
    return ok


def _unfit(new: str, different: int) -> str:
    """Why a model cannot learn from this text, in one sentence; empty if it can. different: how
    many of its characters are."""
    if len(new) < MIN_CHARACTERS:
        return say(
            "The text is too short ({n} of at least {least} characters): use a longer one, so that"
            " a part can be kept for validation.",
            n=len(new),
            least=MIN_CHARACTERS,
        )
    if different > MAX_VOCABULARY:
        return say(
            "The text has {different:,} different characters; the limit is {most:,}: use a text in"
            " one language.",
            different=different,
            most=MAX_VOCABULARY,
        )
    return ""


def _paste_key(lesson: Lesson) -> str:
    return f"{lesson.key}_paste"


def _file_key(lesson: Lesson) -> str:
    return f"{lesson.key}_file"
