"""The repository: content-addressed trees in sealed packs, and the snapshots that point into them."""
