"""Services that are backed up, behind the four verbs of `contract.Source`."""
