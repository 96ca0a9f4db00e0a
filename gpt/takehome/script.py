"""A run as one plain program in one file: only torch is needed to run it."""

import platform

import torch

from gpt.takehome.assemble import Program, assemble
from gpt.takehome.recipe import Recipe

HEAD = '''\
"""{title}, as one plain program.

It trains the model of {run} anew, on the CPU, and lets it write:

    python {file} {text_file}

The text is {corpus} (SHA-256 {sha256}).
{losses}
Put together by “GPT from scratch” (`python -m gpt export`) from its own sources, for these settings
alone: what they do not use is left out, and so are the checks of settings, pausing and resuming,
GPUs and several processes. Needs Python 3.11 and torch (written with {torch}).

MIT licence.
"""
'''


def script(recipe: Recipe, file: str = "gpt.py") -> str:
    """The text of a Python program that does the run again."""
    program = assemble(["main"], "gpt.takehome.plain", recipe.facts)
    return HEAD.format(title=recipe.preset.title, run=recipe.run, file=file, text_file=recipe.text_file, corpus=recipe.corpus["name"], sha256=recipe.corpus["sha256"], losses="", torch=torch.__version__) + body(program)


def body(program: Program) -> str:
    imports = "\n".join(program.imports)
    settings = "\n".join(program.settings)
    parts = [imports, settings]
    module = ""
    for piece in program.pieces:
        if piece.module != module:
            module = piece.module
            parts.append(f"# --- {module} ---")
        parts.append(piece.text)
    return "\n\n\n".join(parts) + '\n\n\nif __name__ == "__main__":\n    main()\n'
