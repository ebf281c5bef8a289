"""How one function asks for the next."""
