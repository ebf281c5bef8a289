"""The embedded local stack: the services' wire protocols, on loopback, for development and tests."""
