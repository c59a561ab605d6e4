"""Lip-reading: video of a speaking face, or of the mouth alone, and what was said."""
