"""Morse code for Truing: signals to text, with a table of signs as the model."""
