"""How people are told: a contract, and the channels that keep it."""
