"""The command line: one table of commands, one file each, imported only when called."""
