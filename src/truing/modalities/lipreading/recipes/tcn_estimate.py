"""What training the network will need of disk and memory, told from its sizes alone.

Weights, gradients, AdamW's two moments and the running average are float32. Activations were
measured: a batch of 16 clips of three seconds keeps about 300 MB between forward and backward.
"""

from __future__ import annotations

from truing.domain.recipe import Need
from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions

BYTES = 4
PROGRAM = 350 * 2**20
"""Of Python, torch and the decoders."""
SEEN = 768
"""Numbers that the front makes of a moment."""
FRONT = 25_000
"""Weights of the front."""
OUTPUTS = 155
"""Of the GRID grammar; other vocabularies have as many within a few hundred."""
BLOCKS, KERNEL = 4, 3
FRAMES = 75
"""Of a clip of three seconds."""
PER_FRAME = 250_000
"""Bytes that are kept of a frame between forward and backward."""
CHECKPOINTS = 3
"""Two that are kept and one that is being written."""


def need_of(options: VisualTcnOptions) -> Need:
    """The need of a run; clips lie in a temporary file beside it, about 0.3 MB each."""
    hidden = options.hidden
    weights = FRONT + SEEN * hidden + BLOCKS * KERNEL * hidden**2 + OUTPUTS * hidden
    size = BYTES * weights
    half = options.batch_size // 2
    return Need(
        disk={
            "checkpoints": CHECKPOINTS * (3 + options.starts) * size,
            "model": options.starts * size,
        },
        memory={
            "program": PROGRAM,
            "weights": (1 + options.starts) * size,
            "gradients": size,
            "moments": 2 * size,
            "activations": options.batch_size * FRAMES * PER_FRAME,
        },
        remedies=(f"--set batch_size={half}",) if half > 1 else (),
    )
