"""The demonstration: real data backed up by the functions, damaged, restored, and compared by somebody else."""
