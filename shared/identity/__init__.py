"""Who calls from a client app: tokens verified, and the role that an account has."""
