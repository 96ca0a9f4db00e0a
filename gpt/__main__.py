"""`python -m gpt …`: the command line. See `cli.py`."""

from gpt.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
