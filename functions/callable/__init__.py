"""What client apps call over HTTPS, in the protocol of Firebase's callable functions."""
