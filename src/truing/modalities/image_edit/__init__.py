"""Image edits: a picture, an instruction, and the picture that came of it."""
