"""Data sets to try things on: real documents from published packages, and every value Firestore can hold."""
