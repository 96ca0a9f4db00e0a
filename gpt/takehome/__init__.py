"""Take a run home: as one plain program, a notebook, a folder for transformers, and a receipt.

`script` and `notebook` are put together from the sources of this library, with a run's settings put
in: what is displayed is what ran. In the order in which they are best read: `recipe` (what is known
of a run), `plain` (the program around the model), `known`, `edit`, `specialise`, `tidy` (a source
for one configuration), `assemble` (all the sources that a program needs), `script`, `steps`,
`notebook`, `huggingface`, `receipt`.
"""

from gpt.takehome.huggingface import save_huggingface
from gpt.takehome.notebook import notebook
from gpt.takehome.receipt import corpus_of, flops_of, read_receipt, receipt, to_json, verify
from gpt.takehome.recipe import Recipe, read_recipe
from gpt.takehome.script import script

__all__ = [
    "Recipe",
    "corpus_of",
    "flops_of",
    "notebook",
    "read_receipt",
    "read_recipe",
    "receipt",
    "save_huggingface",
    "script",
    "to_json",
    "verify",
]
