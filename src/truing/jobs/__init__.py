"""Training runs as supervised child processes; the run's row is the truth."""
