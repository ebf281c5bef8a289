"""Job state and the catalog, kept in Firestore for people and clients. Never the only copy of what a restore needs."""
