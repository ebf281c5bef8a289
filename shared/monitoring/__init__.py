"""What is told while the system runs: log lines, metrics, and the port of what the monitor remembers."""
