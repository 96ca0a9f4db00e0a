"""The text and the tokens that all pages learn from: chosen in the sidebar, kept in the address."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

import gpt
from explorer import cache, classroom, differences, downloads, engine, state
from explorer.classroom.tasks import SHA256, Task
from explorer.language import explain, message, say
from explorer.literal import literal
from explorer.panels.classroom import task
from gpt.text import is_local
from gpt.toys import TOYS

TEXTS_AT_MOST = 20  # of a learner's own, in one session on a server of many
OFFLINE = "python_docs"
TITLES = {
    "tinyshakespeare": "Tiny Shakespeare",
    OFFLINE: message("Python's reference texts"),
    "copying": message("Toy: copying"),
    "reversing": message("Toy: reversing"),
    "sorting": message("Toy: sorting"),
    "addition_reversed": message("Toy: addition, reversed"),
    "addition": message("Toy: addition"),
    "brackets": message("Toy: brackets"),
}
PASTED = message("pasted text")  # the name of a text that has none of its own
SIZES = (300, 512, 1024, 2048)  # vocabularies of byte pairs; 257 are there before the first merge
TOKENS = {
    differences.CHARACTERS: message("Characters"),
    **{f"bpe-{size}": message("Byte pairs, V = {size:,}") for size in SIZES},
}


def choose() -> None:
    """Draw the chooser in the sidebar. Called by the router, before the page."""
    choices = options()
    default = "tinyshakespeare" if is_local("tinyshakespeare") else OFFLINE
    kept = task.keeper_of("text")
    if kept:
        st.session_state["text"] = kept.text
    elif st.session_state.get("text") not in choices:
        linked = st.query_params.get("text")
        st.session_state["text"] = linked if linked in choices else default
    help = say("What every page learns from. Your own text: paste or upload it on page 1.")
    with st.sidebar:
        chosen = st.selectbox(
            say("Text"),
            list(choices),
            format_func=lambda name: choices[name],
            key="text",
            disabled=kept is not None,
            help=literal(keeps(kept)) if kept else help,
        )
        if chosen in TOYS:
            st.caption(f"{say(TOYS[chosen].summary).capitalize()}: `{TOYS[chosen].example}`")
        if chosen == "tinyshakespeare" and not is_local(chosen):
            _fetch(chosen)
    # Not `bind`: it would put the title there, which does not say which pasted text it is.
    state.set_address("text", None if chosen == default else chosen)
    _choose_tokens()


def _choose_tokens() -> None:
    kept = task.keeper_of("tokens")
    if kept:
        st.session_state["tokenizer"] = kept.tokens
    elif st.session_state.get("tokenizer") not in TOKENS:
        linked = st.query_params.get("tokenizer")
        st.session_state["tokenizer"] = linked if linked in TOKENS else differences.CHARACTERS
    help = say(
        "What the text is cut into: its characters, or byte pairs learnt from it (page 1), of which"
        " V are distinct, or fewer where a short text has no more to merge."
    )
    chosen = st.sidebar.selectbox(
        say("Tokens"),
        list(TOKENS),
        format_func=tokens_title,
        key="tokenizer",
        disabled=kept is not None,
        help=literal(keeps(kept)) if kept else help,
    )
    state.set_address("tokenizer", None if chosen == differences.CHARACTERS else chosen)


def keeps(kept: Task) -> str:
    """Why the text or the tokens cannot be chosen now, as plain text."""
    return say(
        "Your task “{title}” keeps it. Leave the task on page {page} to choose another.",
        title=kept.title,
        page=kept.lesson.number,
    )


def tokens_title(name: str) -> str:
    """What a person calls tokens such as "character" or "bpe-512"."""
    size = name.partition("-")[2]
    return say(TOKENS[name], size=int(size)) if size else say(TOKENS[name])


def current() -> cache.Text:
    """The chosen text in the chosen tokens, ready for use; an offline one while the chosen one is
    not there, and characters where it is too short for byte pairs."""
    name = st.session_state.get("text") or OFFLINE
    try:
        if name in TITLES:
            text = cache.text(name if is_local(name) else OFFLINE)
        else:
            text = cache.text(own_texts().get(name, PASTED), name)
    except gpt.GPTError as error:
        st.error(
            say(
                "{error} Until then Python's reference texts are used.",
                error=explain(error),
            )
        )
        text = cache.text(OFFLINE)
    tokens = st.session_state.get("tokenizer") or differences.CHARACTERS
    return text if tokens == differences.CHARACTERS else _in_byte_pairs(text, tokens)


def _in_byte_pairs(text: cache.Text, tokens: str) -> cache.Text:
    """The text in learnt tokens such as "bpe-512"; as it is, and a sentence, if that cannot be."""
    kind, _, size = tokens.partition("-")
    try:
        with st.spinner(say("Learning byte pairs from the text…")):
            return cache.text(*corpus_key(text), kind, int(size))
    except gpt.GPTError as error:
        st.warning(
            say("{error} Until then the tokens are characters.", error=explain(error)),
            icon=":material/token:",
        )
        return text


def corpus_key(text: cache.Text) -> tuple[str, str | None]:
    """How the text is found again: its name, and its SHA-256 if it was pasted."""
    name = text.corpus.name
    return (name, None) if name in TITLES else (name, text.corpus.sha256)


def key_of(text: cache.Text) -> tuple[str, str | None, str, int | None]:
    """The same, and which tokens it is cut into: their kind, and the size of byte pairs."""
    return (*corpus_key(text), text.tokenizer.kind, text.size)


def of_run(spec: Mapping[str, Any], text: cache.Text) -> cache.Text | None:
    """The text that a run learns from, in the run's tokens: `text`, if it is that one; None when it
    is not on this machine."""
    about = spec["corpus"]
    same_text = about["sha256"] == text.corpus.sha256
    if same_text and differences.tokenizer_of(spec) == text.tokens:
        return text
    told = dict(spec.get("tokenizer") or {})
    size = told.get("vocab_size")
    if told.get("kind") == gpt.BPETokenizer.kind:
        size = size or gpt.tokenizers.bpe.VOCAB_SIZE
    name, sha256 = about["name"], about["sha256"] if "path" in about else None
    if same_text:
        name, sha256 = corpus_key(text)
    if sha256 is None and not is_local(name):
        return None  # not fetched for a reference line
    try:
        found = cache.text(name, sha256, told.get("kind", differences.CHARACTERS), size)
    except gpt.GPTError:
        return None
    return found if found.corpus.sha256 == about["sha256"] else None


def characters_per_token(spec: Mapping[str, Any], text: cache.Text) -> dict[str, float] | None:
    """How many characters a token of a run holds in either part of its text, as measured there;
    None when the text is not on this machine. `text` is the chosen one."""
    if differences.tokenizer_of(spec) == differences.CHARACTERS:
        return {"train": 1.0, "validation": 1.0}
    own = of_run(spec, text)
    return own.characters_per_token if own else None


def title(text: cache.Text) -> str:
    """What a person calls the text."""
    return titled(text.corpus.name)


def titled(name: str) -> str:
    """What a person calls the text of this name: its title, or what its learner called it.

    For Markdown: the name of a file is shown letter by letter.
    """
    return say(name) if name == PASTED else say(TITLES[name]) if name in TITLES else literal(name)


def is_tutorials(text: cache.Text) -> bool:
    """Whether the tutorial's figures hold for it: they are nats per character of its own text."""
    return text.corpus.name == "tinyshakespeare" and text.unit == "character"


def use(text: str, name: str) -> None:
    """Keep a learner's own text and choose it for all pages; raises gpt.TextError if unusable."""
    if kept := task.keeper_of("text"):
        raise gpt.TextError(keeps(kept))
    if name in gpt.CORPORA:
        name = f"{name}.txt"  # a run finds a text of such a name without looking into its file
    corpus = gpt.corpus_from_text(text, name)
    _check_number(corpus.sha256)
    engine.store().save_text(text, name)
    own_texts()[corpus.sha256] = name
    st.session_state["text"] = corpus.sha256


def _check_number(sha256: str) -> None:
    """Raise TextError where a learner of a class brings one text too many: all of them are kept."""
    if classroom.is_open() and sha256 not in own_texts() and len(own_texts()) >= TEXTS_AT_MOST:
        raise gpt.TextError(
            f"You have brought {TEXTS_AT_MOST} texts of your own, which is the limit here: use one"
            " of those that the chooser on the left lists."
        )


def choose_toy(name: str) -> None:
    """Let all pages learn from a toy task; a callback."""
    st.session_state["text"] = name


def own_texts() -> dict[str, str]:
    """SHA-256 → name of the texts this session brought or came to by a link, or by its task's."""
    known: dict[str, str] = st.session_state.setdefault("pasted", {})
    linked = st.query_params.get("text", "")
    if SHA256.fullmatch(linked) and (engine.store().root / "texts" / f"{linked}.txt").is_file():
        known.setdefault(linked, PASTED)
    doing = task.any_task()
    if doing and doing.text_name:
        known.setdefault(doing.text, doing.text_name)
    return known


def options() -> dict[str, str]:
    """The texts that this session may choose, each with what a box calls it, in plain text: a
    title, or the name of an own text and the beginning of its SHA-256."""
    own = {
        sha256: f"{say(name) if name == PASTED else name} ({sha256[:6]})"
        for sha256, name in own_texts().items()
    }
    return {name: titled(name) for name in TITLES} | own


@st.fragment(run_every=1.0)
def _fetch(name: str) -> None:
    """Fetch behind the page, and say how it goes."""
    download = downloads.fetch(name)
    if download.done and download.error is None:
        st.rerun()
    elif download.error:
        st.warning(explain(download.error))
        if st.button(say("Try again"), key="fetch_again"):
            downloads.forget(name)
    else:
        st.caption(
            say(
                "Fetching {title}… Until it is here, Python's reference texts are used.",
                title=titled(name),
            )
        )
