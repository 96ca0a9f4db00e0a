"""Which pieces of the text being read stand word for word in the text the model learned from."""

from explorer.language import say
from explorer.panels.copied import copied_panel
from explorer.panels.inside.reading import Reading


def copied_view(reading: Reading) -> None:
    """The memorisation check, on the text as the model reads it."""
    text = "".join(reading.tokens)
    copied_panel(reading.lesson, reading.shown, reading.folder, text, say("the text read"))
