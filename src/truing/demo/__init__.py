"""The demo: one real voice through the whole loop, on recordings that ship with Truing."""
