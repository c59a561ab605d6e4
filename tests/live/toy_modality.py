"""A modality whose model does what the text it is given says: for processes that tests start."""

import os
import time
from pathlib import Path

from truing.domain import errors
from truing.domain.prediction import Alternative, Recognition, Word


class BadTapeError(errors.DamagedError):
    """A kind of damage that only this modality knows."""

    code = "bad-tape"


class Toy:
    """Opens a model unless its name is the name of an error."""

    def open_recognizer(self, model, options):
        if model == "dies":
            os._exit(9)
        raise_named(model)
        return ToyModel(model, options)


class ToyModel:
    def __init__(self, model, options):
        self.model, self.options = model, options

    def recognize(self, media):
        media = media["audio"]
        order, _, rest = media.path.read_text(encoding="utf-8").partition(" ")
        if order == "print":
            print("what a library has to say")
        if order == "die":
            os._exit(3)
        if order == "die-once" and not Path(rest).exists():
            Path(rest).touch()
            os._exit(3)
        if order == "wait":
            Path(rest + ".begun").touch()
            while not Path(rest).exists():
                time.sleep(0.01)
        raise_named(order)
        return Recognition(
            text=f"{self.model}: {order} “{rest}”\n",
            confidence=0.5,
            words=(Word(text=order, start=media.start, end=media.end, confidence=0.25),),
            alternatives=(Alternative(text=str(self.options), confidence=None),),
            seconds=0.125,
        )

    def close(self):
        pass


class Deaf:
    """Cannot recognise anything."""


def raise_named(name):
    kind = {"MemoryError": MemoryError, "KeyError": KeyError, "BadTapeError": BadTapeError}.get(
        name, getattr(errors, name, None)
    )
    if kind is None:
        return
    if issubclass(kind, errors.TruingError):
        raise kind(f"a {name}", hint="mend it")
    raise kind(f"a {name}")
