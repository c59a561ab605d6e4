"""The GRID corpus: fetched, aligned, prepared, formatted and validated, in LipAgent's layout."""
