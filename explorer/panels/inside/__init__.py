"""Looking into one model while it reads one text: the parts of page 9."""
