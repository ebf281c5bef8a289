"""One use case each. A job takes the ports it uses, a request and a deadline, and returns a report."""
