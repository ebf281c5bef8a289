"""The command line `firekeep`: one file per command, on the same jobs and models as the functions."""
