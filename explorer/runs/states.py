"""Where a run can stand, what can be asked of it, and the words for why one ended."""

CREATED, QUEUED, TRAINING = "created", "queued", "training"
PAUSED, STOPPED, SUSPENDED = "paused", "stopped", "suspended"
INTERRUPTED, FAILED, FINISHED = "interrupted", "failed", "finished"
ACTIVE = (QUEUED, TRAINING, SUSPENDED)  # it trains, or will without a click
OPEN_END = (PAUSED, STOPPED, INTERRUPTED)  # it can go on
STATES = (CREATED, *ACTIVE, *OPEN_END, FAILED, FINISHED)
RETRIED = "retried"  # a note, not a state: its worker died, it goes on by itself
COMMANDS = ("run", "pause", "step", "stop")

GONE = "The program that trained this run ended without a word."
VANISHED = f"{GONE} Continue takes it up again."
FULL = "The disk is full. What was saved before is kept: free some space, then continue."
