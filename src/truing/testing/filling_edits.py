"""Fills a store with many pairs of pictures, as an app that edits photos leaves them.

As in `filling`, the same number and seed give the same samples, and the media are references to a
few shared blobs: what grows is the database. Instructions follow Zipf's law: a few wishes are asked
for again and again in slightly different words, most only once.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from truing.domain.consent import OWN_USE
from truing.domain.finding import Finding, Severity
from truing.domain.ids import uuid7
from truing.domain.media import Media
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.rating import Rating
from truing.domain.review import Revision, Verdict, standing
from truing.domain.sample import NewSample, Sampling
from truing.testing.filling import APART, BATCH, START, picks

if TYPE_CHECKING:
    from truing.domain.ports import Blobs, Store

MODALITY = "image_edit"
WISHES = (
    *("make the {what} {how}", "turn the {what} {how}", "a {how} {what}", "paint the {what} {how}"),
    *("replace the {what} with a {how} one", "remove the {what}", "add a {how} {what}"),
    *("show the {what} in {how} light", "give the {what} a {how} look"),
)
WHAT = (
    *("sky", "wall", "kitchen", "garden", "sofa", "house", "street", "lamp", "curtain", "floor"),
    *("window", "door", "car", "dress", "tree", "table", "carpet", "roof", "cat", "background"),
)
HOW = (
    *("brighter", "darker", "blue", "warmer", "modern", "wooden", "red", "softer", "sharper"),
    *("golden", "vintage", "green", "minimal", "snowy", "rustic", "white", "stormy", "glass"),
)
POLITE = (("{}", 70), ("{}.", 12), ("please {}", 8), ("Please {}!", 5), ("{} ", 5))
SOURCES = (("nexvision", 80), ("app", 15), ("imagefolder", 5))
FINDINGS = ((None, 9_000), ("unchanged", 500), ("face_present", 400), ("blurred", 90), ("tiny", 10))
RATINGS = ((None, 60), (5, 16), (4, 14), (3, 6), (2, 3), (1, 1))
VERDICTS = ((None, 40), (Verdict.ACCEPTED, 45), (Verdict.CORRECTED, 8), (Verdict.REJECTED, 7))
RATED_OF = 10
"""One of so many is offered for a rating: each rating is a transaction."""
PICTURE = 180_000
"""Bytes that each picture is said to have."""


def new_edits(count: int, digests: Sequence[str], *, seed: int = 0) -> Iterator[NewSample]:
    """Pairs in the order they were captured.

    Args:
        count: how many.
        digests: of the blobs they share.
        seed: another one gives other pairs.
    """
    rng = random.Random(seed)
    asked = _instructions(rng)
    source, found = picks(rng, SOURCES), picks(rng, FINDINGS)
    for number in range(count):
        at = START + number * APART + rng.randrange(APART)
        check = found()
        pictures = [digests[rng.randrange(len(digests))] for _ in ("original", "edited")]
        yield NewSample(
            uid=uuid7(at // 1000, rng.getrandbits(74)),
            modality=MODALITY,
            salt=f"{rng.getrandbits(128):032x}",
            source=source(),
            source_key=None,
            captured_at=at,
            added_at=at,
            consent=OWN_USE,
            sampling=Sampling.AUDIT,
            session=f"session-{number}",
            media=(_picture("original", pictures[0]), _picture("edited", pictures[1])),
            predictions=(
                Prediction(
                    kind=PredictionKind.RECOGNIZER,
                    recognition=Recognition(text=asked()),
                    model="app",
                    created_at=at,
                ),
            ),
            findings=() if check is None else (_finding(check),),
            quality=1.0 if check is None else 0.5,
            groups=(f"content-{seed}-{number:08x}",),
        )


def fill_edits(store: Store, blobs: Blobs, count: int, *, seed: int = 0) -> None:
    """Adds pairs through the ports, as an app does; some are rated, some decided.

    Args:
        store: where they go.
        blobs: gets a few small blobs that all pairs share.
        count: how many.
        seed: another one gives other pairs.
    """
    rng = random.Random(seed + 1)
    digests = [blobs.put(rng.randbytes(4096)) for _ in range(64)]
    rated, decided = picks(rng, RATINGS), picks(rng, VERDICTS)
    stream = new_edits(count, digests, seed=seed)
    while batch := list(itertools.islice(stream, BATCH)):
        added = store.samples.add(batch)
        revisions = []
        for new, one in zip(batch, added, strict=True):
            verdict = decided()
            if verdict is not None:
                revisions.append(_revision(new, one.id, verdict))
        store.reviews.append_many([(one, standing([one])) for one in revisions])
        for new, one in zip(batch, added, strict=True):
            value = rated()
            if value is not None and one.id % RATED_OF == 0:
                at = new.captured_at
                rating = Rating(sample_id=one.id, value=value, actor="app", created_at=at)
                store.ratings.add(rating)


def _instructions(rng: random.Random) -> Callable[[], str]:
    wishes = [
        wish.format(what=what, how=how) for wish, what, how in itertools.product(WISHES, WHAT, HOW)
    ]
    rng.shuffle(wishes)
    wish = picks(rng, [(text, 1 / (rank + 4)) for rank, text in enumerate(wishes)], 1 << 16)
    form = picks(rng, POLITE)

    def asked() -> str:
        rare = f" behind number {rng.randrange(100_000)}" if rng.random() < 0.2 else ""
        return str(form().format(f"{wish()}{rare}"))

    return asked


def _picture(role: str, digest: str) -> Media:
    facts = {"width": 1024, "height": 768, "format": "jpeg", "content": digest}
    return Media(role=role, digest=digest, size=PICTURE, media_type="image/jpeg", facts=facts)


def _finding(check: str) -> Finding:
    return Finding(check=check, severity=Severity.WARNING, reason=f"it is {check}", value=0.5)


def _revision(new: NewSample, number: int, verdict: Verdict) -> Revision:
    text = new.predictions[0].text.strip()
    truths = {Verdict.ACCEPTED: text, Verdict.CORRECTED: f"{text} today"}
    return Revision(
        sample_id=number,
        verdict=verdict,
        actor="ada",
        created_at=new.added_at,
        truth=truths.get(verdict),
        shown_because="newest",
    )
