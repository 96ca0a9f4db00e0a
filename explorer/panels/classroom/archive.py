"""What a class takes home: a table of its runs, and the files of each, in one zip."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from explorer import engine
from explorer.classroom import board, members
from explorer.history import Entry
from explorer.panels import export
from gpt.errors import GPTError

PARTS = ("script", "notebook", "csv", "receipt", "zip")  # keys of export.OFFERS
LARGEST = 500_000_000  # bytes; what does not fit any more is named instead


def archive_of(entries: Sequence[Entry]) -> bytes:
    """A zip with runs.csv and a folder for each run that has a model."""
    known = members.named(engine.store().root)
    data = io.BytesIO()
    missing: list[str] = []
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        table = board.rows(entries, known, [], {})
        table.insert(0, "id", [entry.run.id for entry in entries])
        archive.writestr("runs.csv", table.map(_harmless).to_csv(index=False))
        for entry in entries:
            if entry.run.checkpoint_path is None:
                continue
            for offer in export.OFFERS:
                if offer.key in PARTS and data.tell() < LARGEST:
                    missing += _add(archive, entry, offer)
        archive.writestr("missing.txt", "\n".join(missing) + "\n" if missing else "Nothing.\n")
    return data.getvalue()


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, as text: names come from learners."""
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if is_formula else cell


def _add(archive: zipfile.ZipFile, entry: Entry, offer: export.Offer) -> list[str]:
    """Write one file of a run -> why it is not there, if it cannot be made."""
    name = f"{entry.spec.get('preset', 'run')}-{entry.run.id[:15]}"
    try:
        made = offer.make(entry.run.folder, name)
    except (GPTError, OSError) as error:
        return [f"{entry.run.id}/{name}{offer.ending}: {error}"]
    archive.writestr(f"{entry.run.id}/{name}{offer.ending}", made)
    return []
