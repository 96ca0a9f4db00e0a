"""The parts of the class page, and what a task changes on the others."""
