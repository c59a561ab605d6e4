"""Figures: error rates, significance, and the report that shows them."""
