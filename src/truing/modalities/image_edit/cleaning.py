"""Cleaning an instruction: a proposal that a person confirms, never a change in place.

White space is trimmed and collapsed, Unicode is composed (NFC), a text all in capitals becomes a
sentence, and words of editing that are misspelled beyond doubt are corrected from a small table.
Nothing else is touched: no grammar, no punctuation, no word that might be meant.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MODEL = "truing/cleaning"
"""The model that a proposal is recorded under."""
SHOUTED = 6
"""Letters from which a text without a small one is taken as written with the key locked."""

# fmt: off
MISSPELLED: dict[str, str] = {
    "brigther": "brighter", "brighther": "brighter", "birghter": "brighter", "brihgter": "brighter",
    "briter": "brighter", "brightter": "brighter", "brigten": "brighten", "brighnten": "brighten",
    "brigtness": "brightness", "brightnes": "brightness", "brighness": "brightness",
    "contrats": "contrast", "contarst": "contrast", "constrast": "contrast", "contrst": "contrast",
    "backround": "background", "backgroud": "background", "bakground": "background",
    "backgorund": "background", "backgound": "background", "backgrond": "background",
    "forground": "foreground", "foregroud": "foreground",
    "chnage": "change", "cahnge": "change", "chagne": "change", "chnge": "change",
    "colur": "colour", "coulor": "colour", "colro": "color", "coulors": "colours",
    "darkar": "darker", "drker": "darker", "dakrer": "darker",
    "lihgt": "light", "ligth": "light", "lihgts": "lights", "ligths": "lights",
    "ligthing": "lighting", "lihgting": "lighting",
    "pciture": "picture", "pictrue": "picture", "picutre": "picture", "piture": "picture",
    "imgae": "image", "iamge": "image", "imaeg": "image", "phtoo": "photo",
    "remvoe": "remove", "reomve": "remove", "removee": "remove", "rmove": "remove",
    "repalce": "replace", "relpace": "replace", "replce": "replace",
    "sharpn": "sharpen", "shapren": "sharpen", "sharpnes": "sharpness",
    "satuartion": "saturation", "saturaton": "saturation", "saturtion": "saturation",
    "wamer": "warmer", "warmar": "warmer",
    "turqoise": "turquoise", "turquise": "turquoise", "purpel": "purple", "yelow": "yellow",
    "balck": "black", "blakc": "black", "wihte": "white",
    "whtie": "white", "oragne": "orange",
    "kitchn": "kitchen", "kithcen": "kitchen", "livingroom": "living room",
    "funiture": "furniture", "furnitue": "furniture", "furnture": "furniture",
    "celing": "ceiling", "cieling": "ceiling", "windwo": "window", "widnow": "window",
    "curtian": "curtain", "curtians": "curtains", "carpt": "carpet",
    "morden": "modern", "modren": "modern", "minimalsit": "minimalist", "vintge": "vintage",
    "watercolur": "watercolour", "sketh": "sketch", "skecth": "sketch", "pencl": "pencil",
    "mirrior": "mirror", "miror": "mirror", "verticaly": "vertically",
    "horizontaly": "horizontally",
    "teh": "the", "hte": "the", "adn": "and", "wiht": "with", "tihs": "this",
    "mkae": "make", "amke": "make", "maek": "make", "incrase": "increase", "increse": "increase",
    "decrese": "decrease", "decrase": "decrease", "enchance": "enhance", "enhace": "enhance",
}
# fmt: on
_WORD = re.compile(r"[^\W\d_]+")
_INVISIBLE = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A text as proposed, and what was done to it."""

    text: str
    changes: tuple[str, ...] = ()
    """One line each, for people; empty when there is nothing to propose."""


def clean(text: str) -> Cleaned:
    """The proposal for an instruction; cleaning it again changes nothing.

    An instruction of white space alone becomes empty.
    """
    changes: list[str] = []
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        changes.append("characters composed")
    visible = _INVISIBLE.sub("", composed)
    if visible != composed:
        changes.append("invisible characters left out")
    trimmed = visible.strip()
    if trimmed != visible:
        changes.append("blanks at the ends left out")
    spaced = " ".join(trimmed.split())
    if spaced != trimmed:
        changes.append("several blanks made one")
    calm = _calmed(spaced)
    if calm != spaced:
        changes.append("capitals made a sentence")
    spelled = _WORD.sub(lambda found: _spelled(found.group(), changes), calm)
    return Cleaned(text=spelled, changes=tuple(dict.fromkeys(changes)))


def _calmed(text: str) -> str:
    """A text all in capitals as a sentence."""
    letters = [character for character in text if character.isalpha()]
    cased = [character for character in letters if character.lower() != character.upper()]
    if len(cased) < SHOUTED or any(character.islower() for character in cased):
        return text
    lowered = text.lower()
    first = next(place for place, character in enumerate(lowered) if character.isalpha())
    sentence = lowered[:first] + lowered[first].upper() + lowered[first + 1 :]
    return unicodedata.normalize("NFC", sentence)


def _spelled(word: str, changes: list[str]) -> str:
    right = MISSPELLED.get(word.lower())
    if right is None:
        return word
    if word[0].isupper():
        right = right[0].upper() + right[1:]
    changes.append(f"{word} → {right}")
    return right
