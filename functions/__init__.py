"""One small file per Cloud Function: parse the event, run one job, answer. `table.py` lists them all."""
