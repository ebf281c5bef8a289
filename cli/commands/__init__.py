"""One file per command. Each holds one click command named `command`, and imports little until it runs."""
