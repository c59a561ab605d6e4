"""Parts of recipes that several modalities share: options, steps, checkpoints, adapters, chance."""
