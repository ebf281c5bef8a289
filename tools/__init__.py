"""What writes files of this project from its tables."""
