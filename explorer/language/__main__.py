"""python -m explorer.language [code …]: bring the files of the languages in step with the code.

New sentences are added without a translation, those that nobody says any more are removed; what is
missing is counted. A new language: add it to `LANGUAGES` and run this with its code.
"""

import sys

from babel.messages import pofile
from babel.messages.catalog import Catalog

from explorer.language import ENGLISH, FOLDER, LANGUAGES
from explorer.language.extract import sentences

HEADER = """\
# GPT from scratch: what the pages say.
# A translation is this file: msgid is the English of the code, msgstr the sentence shown.
# {words} in braces are filled in; keep them as they are. Markdown, LaTeX and icons stay, too.
"""


def update(language: str, more: dict[str, str] | None = None) -> int:
    """Write the file of `language` anew; returns how many sentences have no translation.

    more: English → translation, to be taken over.
    """
    path = FOLDER / f"{language}.po"
    known: dict[str, str] = {}
    if path.exists():
        with path.open("rb") as file:
            known = {str(entry.id): str(entry.string) for entry in pofile.read_po(file)}
    known |= more or {}
    new = Catalog(locale=language, header_comment=HEADER.strip(), project="GPT from scratch")
    for text, files in sentences().items():
        new.add(text, known.get(text, ""), locations=[(file, 0) for file in files])
    with path.open("wb") as written:
        pofile.write_po(
            written, new, width=100, omit_header=False, include_lineno=False, include_previous=False
        )
    return sum(not entry.string for entry in new if entry.id)


def main(codes: list[str]) -> None:
    for code in codes or [code for code in LANGUAGES if code != ENGLISH]:
        print(f"{code}: {update(code)} sentences without a translation")


if __name__ == "__main__":
    main(sys.argv[1:])
