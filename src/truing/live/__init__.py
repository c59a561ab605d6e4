"""Models in use: recognize with the champion, swap it under a running app, capture."""
