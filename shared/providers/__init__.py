"""Object stores behind the six verbs of `contract.Provider`."""
