"""A text to begin with, where a learner may type any: one whose signs the model knows."""

from typing import Any

from gpt.toys import TOYS

SENTENCE = "To be, or not to be, that is the question"
SHORT = "to be or not to be"
TOY_EXAMPLES = tuple(toy.example for toy in reversed(TOYS.values()))  # copying last: only letters
PROSE = (SENTENCE, SHORT)
EXAMPLES = (*PROSE, *TOY_EXAMPLES)


def example_for(tokenizer: Any, sentence: str = SHORT) -> str:
    """`sentence`, or a problem of the toy task whose text had the signs that `tokenizer` knows.

    Where nothing is known wholly it is `sentence`: what is strange in it will be named.
    """
    known = (text for text in (sentence, *TOY_EXAMPLES) if not tokenizer.unknown(text))
    return next(known, sentence)


def fitting(text: str | None, example: str) -> str:
    """What should stand in a text box: `text`, but `example` in place of none, or of an example for
    another kind of text."""
    if text is None or (text in EXAMPLES and not (text in PROSE and example in PROSE)):
        return example
    return text
