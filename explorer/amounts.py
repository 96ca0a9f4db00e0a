"""Numbers as people read them. Knows nothing about Streamlit."""

KIB = 1024


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
    if n_bytes < KIB:
        return f"{n_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        n_bytes /= KIB
        if n_bytes < KIB or unit == "GiB":
            break
    return f"{n_bytes:,.1f} {unit}"
