"""`python -m gpt …`: the command line. See `cli.py`."""

import os

# Read by OpenMP when torch is imported: how often its threads look for each other before they fall
# asleep. By default they look 300,000 times, and one busy neighbour on a small machine then makes
# training many times slower; 1,000 times are over before a short product is, and waking up made
# steps of gpt_mini twice as long (33 ms for 17).
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

from gpt.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
