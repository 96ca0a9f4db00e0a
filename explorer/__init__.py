"""The interactive part: what the pages share to draw, to run and to remember."""
