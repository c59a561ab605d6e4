"""Verbs, in the order in which a datum meets them; pure over ports."""
