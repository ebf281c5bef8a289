"""Keyrings: what wraps the repository's master key."""
