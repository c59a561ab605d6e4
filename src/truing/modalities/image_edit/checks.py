"""What is wrong with a pair: each picture by itself, the two together, and the instruction.

Only what cannot teach anything (damaged, blank, tiny, without an instruction) keeps a sample out;
everything else is for a person to judge. Who is in a picture, and where it was taken, is told for
the sake of consent and does not lower the quality.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from truing.domain.errors import MissingDependencyError, TruingError
from truing.domain.finding import CheckReport, Finding, Severity
from truing.domain.limits import Limits
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.settings import Settings
from truing.modalities.image_edit import similarity
from truing.modalities.image_edit.resemblance import resemblance
from truing.modalities.image_edit.roles import EDITED, ORIGINAL, ROLES
from truing.modalities.image_edit.thresholds import FACES
from truing.modalities.image_edit.view import look_at

if TYPE_CHECKING:
    from PIL.Image import Image

    Pictures = Mapping[str, Image]

PENALTIES = {Severity.BLOCKING: 0.0, Severity.WARNING: 0.5, Severity.INFO: 0.9}
"""Factor on the quality for each finding."""
NO_FAULT = ("face_present", "face_not_checked", "location", "trailing_bytes", "not_checked")
"""Findings that say nothing about how good a pair is."""
GREY = 4.0
"""Of 255: mean spread of the channels below which a picture has no colours."""
NAMES = {ORIGINAL: "the original", EDITED: "the result"}
_GREYING = re.compile(
    r"black.?(?:and|&|n).?white|\bb\s?&\s?w\b|gr[ae]y.?scale|monochrom|desaturat",
    re.IGNORECASE,
)


def check(given: CheckInput, settings: Settings) -> CheckReport:
    """Looks at one sample and attaches findings; never raises for odd data."""
    findings = tuple(_findings(given, settings))
    quality = 1.0
    for found in findings:
        quality *= 1.0 if found.check in NO_FAULT else PENALTIES[found.severity]
    return CheckReport(findings=findings, quality=round(quality, 4))


def instruction_of(given: CheckInput) -> str:
    """The truth, else what was said last."""
    if given.truth is not None:
        return given.truth
    return given.predictions[-1].text if given.predictions else ""


def _findings(given: CheckInput, settings: Settings) -> Iterator[Finding]:
    limits = Limits("image_edit", settings)
    instruction = instruction_of(given)
    yield from _of_instruction(instruction, limits)
    media = {medium.role: medium for medium in given.media}
    for role in ROLES:
        yield from _of_file(role, media.get(role), given, limits)
    if _said(given, media):
        return
    try:
        pictures, lost = _looked(given)
    except MissingDependencyError as error:
        yield _not_checked(error)
        return
    yield from lost
    if lost:
        return
    hopeless = list(_hopeless(pictures, media, limits))
    yield from hopeless
    if not hopeless:
        try:
            yield from _of_pictures(pictures, limits)
            yield from _of_pair(pictures, media, instruction, limits)
        except MissingDependencyError as error:
            yield _not_checked(error)
        yield from _of_people(pictures, settings)


def _damaged(reason: str) -> Finding:
    return Finding(check="damaged", severity=Severity.BLOCKING, reason=reason)


def _not_checked(error: MissingDependencyError) -> Finding:
    reason = f"the pictures could not be looked at: {error.message} ({error.hint})"
    return Finding(check="not_checked", severity=Severity.INFO, reason=reason)


def _looked(given: CheckInput) -> tuple[Pictures, tuple[Finding, ...]]:
    """The pictures, scaled down, and what is wrong with those that cannot be decoded."""
    found: dict[str, Image] = {}
    lost: list[Finding] = []
    for role in ROLES:
        try:
            seen = given.seen.get(role)
            found[role] = look_at(given.data[role]) if seen is None else cast("Image", seen)
        except MissingDependencyError:
            raise
        except TruingError as error:
            lost.append(_damaged(f"{NAMES[role]}: {error.message}"))
    return found, tuple(lost)


def _said(given: CheckInput, media: Mapping[str, Media]) -> bool:
    """Whether it is known already that a picture is missing or not whole."""
    return any(
        role not in media or role not in given.data or _damage(role, media[role], given)
        for role in ROLES
    )


def _damage(role: str, medium: Media, given: CheckInput) -> object:
    return given.damage.get(role) or medium.facts.get("damage")


def _of_instruction(text: str, limits: Limits) -> Iterator[Finding]:
    if not text.strip():
        reason = "there is no instruction: nobody knows what was asked for"
        yield Finding(check="instruction_empty", severity=Severity.BLOCKING, reason=reason)
        return
    if not any(character.isalpha() for character in text):
        reason = "the instruction holds no letter: it is no sentence"
        yield Finding(check="instruction_not_text", severity=Severity.WARNING, reason=reason)
    length = len(text.strip())
    if length > limits["longest_instruction"]:
        reason = f"the instruction has {length} characters; models do not read to its end"
        warn = Severity.WARNING
        yield limits.finding("instruction_too_long", warn, length, "longest_instruction", reason)


def _of_file(
    role: str, medium: Media | None, given: CheckInput, limits: Limits
) -> Iterator[Finding]:
    name = NAMES[role]
    if medium is None or role not in given.data:
        yield _damaged(f"{name} is missing")
        return
    damage = _damage(role, medium, given)
    if damage:
        yield _damaged(f"{name}: {damage}")
    trailing = medium.facts.get("trailing")
    if isinstance(trailing, int) and trailing > limits["most_trailing_bytes"]:
        reason = f"{trailing} bytes follow the end of {name}, such as a film that a phone adds"
        info = Severity.INFO
        yield limits.finding("trailing_bytes", info, trailing, "most_trailing_bytes", reason)
    if medium.facts.get("animated"):
        reason = f"{name} moves, or has several pages: only its first one counts"
        yield Finding(check="animated", severity=Severity.INFO, reason=reason)
    if medium.facts.get("has_gps"):
        reason = f"the file of {name} says where it was taken"
        yield Finding(check="location", severity=Severity.INFO, reason=reason)


def _hopeless(pictures: Pictures, media: Mapping[str, Media], limits: Limits) -> Iterator[Finding]:
    block = Severity.BLOCKING
    sizes = {role: _size(media[role], picture) for role, picture in pictures.items()}
    role = min(sizes, key=lambda one: min(sizes[one]))
    if min(sizes[role]) < limits["least_side"]:
        width, height = sizes[role]
        reason = f"{NAMES[role]} has {width} x {height} pixels, too few to see anything"
        yield limits.finding("too_small", block, min(width, height), "least_side", reason)
        return
    for role, picture in pictures.items():
        varies = similarity.contrast(picture)
        if varies < limits["least_contrast"]:
            reason = f"{NAMES[role]} is of one colour all over"
            yield limits.finding("blank", block, varies, "least_contrast", reason)


def _size(medium: Media, picture: Image) -> tuple[int, int]:
    """Width and height of the whole picture; `picture` may have been scaled down."""
    width, height = medium.facts.get("width"), medium.facts.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return width, height
    return picture.size


def _of_pictures(pictures: Pictures, limits: Limits) -> Iterator[Finding]:
    warn, info = Severity.WARNING, Severity.INFO
    before = similarity.blur(pictures[ORIGINAL])
    if before > limits["most_blur"]:
        reason = "the original is out of focus, or was enlarged"
        yield limits.finding("blurred", warn, before, "most_blur", reason)
        return  # a result as blurred as its original says nothing new
    after = similarity.blur(pictures[EDITED])
    if after > limits["most_blur"]:
        reason = "the result is blurred, and the original is not"
        yield limits.finding("blurred", info, after, "most_blur", reason)


def _of_pair(
    pictures: Pictures, media: Mapping[str, Media], instruction: str, limits: Limits
) -> Iterator[Finding]:
    warn = Severity.WARNING
    before, after = pictures[ORIGINAL], pictures[EDITED]
    sizes = [_size(media[role], pictures[role]) for role in ROLES]
    change = similarity.shape_change(*sizes)
    if change > limits["shape_change"]:
        reason = f"{_by(sizes[0])} became {_by(sizes[1])}: the two cannot be laid over each other"
        yield limits.finding("shape_changed", warn, change, "shape_change", reason)
    alike = resemblance(before, after, enough=limits["least_resemblance"])
    if alike < limits["least_resemblance"]:
        reason = "the result shows something else than the original"
        yield limits.finding("unrelated", warn, alike, "least_resemblance", reason)
        return
    same = media[ORIGINAL].facts.get("content") == media[EDITED].facts.get("content")
    moved = 0.0 if same else similarity.largest_change(before, after)
    if moved >= limits["least_change"] or change > limits["shape_change"]:
        return
    if not _nothing_to_do(before, instruction):
        reason = f"the result is the original, {'pixel by pixel' if same else 'coded anew'}"
        yield limits.finding("unchanged", warn, moved, "least_change", reason)
        return
    reason = "nothing changed: the original had no colours to take away"
    yield limits.finding("unchanged", Severity.INFO, moved, "least_change", reason)


def _nothing_to_do(original: Image, instruction: str) -> bool:
    """Whether the colours of a picture without any were to be taken away."""
    import numpy as np

    asked = _GREYING.search(instruction) is not None
    return asked and similarity.colourfulness(np.asarray(original)) < GREY


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _of_people(pictures: Pictures, settings: Settings) -> Iterator[Finding]:
    if not settings.flag(FACES):
        return
    from truing.modalities.image_edit.faces import faces_in

    try:
        counts = {role: faces_in(picture) for role, picture in pictures.items()}
    except MissingDependencyError as error:
        reason = f"faces were not looked for: {error.message} ({error.hint})"
        yield Finding(
            check="face_not_checked", severity=Severity.INFO, reason=reason, setting=FACES
        )
        return
    most = max(counts.values())
    if most:
        where = " and ".join(NAMES[role] for role, count in counts.items() if count)
        faces = "a face" if most == 1 else f"up to {most} faces"
        yield Finding(
            check="face_present",
            severity=Severity.INFO,
            reason=f"{faces} in {where}: is the consent of who is shown there?",
            value=float(most),
            setting=FACES,
        )
