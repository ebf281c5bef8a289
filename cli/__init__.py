"""The command line: one file per command in `commands`, over the same jobs and models as the functions."""
