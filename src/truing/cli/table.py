"""The commands: one line each, grouped for `truing --help`. Imports nothing.

A new command is one file in this folder and one line in each of the two tables.
"""

COMMANDS = {
    "init": "truing.cli.init",
    "demo": "truing.cli.demo",
    "doctor": "truing.cli.doctor",
    "config": "truing.cli.config",
    "formats": "truing.cli.formats",
    "plugins": "truing.cli.plugins",
    "capture": "truing.cli.capture",
    "record": "truing.cli.record",
    "import": "truing.cli.import_from",
    "watch": "truing.cli.watch",
    "export": "truing.cli.export",
    "review": "truing.cli.review",
    "label": "truing.cli.label",
    "undo": "truing.cli.undo",
    "samples": "truing.cli.samples",
    "show": "truing.cli.show",
    "history": "truing.cli.history",
    "check": "truing.cli.check",
    "stats": "truing.cli.stats",
    "dataset": "truing.cli.dataset",
    "recipes": "truing.cli.recipes",
    "train": "truing.cli.train",
    "jobs": "truing.cli.jobs",
    "logs": "truing.cli.logs",
    "pause": "truing.cli.pause",
    "resume": "truing.cli.resume",
    "stop": "truing.cli.stop",
    "evaluate": "truing.cli.evaluate",
    "compare": "truing.cli.compare",
    "models": "truing.cli.models",
    "promote": "truing.cli.promote",
    "rollback": "truing.cli.rollback",
    "publish": "truing.cli.publish",
    "transcribe": "truing.cli.transcribe",
    "verify": "truing.cli.verify",
    "forget": "truing.cli.forget",
}
"""Name of a command -> its module, which has `HELP`, `EXAMPLE`, `configure` and `run`."""

HIDDEN = {"job": "truing.cli.job"}
"""Commands that only Truing itself calls."""

GROUPS = {
    "Begin": {
        "init": "make a workspace",
        "demo": "walk the whole loop once with real recordings, in a folder of its own",
        "doctor": "look whether everything needed is there",
        "config": "show or change settings",
        "formats": "list what can be imported and exported",
        "plugins": "list modalities, formats and recipes, built in and installed",
    },
    "Collect": {
        "capture": "keep recordings, with what a model said of them",
        "record": "record from the microphone and confirm what was heard",
        "import": "bring in everything another program's files hold",
        "watch": "follow another program's database, both ways",
        "export": "write samples or a dataset version for another program",
    },
    "Review": {
        "review": "confirm or correct samples, one after the other",
        "label": "decide on one sample, or on many from a file",
        "undo": "take back a decision",
        "samples": "list samples",
        "show": "show everything about a sample",
        "history": "show who decided what about a sample",
        "check": "look for faults in samples again",
        "stats": "count samples and tell how often the model was right",
    },
    "Learn": {
        "dataset": "freeze, list, show, compare, verify or export dataset versions",
        "recipes": "list ways of training and their options",
        "train": "train a model on a dataset version",
        "jobs": "list training runs",
        "logs": "show what a run said",
        "pause": "let a run save its work and wait",
        "resume": "let a run go on",
        "stop": "let a run save its work and end",
    },
    "Prove": {
        "evaluate": "measure a model on recordings it has never learned from",
        "compare": "tell whether one model is better than another, and how surely",
        "models": "list models",
        "promote": "make a model the champion if it is proven better",
        "rollback": "put the champion before back",
        "publish": "write a model where another program loads it",
        "transcribe": "turn recordings into text",
    },
    "Keep": {
        "verify": "check that nothing was altered or lost",
        "forget": "erase samples or a person, everywhere",
    },
}
"""Title of a group -> command -> what it does, in one line."""

LINES = {name: line for group in GROUPS.values() for name, line in group.items()}
"""What each command does, in one line."""
