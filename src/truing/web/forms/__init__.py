"""The forms of requests: what is read from parameters and bodies, and within which bounds."""
