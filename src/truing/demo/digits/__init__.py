"""Recordings and tiny base models of the digits demo, and the scripts that made them.

`recordings/` is an audiofolder; `recording` in its `metadata.jsonl` is the index within the Free
Spoken Digit Dataset, from 0. `base/without-<speaker>/` is a Whisper that never heard that speaker.
"""
