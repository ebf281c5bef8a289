"""Backups as files that other programs read, and documents from such files back into a database."""
