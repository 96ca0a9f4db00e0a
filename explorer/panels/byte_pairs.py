"""Byte pairs learnt live from the text, replayed on a sentence, and weighed against characters."""

import time
from typing import Any

import streamlit as st

import gpt
from explorer import cache, state
from explorer.charts.vocabularies import create_vocabularies_chart
from explorer.components.glyphs import visible
from explorer.components.token_strip import token_strip
from explorer.language import say
from explorer.lessons import Lesson
from explorer.panels import text as texts

SIZES = (288, 320, 384, 512, 768, 1024, 2048, 4096)
SHOW_EVERY = 0.1  # seconds between two pictures of the progress
MANY = 24  # merges of a sentence that are named
BEFORE = 257  # tokens before the first merge: the bytes and the end of a text


def byte_pairs_panel(lesson: Lesson, text: cache.Text, example: str) -> None:
    """Choose a size, learn, replay the merges one by one, and see what the size buys."""
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="medium")
    size = left.select_slider(
        say("Vocabulary size (V)"),
        SIZES,
        512,
        key=f"{lesson.key}_pairs_size",
        bind="query-params",
        help=say(
            "256 bytes and one token for the end of a text are there from the start; every merge"
            " adds one token."
        ),
    )
    key = (*texts.corpus_key(text), size)
    right.button(
        say("Learn byte pairs"),
        key=f"{lesson.key}_pairs_learn",
        icon=":material/play_arrow:",
        type="primary",
        on_click=_ask,
        args=(lesson, key),
        help=say(
            "Counts the pairs of the chosen text and merges the most frequent one, again and"
            " again. Takes seconds."
        ),
    )
    if state.get(lesson, "pairs") != key:
        st.info(say("Nothing is learnt for this text and size yet: press *Learn byte pairs*."))
        return
    live = state.get(lesson, "pairs_asked", False)
    merges = cache.byte_pairs(*key, _learn_live(cache.learning_text(text), size) if live else None)
    state.put(lesson, "pairs_asked", False)
    if not merges:
        st.info(
            say(
                "No two neighbours in a word, a number or a run of signs occur twice in this text:"
                " there is nothing to merge."
            )
        )
        return
    _replay(lesson, merges, example)
    _weigh(lesson, text, key)


def _ask(lesson: Lesson, key: tuple[str, str | None, int]) -> None:
    state.put(lesson, "pairs", key)
    state.put(lesson, "pairs_asked", True)


def _learn_live(text: str, size: int) -> list[Any]:
    """Learn the merges of `size` tokens and show each tenth of a second where it stands."""
    progress = st.progress(0.0, text=say("Counting the pieces of the text …"))
    merges, shown = [], 0.0
    for merge in gpt.learn_merges(text, size - BEFORE):
        merges.append(merge)
        if time.monotonic() - shown > SHOW_EVERY:
            shown = time.monotonic()
            share = min(1.0, len(merges) / (size - BEFORE))
            said = say("Merge {n:,}: {merge}", n=merge.rank + 1, merge=_said(merge))
            progress.progress(share, text=said)
    progress.empty()
    return merges


def _said(merge: Any) -> str:
    """‘␣t’ + ‘he’ → ‘␣the’, 1,234 times."""
    first, second = (_shown(token) for token in merge.pair)
    both = _shown("".join(merge.pair))
    return say(
        "‘{first}’ + ‘{second}’ → ‘{both}’, {n:,} times",
        first=first,
        second=second,
        both=both,
        n=merge.count,
    )


def _shown(token: str) -> str:
    """A token in byte letters for a person; bytes of a part of a character as they are."""
    return visible(gpt.tokenizers.byte_pairs.as_bytes(token).decode(errors="backslashreplace"))


def _replay(lesson: Lesson, merges: list[Any], example: str) -> None:
    sentence = st.text_input(
        say("Your sentence"),
        example,
        key=f"{lesson.key}_pairs_sentence",
        bind="query-params",
        max_chars=1000,
        help=say("Any text can be written: what no merge has made one token stays bytes. Try 🙂."),
    )
    done = st.slider(
        say("Merges replayed"),
        0,
        len(merges),
        len(merges),
        key=f"{lesson.key}_pairs_done_{len(merges)}",  # another size begins at its own end
        help=say("0: every byte alone. Move it by one to see what the next merge changes."),
    )
    tokenizer = gpt.BPETokenizer.from_merges(" ".join(m.pair) for m in merges[:done])
    ids = tokenizer.encode(sentence)
    _say_merge(merges, done)
    used = used_merges(merges, sentence)
    if used:
        some = ", ".join(f"{rank + 1:,}" for rank in used[:MANY]) + ", …" * (len(used) > MANY)
        st.caption(say("The merges that change this sentence: {merges}.", merges=some))
    names, details = token_parts(tokenizer, ids)
    token_strip(ids, names, details=details, key=f"{lesson.key}_pairs_tokens")
    st.caption(
        say(
            "{characters:,} characters, {bytes:,} bytes, **{tokens:,} tokens** from a vocabulary of"
            " {V:,}. Where a character takes several tokens, each says which part of it it is:"
            " 🙂·1/4.",
            characters=len(sentence),
            bytes=len(sentence.encode()),
            tokens=len(ids),
            V=tokenizer.vocab_size,
        )
    )


def _say_merge(merges: list[Any], done: int) -> None:
    """What the last of the `done` merges did."""
    if not done:
        st.markdown(
            say(
                "**No merge yet**: every byte is a token; {n:,} merges are to come.",
                n=len(merges),
            )
        )
        return
    st.markdown(
        say(
            "**Merge {n:,} of {all:,}**: {merge} (counted).",
            n=done,
            all=len(merges),
            merge=_said(merges[done - 1]),
        )
    )


def used_merges(merges: list[Any], sentence: str) -> list[int]:
    """The ranks of the merges that the tokens of a sentence are made of, the first learnt first."""
    tokenizer = gpt.BPETokenizer.from_merges(" ".join(m.pair) for m in merges)
    names = list(tokenizer.vocab)
    made = {"".join(m.pair): m for m in reversed(merges)}
    waiting, found = [names[i] for i in tokenizer.encode(sentence)], set()
    while waiting:
        merge = made.get(waiting.pop())
        if merge is not None and merge.rank not in found:
            found.add(merge.rank)
            waiting += merge.pair
    return sorted(found)


def token_parts(tokenizer: Any, ids: list[int]) -> tuple[list[str], list[str]]:
    """What to write on each token, and its bytes: "🙂·1/2" where a character is cut in two."""
    names, details = [], []
    for group in tokenizer.groups(ids):
        whole = tokenizer.decode(group)
        for part, i in enumerate(group, 1):
            names.append(whole if len(group) == 1 else f"{whole}·{part}/{len(group)}")
            details.append(say("bytes {hex}", hex=tokenizer.bytes_of(i).hex(" ")))
    return names, details


def _weigh(lesson: Lesson, text: cache.Text, key: tuple[str, str | None, int]) -> None:
    """Tokens of the same text with characters, with ever more byte pairs, and with GPT-2's."""
    counts = cache.token_counts(*key)
    st.altair_chart(
        create_vocabularies_chart(counts), width="stretch", key=f"{lesson.key}_pairs_chart"
    )
    read = int(counts["read"].iloc[0])
    pairs = counts[counts["kind"] == "byte pairs"].iloc[-1]
    said = [
        say(
            "The first {read:,} characters of the text, encoded (measured). Byte pairs (V = {V:,}):"
            " {tokens:,} tokens, {characters:.2f} characters each.",
            read=read,
            V=pairs["vocabulary"],
            tokens=pairs["tokens"],
            characters=pairs["characters"],
        )
    ]
    for row in counts[counts["kind"] != "byte pairs"].itertuples():
        said.append(
            say("Characters (V = {V:,}): {tokens:,} tokens.", V=row.vocabulary, tokens=row.tokens)
            if row.kind == "characters"
            else say("GPT-2 (V = {V:,}): {tokens:,} tokens.", V=row.vocabulary, tokens=row.tokens)
        )
    said.append(
        say(
            "Fewer tokens let a context of T see further, but each of the V tokens needs a row of"
            " its own in the model's tables."
        )
    )
    st.caption(" ".join(said))
