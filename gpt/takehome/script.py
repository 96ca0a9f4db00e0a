"""A run as one plain program in one file: only torch is needed to run it."""

import textwrap

import torch

from gpt.takehome.assemble import Piece, assemble
from gpt.takehome.recipe import Recipe
from gpt.text import TINYSHAKESPEARE_URL

HEAD = '''\
"""{title}: {run}, as one plain program.

It trains the model anew on the CPU, prints the losses and lets it write:

    pip install torch
    {commands}

The text is {corpus}, SHA-256
{sha256}.
{losses}
Put together by `python -m gpt export` of “GPT from scratch” from that project's own sources, for
these settings alone: what they do not use is left out, and so are checks of the settings, pausing
and resuming, GPUs, several processes, and the cache of keys and values.
Written with torch {torch}; needs Python 3.11 or later. MIT licence.
"""
'''


def script(recipe: Recipe, file: str = "gpt.py") -> str:
    """The text of a Python program that does the run again, called `file`."""
    program = assemble([("gpt.takehome.plain", "main")], recipe.facts)
    lines = [head(recipe, file), *program.imports, "", *program.settings]
    parts = ["\n".join(lines), *sections(program.pieces).values()]
    return "\n\n\n".join(parts) + '\n\n\nif __name__ == "__main__":\n    main()\n'


def head(recipe: Recipe, file: str) -> str:
    """What the program says about itself."""
    told = ", ".join(f"{loss:.6f}" for loss in recipe.losses)
    losses = textwrap.fill(f"The run's first losses: {told}.", 99) + "\n" if told else ""
    return HEAD.format(
        title=harmless(recipe.preset.title),
        run=f"run {harmless(recipe.run)}" if recipe.run else "the run of a checkpoint",
        commands=commands(recipe, file),
        corpus=harmless(recipe.corpus["name"]),
        sha256=harmless(recipe.corpus["sha256"]),
        losses=losses,
        torch=torch.__version__,
    )


def harmless(name: str) -> str:
    """A name that others chose, as it may stand in the text of a program: it ends no string."""
    return "".join(c if c.isalnum() or c in " ._-,:()/" else "_" for c in str(name))


def commands(recipe: Recipe, file: str) -> str:
    """How the program is started."""
    file = harmless(file)
    if recipe.brings_its_text:
        return f"python {file}"
    name = harmless(recipe.text_file)
    fetch = f"curl -O {TINYSHAKESPEARE_URL}\n    " if name == "input.txt" else ""
    return f"{fetch}python {file} {name}"


def sections(pieces: list[Piece]) -> dict[str, str]:
    """The pieces of each module as one text, under its name."""
    found: dict[str, str] = {}
    for before, piece in zip([None, *pieces], pieces, strict=False):
        if piece.module not in found:
            place = piece.module.replace(".", "/") + ".py"
            space = "\n\n" if piece.is_constant else "\n\n\n"
            found[piece.module] = f"# --- {place} ---{space}{piece.text}"
            continue
        together = before and before.is_constant and piece.is_constant
        found[piece.module] += ("\n" if together else "\n\n\n") + piece.text
    return found
