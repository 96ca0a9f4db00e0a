"""Take a run home: as one plain program, as a notebook, and a receipt that can be verified.

`script` and `notebook` put the sources of this library together for a run's settings.
"""

from gpt.takehome.recipe import Recipe, read_recipe
from gpt.takehome.script import script

__all__ = ["Recipe", "read_recipe", "script"]
