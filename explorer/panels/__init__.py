"""What pages share: the frame of a lesson, and the text, training, sampling and code panels."""
