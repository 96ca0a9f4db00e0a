"""The parts of page 3: the text, the four versions, the weights to edit, the times."""
