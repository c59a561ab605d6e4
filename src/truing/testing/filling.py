"""Fills a store with many samples as years of use leave them: for benchmarks and tests of size.

The same number of rows and seed give the same samples. Words follow Zipf's law, so that there are
very common and very rare ones; likewise speakers, findings and states. The media are references to
a few shared blobs: what grows is the database.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.clock import MICROSECONDS
from truing.domain.consent import OWN_USE
from truing.domain.finding import Finding, Severity
from truing.domain.ids import uuid7
from truing.domain.media import Media
from truing.domain.prediction import Prediction, PredictionKind, Recognition, Word
from truing.domain.review import Revision, Verdict, standing
from truing.domain.sample import NewSample, Sampling

if TYPE_CHECKING:
    from truing.domain.ports import Blobs, Store
    from truing.workspace import Workspace

START = 1_600_000_000 * MICROSECONDS
"""2020-09-13T12:26:40Z, when the first sample was captured."""
APART = 90 * MICROSECONDS
"""Between two samples: a million are not quite three years."""
BATCH = 2_000
SITTING = 50
"""Samples of one sitting."""
SPEAKERS = (("ada", 700), ("bob", 200), ("carol", 70), ("dan", 20), ("eve", 9), (None, 1))
SOURCES = (("app", 75), ("s2s", 20), ("audiofolder", 5))
SAMPLINGS = ((Sampling.CHOSEN, 60), (Sampling.WHOLESALE, 30), (Sampling.AUDIT, 10))
FINDINGS = ((None, 9_000), ("clipped", 700), ("quiet", 280), ("short", 19), ("damaged", 1))
VERDICTS = (
    (None, 30),
    (Verdict.ACCEPTED, 45),
    (Verdict.CORRECTED, 18),
    (Verdict.REJECTED, 5),
    (Verdict.SKIPPED, 2),
)
COMMON = (
    "the of and to a in is it you that he was for on are with as his they be at one have this "
    "from or had by hot word but what some we can out other were all there when up use your how "
    "said an each she which do their time if will way about many then them write would like so "
    "these her long make thing see him two has look more day could go come did number sound no "
    "most people my over know water than call first who may down side been now find any new work "
    "part take get place made live where after back little only round man year came show every "
    "good me give our under name very through just form sentence great think say help low line "
    "differ turn cause much mean before move right boy old too same tell does set three want air "
    "well also play small end put home read hand port large spell add even land here must big "
    "high such follow act why ask men change went light kind off need house picture try us again "
    "animal point mother world near build self earth father head stand own page should country "
    "found answer school grow study still learn plant cover food sun four between state keep eye "
    "never last let thought city tree cross farm hard start might story saw far sea draw left "
    "late run while press close night real life few north open seem together next white children "
    "begin got walk example ease paper group always music those both mark often letter until mile "
    "river car feet care second book carry took science eat room friend began idea fish mountain "
    "stop once base hear horse cut sure watch color face wood main enough plain girl usual young "
    "ready above ever red list though feel talk bird soon body dog family direct pose leave song"
)
SYLLABLES = (
    "ba",
    "den",
    "fi",
    "go",
    "har",
    "ka",
    "lo",
    "mer",
    "nu",
    "por",
    "ri",
    "sta",
    "ti",
    "wen",
)


def vocabulary(rare: int = 20_000) -> list[str]:
    """Words from the most common to the rarest."""
    made = map("".join, itertools.product(SYLLABLES, repeat=4))
    return [*COMMON.split(), *itertools.islice(made, rare)]


def new_samples(count: int, digests: Sequence[str], *, seed: int = 0) -> Iterator[NewSample]:
    """Samples in the order they were captured.

    Args:
        count: how many.
        digests: of the blobs they share.
        seed: another one gives other samples.
    """
    rng = random.Random(seed)
    words = vocabulary()
    spoken = picks(rng, [(word, 1 / (rank + 3)) for rank, word in enumerate(words)], 1 << 16)
    people, places = picks(rng, SPEAKERS), picks(rng, SOURCES)
    drawn, found = picks(rng, SAMPLINGS), picks(rng, FINDINGS)
    speaker, source, session = people(), places(), ""
    for number in range(count):
        if number % SITTING == 0:
            speaker, source = people(), places()
            session = f"{source}-{number // SITTING}"
        at = START + number * APART + rng.randrange(APART)
        check = found()
        digest = digests[rng.randrange(len(digests))]
        yield NewSample(
            uid=uuid7(at // 1000, rng.getrandbits(74)),
            modality="speech",
            salt=f"{rng.getrandbits(128):032x}",
            source=source,
            source_key=None if source == "app" else f"row-{number}",
            captured_at=at,
            added_at=at + MICROSECONDS,
            consent=OWN_USE,
            sampling=drawn(),
            subject=speaker,
            session=session,
            context={"app": "dictation"},
            media=(_audio(digest, rng, number),),
            predictions=tuple(_said(rng, spoken, at)),
            findings=() if check is None else (_finding(check),),
            quality=1.0 if check is None else round(rng.random(), 3),
            groups=(f"content-{seed}-{number:08x}",),
        )


def picks(rng: random.Random, weighted: Sequence[tuple[Any, float]], size: int = 4096) -> Any:  # noqa: ANN401
    """A function that picks by weight: from a table, since `choices` is slow one at a time."""
    names, weights = zip(*weighted, strict=True)
    table = rng.choices(names, weights, k=size)
    return lambda: table[int(rng.random() * size)]


def _audio(digest: str, rng: random.Random, number: int) -> Media:
    duration = round(1 + rng.random() * 6, 3)
    facts = {"duration": duration, "sample_rate": 16_000, "channels": 1, "content": f"c{number}"}
    return Media(role="audio", digest=digest, size=4096, media_type="audio/flac", facts=facts)


def _said(rng: random.Random, spoken: Callable[[], str], at: int) -> Iterator[Prediction]:
    words = [spoken() for _ in range(4 + int(rng.random() * 8))]
    sure = None if rng.random() < 0.05 else round(1 - rng.random() ** 2 * 0.8, 4)
    timed = tuple(
        Word(text=word, start=place * 0.4, end=place * 0.4 + 0.35, confidence=sure)
        for place, word in enumerate(words)
    )
    recognition = Recognition(text=" ".join(words), confidence=sure, words=timed, seconds=0.4)
    kind, model = PredictionKind.RECOGNIZER, f"speech/{(at - START) // (APART * 200_000) + 1}"
    yield Prediction(kind=kind, recognition=recognition, model=model, created_at=at)
    if rng.random() < 0.3:
        corrected = Recognition(text=" ".join(words).capitalize())
        yield Prediction(kind=PredictionKind.CORRECTOR, recognition=corrected, created_at=at)


def _finding(check: str) -> Finding:
    severity = Severity.BLOCKING if check == "damaged" else Severity.WARNING
    return Finding(check=check, severity=severity, reason=f"the sound is {check}", value=0.03)


def fill(
    store: Store,
    blobs: Blobs,
    count: int,
    *,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Adds reviewed and unreviewed samples through the ports, as an import does.

    Args:
        store: where they go.
        blobs: gets a few small blobs that all samples share.
        count: how many samples.
        seed: another one gives other samples.
        on_progress: told how many there are, after each batch.
    """
    rng = random.Random(seed + 1)
    digests = [blobs.put(rng.randbytes(4096)) for _ in range(64)]
    decided, trained = picks(rng, VERDICTS), picks(rng, ((True, 1), (False, 1)))
    stream = new_samples(count, digests, seed=seed)
    done = 0
    while batch := list(itertools.islice(stream, BATCH)):
        added = store.samples.add(batch)
        revisions = []
        used = []
        for new, one in zip(batch, added, strict=True):
            verdict = decided()
            if verdict is None:
                continue
            revisions.append(_revision(new, one.id, verdict))
            if verdict in (Verdict.ACCEPTED, Verdict.CORRECTED) and trained():
                used.append(one.uid)
        store.reviews.append_many([(one, standing([one])) for one in revisions])
        store.samples.mark_trained(used)
        done += len(batch)
        on_progress(done)


def _revision(new: NewSample, number: int, verdict: Verdict) -> Revision:
    text = new.predictions[-1].text
    truths = {Verdict.ACCEPTED: text, Verdict.CORRECTED: f"{text} indeed"}
    return Revision(
        sample_id=number,
        verdict=verdict,
        actor="ada",
        created_at=new.added_at,
        truth=truths.get(verdict),
        shown_because="newest",
        seconds=4.0,
        keys=3,
    )


@contextmanager
def filled_workspace(count: int, folder: Path | None = None) -> Iterator[Workspace]:
    """A workspace with that many samples.

    Args:
        count: how many samples.
        folder: filled when it is not there, and kept; a temporary one when left out.
    """
    from truing.workspace import Workspace

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        place = folder or Path(temporary) / "workspace"
        if place.is_dir():
            workspace = Workspace.open(place)
        else:
            workspace = Workspace.create(place)
            fill(workspace.store, workspace.blobs, count)
        with workspace:
            yield workspace
