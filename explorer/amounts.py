"""Numbers as people read them."""

from explorer.language import message, say

KIB = 1024
PREFIXES = "kMGTPEZY"  # of SI: thousands, their thousands, …


def percent(share: float) -> str:
    """A share of 1 with one decimal, below 1% with two digits: "12.3%", "0.24%", "0.0021%"; below a
    millionth "<0.0001%"."""
    if share == 0 or share >= 0.01:
        return f"{share:.1%}"
    if share < 1e-6:
        return "<0.0001%"
    digits = f"{100 * share:.2g}"
    return f"{float(digits):.6f}".rstrip("0") + "%"


def size(n_bytes: float) -> str:
    """Bytes in the unit that suits: "640 B", "36.0 KiB", "71.9 MiB"."""
    if round(n_bytes) < KIB:
        return f"{n_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        n_bytes /= KIB
        if round(n_bytes, 1) < KIB or unit == "GiB":
            break
    return f"{n_bytes:,.1f} {unit}"


def si(value: float) -> str:
    """A number in three digits with an SI prefix: 1230000 → "1.23 M".

    >>> si(999_700), si(7), si(0.5)
    ('1 M', '7 ', '0.5 ')
    """
    value = float(f"{value:.3g}")  # first: what is rounded up may need the next prefix
    for place in range(len(PREFIXES), 0, -1):
        unit = float(f"1e{3 * place}")  # as `value` is read: 1e24 is a little less than 1000**8
        if value >= unit:
            return f"{value / unit:g} {PREFIXES[place - 1]}"
    return f"{value:g} "


def duration(seconds: float) -> str:
    """Seconds as one number, as exact as an estimate is: 100 s, 5 min, 3 h, 2 days."""
    for size, unit in ((86400, message("days")), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {say(unit)}"
    return f"{seconds:.0f} s"


def nats(loss: float | None) -> str:
    """A loss as an estimate is exact, "–" before there is one."""
    return "–" if loss is None else f"{loss:.4f}"
