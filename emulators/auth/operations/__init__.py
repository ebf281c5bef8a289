"""What can be asked: one function a method of the API, from a call to the answer's JSON."""
