"""The parts of a check: what surrounds the trees, the trees, and the packs."""
