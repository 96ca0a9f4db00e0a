"""A run as a notebook: every step from the text to the trained model, each in a cell of its own.

Follows the steps of Karpathy's lecture "Let's build GPT: from scratch, in code, spelled out" with
the run's settings. Functions and classes are the library's own sources, as in `script`; what the
lecture only tries out stands in `steps.py`. Plain JSON (nbformat 4.5): nothing needs to be
installed to write it.
"""

import json
from typing import Any

from gpt.takehome.assemble import Piece, Program, assemble
from gpt.takehome.recipe import Recipe
from gpt.takehome.steps import TITLE
from gpt.takehome.steps_byte_pairs import steps_of

PLAIN = ("read_text", "encode", "encode_parts", "build", "train", "write")
ROOTS = [  # what steps may need
    *(("gpt.takehome.plain", name) for name in PLAIN),
    ("gpt.text", "split"),
    ("gpt.tokenizers.bpe", "BPETokenizer"),
    ("gpt.model", "Bigram"),
    ("gpt.attention", "Head"),
]
SETTINGS = ("block_size", "n_embd", "seed", "prompt", "bpe_vocab_size")  # that the steps use
METHODS = (".start", ".vocab_size")  # and these


def notebook(recipe: Recipe) -> str:
    """The notebook as the text of an .ipynb file."""
    steps = steps_of(recipe.tokenizer["kind"])
    needed = {name for step in steps for name in step.needs}
    roots = [place for place in ROOTS if place[1] in needed]
    book = _Book(assemble(roots, recipe.facts, SETTINGS + METHODS))
    about = recipe.preset.title + (f", run {recipe.run}" if recipe.run else "")
    count = f"{recipe.preset.train.max_steps:,}"
    book.say(TITLE.format(about=about, steps=count, place=_place(recipe)))
    book.run("\n".join(["import math", *_without(book.program.imports, "import math")]))
    book.run("\n".join(book.program.settings))
    for step in steps:
        book.say(step.words)
        for name in step.needs:
            book.define(name)
        if step.code:
            book.run(step.code)
    return json.dumps(book.to_dict(), indent=1, ensure_ascii=False) + "\n"


def _place(recipe: Recipe) -> str:
    name = recipe.corpus["name"]
    if recipe.brings_its_text:
        return f"The text, {name}, is made here."
    return f"The text, {name}, is looked for in the file `{recipe.text_file}` beside this notebook."


def _without(lines: list[str], line: str) -> list[str]:
    return [other for other in lines if other != line]


class _Book:
    """The cells so far, and what they have defined."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pieces = {piece.name: piece for piece in program.pieces}
        self.defined: set[str] = set()
        self.cells: list[dict[str, Any]] = []

    def say(self, markdown: str) -> None:
        self._add({"cell_type": "markdown"}, markdown)

    def run(self, code: str) -> None:
        self._add({"cell_type": "code", "execution_count": None, "outputs": []}, code)

    def define(self, name: str) -> None:
        """A cell for each module's part of what `name` is made of, unless it is there already."""
        parts: dict[str, list[Piece]] = {}
        needed = self._needs(name) - self.defined
        for piece in self.program.pieces:
            if piece.name in needed:
                parts.setdefault(piece.module, []).append(piece)
        self.defined |= needed
        for pieces in parts.values():
            self.run("\n\n\n".join(piece.text for piece in pieces))

    def _needs(self, name: str) -> set[str]:
        """The names of a piece and of all pieces that it uses."""
        found, waiting = set(), [name]
        while waiting:
            piece = self.pieces.get(waiting.pop())
            if piece is not None and piece.name not in found:
                found.add(piece.name)
                waiting += piece.names
        return found

    def _add(self, kind: dict[str, Any], source: str) -> None:
        lines = source.strip("\n").splitlines(keepends=True)
        self.cells.append({"id": f"cell-{len(self.cells)}", "metadata": {}, "source": lines} | kind)

    def to_dict(self) -> dict[str, Any]:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return {
            "cells": self.cells,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
