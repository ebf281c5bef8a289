"""Pure decisions: no clock, no chance, no I/O. What to keep and why, and when deleting is safe."""
