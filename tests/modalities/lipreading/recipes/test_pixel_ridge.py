"""The ridge reads real lips without an alignment, knows when it is sure, and loads as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    SettingError,
)
from truing.domain.grammar import GRID, sentence_of
from truing.domain.recipe import CanEstimate, Example, MediaFile, TrainingInput, TrainingResult
from truing.modalities.lipreading.alignment import read
from truing.modalities.lipreading.baseline import FEWEST_ROWS, pixel_ridge
from truing.modalities.lipreading.recipes.pixel_ridge import (
    PixelRidgeOptions,
    PixelRidgeReader,
    PixelRidgeRecipe,
    best_sentences,
    spread,
)

DATA = Path(__file__).parents[3] / "data" / "lipreading"
CLIPS = DATA / "grid_s1"
HELD_GROUPS = 9


@dataclass
class Context:
    """A run that asks to stop after so many slots."""

    stop_after: int = 99
    reports: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    done: tuple[int, int] = (0, 0)

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        del step
        self.reports.update(metrics)

    def progress(self, done: int, total: int) -> None:
        self.done = (done, total)

    def log(self, message: str) -> None:
        self.lines.append(message)

    def should_stop(self) -> bool:
        return self.done[0] >= self.stop_after

    def save_checkpoint(self, step: int, write: object) -> None:
        raise AssertionError(f"no checkpoint is written, and not at {step}: {write}")

    def latest_checkpoint(self) -> None:
        return None


def example(name: str, *, aligned: bool = True) -> Example:
    media = {"video": MediaFile(path=CLIPS / "mouth" / f"{name}.mp4")}
    if aligned:
        media["alignment"] = MediaFile(path=CLIPS / "align" / f"{name}.align")
    return Example(uid=name, media=media, truth=sentence_of(name).capitalize() + ".", subject="s1")


NAMES = sorted(file.stem for file in (CLIPS / "mouth").iterdir())
GROUPS = sorted({name[:4] for name in NAMES})
HELD = [name for name in NAMES if name[:4] in GROUPS[::5][:HELD_GROUPS]]
TRAIN = [example(name) for name in NAMES if name not in HELD]
TEST = [example(name, aligned=False) for name in HELD]


def train(
    folder: Path,
    examples: list[Example] = TRAIN,
    validation: list[Example] | None = None,
    context: Context | None = None,
    **options: object,
) -> TrainingResult:
    folder.mkdir()
    return PixelRidgeRecipe().train(
        TrainingInput(
            base=None,
            train=examples,
            validation=validation or [],
            replay=(),
            options=PixelRidgeOptions(**options),  # type: ignore[arg-type]
            seed=0,
            output=folder,
        ),
        context or Context(),
    )


def right(said: list[str], examples: list[Example]) -> float:
    """The share of the words that are right."""
    pairs = [
        (one, two)
        for text, example in zip(said, examples, strict=True)
        for one, two in zip(text.split(), sentence_of(example.uid).split(), strict=True)
    ]
    return sum(one == two for one, two in pairs) / len(pairs)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ridge") / "model"
    result = train(folder)
    assert result.finished
    assert result.steps == 6
    assert result.notes == ()
    return folder


class TestReading:
    def test_it_reads_held_out_clips_without_alignments(self, model: Path) -> None:
        reader = PixelRidgeReader(model, {})
        found = [reader.recognize(one.media) for one in TEST]
        score = right([one.text for one in found], TEST)
        assert score > 0.6, score
        assert score > 3 * GRID.chance
        confident = [one.confidence or 0.0 for one in found]
        assert all(0 < one <= 1 for one in confident)
        # What it is surer of is more often right.
        order = np.argsort(confident)
        half = len(order) // 2
        sure, unsure = (
            right([found[i].text for i in part], [TEST[i] for i in part])
            for part in (order[half:], order[:half])
        )
        assert sure > unsure

    def test_words_have_the_times_at_which_they_are_said(self, model: Path) -> None:
        reader = PixelRidgeReader(model, {})
        errors = []
        for one in TEST:
            words = reader.recognize(one.media).words
            told = read(CLIPS / "align" / f"{one.uid}.align")
            assert len(words) == len(told)
            starts = [word.start for word in words]
            assert starts == sorted(starts, key=lambda time: time or 0.0)
            errors += [
                abs((a.start or 0) - (b.start or 0)) for a, b in zip(words, told, strict=True)
            ]
        assert np.mean(errors) < 0.1

    def test_other_readings_are_less_likely(self, model: Path) -> None:
        found = PixelRidgeReader(model, {}).recognize(TEST[0].media)
        assert len(found.alternatives) == 5
        chances = [found.confidence, *(one.confidence for one in found.alternatives)]
        assert chances == sorted(chances, key=lambda one: -(one or 0.0))
        texts = {found.text, *(one.text for one in found.alternatives)}
        assert len(texts) == 6
        assert all(GRID.fits(text) for text in texts)
        assert [word.text for word in found.words] == found.text.split()

    def test_text_only_says_the_same_text(self, model: Path) -> None:
        whole, text = PixelRidgeReader(model, {}), PixelRidgeReader(model, {"text_only": True})
        one, two = whole.recognize(TEST[1].media), text.recognize(TEST[1].media)
        assert (two.text, two.confidence) == (one.text, one.confidence)
        assert two.words == ()
        assert two.alternatives == ()
        assert text.recognize_many([TEST[1].media] * 2)[1].text == one.text

    def test_an_alignment_beside_the_video_is_not_looked_at(
        self, model: Path, tmp_path: Path
    ) -> None:
        lie = tmp_path / "lie.align"
        lie.write_text("0 70000 nonsense\n")
        reader = PixelRidgeReader(model, {})
        media = TEST[2].media | {"alignment": MediaFile(path=lie)}
        assert reader.recognize(media).text == reader.recognize(TEST[2].media).text

    def test_a_video_without_a_face_says_nothing(
        self, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from truing.modalities.lipreading.recipes import pixel_ridge as module

        real = module.pixels_of
        monkeypatch.setattr(module, "pixels_of", lambda video: replace(real(video), seen=0.0))
        found = PixelRidgeReader(model, {}).recognize(TEST[0].media)
        assert (found.text, found.confidence, found.words) == ("", 0.0, ())

    def test_what_cannot_be_read_is_told(self, model: Path, tmp_path: Path) -> None:
        reader = PixelRidgeReader(model, {})
        with pytest.raises(InvalidInputError, match="only audio"):
            reader.recognize({"audio": MediaFile(path=tmp_path)})
        with pytest.raises(NotFoundError):
            reader.recognize({"video": MediaFile(path=tmp_path / "none")})
        with pytest.raises(InvalidInputError, match="no option `beams`"):
            PixelRidgeReader(model, {"beams": 3})
        reader.close()
        reader.close()
        with pytest.raises(InvalidInputError, match="closed"):
            reader.recognize(TEST[0].media)


class TestFolder:
    def test_it_holds_safetensors_and_a_configuration(self, model: Path) -> None:
        assert {file.name for file in model.iterdir()} == {"config.json", "model.safetensors"}
        config = json.loads((model / "config.json").read_text())
        assert config["model_type"] == "pixel-ridge"
        assert config["finder"] == "learned"
        assert config["grammar"] == GRID.as_dict()
        assert (model / "model.safetensors").stat().st_size < 3 << 20

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_a_missing_file_is_told(self, model: Path, tmp_path: Path, name: str) -> None:
        other = copied(model, tmp_path)
        (other / name).unlink()
        with pytest.raises(NotFoundError, match="not whole"):
            PixelRidgeReader(other, {})

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("config.json", b"{"),
            ("config.json", b"{}"),
            ("config.json", b'{"grammar": {}, "finder": "elsewhere"}'),
            ("model.safetensors", b"not tensors"),
        ],
    )
    def test_a_broken_file_is_told(
        self, model: Path, tmp_path: Path, name: str, content: bytes
    ) -> None:
        other = copied(model, tmp_path)
        (other / name).write_bytes(content)
        with pytest.raises(DamagedError, match="cannot be read") as told:
            PixelRidgeReader(other, {})
        assert told.value.hint


def copied(model: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(model, folder / "copy"))


class TestTraining:
    def test_figures_are_chosen_on_validation_clips(self, tmp_path: Path) -> None:
        context = Context()
        held = [example(one.uid) for one in TEST]
        result = train(tmp_path / "model", validation=held, context=context)
        assert context.done == (6, 6)
        assert set(context.reports) == {
            "validation_wer",
            *(f"validation_right_{slot.name}" for slot in GRID.slots),
        }
        reader = PixelRidgeReader(tmp_path / "model", {})
        score = right([reader.recognize(one.media).text for one in TEST], TEST)
        assert result.figures["validation_wer"] == pytest.approx(1 - score, abs=0.01)
        assert f"{len(TRAIN)} training and {len(held)} validation clips" in context.lines[0]

    def test_with_alignments_at_hand_it_reads_better(self, model: Path, tmp_path: Path) -> None:
        train(tmp_path / "model", alignment="use")
        reader = PixelRidgeReader(tmp_path / "model", {})
        aligned = [example(one.uid) for one in TEST]
        given = right([reader.recognize(one.media).text for one in aligned], aligned)
        alone = PixelRidgeReader(model, {})
        assert given >= right([alone.recognize(one.media).text for one in TEST], TEST)
        with pytest.raises(InvalidInputError, match="only clips with an alignment"):
            reader.recognize(TEST[0].media)

    def test_without_any_alignment_it_goes_by_motion(self, tmp_path: Path) -> None:
        plain = [example(one.uid, aligned=False) for one in TRAIN]
        context = Context()
        train(tmp_path / "model", plain, context=context)
        assert "0 with alignment" in context.lines[0]
        reader = PixelRidgeReader(tmp_path / "model", {})
        found = [reader.recognize(one.media) for one in TEST]
        assert right([one.text for one in found], TEST) > 2 * GRID.chance
        assert {(word.start, word.end) for one in found for word in one.words} == {(None, None)}

    def test_clips_without_alignment_learn_beside_those_with_one(self, tmp_path: Path) -> None:
        mixed = [example(one.uid, aligned=i % 2 == 0) for i, one in enumerate(TRAIN)]
        context = Context()
        assert train(tmp_path / "model", mixed, context=context).finished
        assert f"{len(mixed)} training" in context.lines[0]
        assert f"{-(-len(mixed) // 2)} with alignment" in context.lines[0]
        reader = PixelRidgeReader(tmp_path / "model", {})
        assert right([reader.recognize(one.media).text for one in TEST], TEST) > 0.5

    def test_it_stops_when_asked(self, tmp_path: Path) -> None:
        context = Context(stop_after=2)
        result = train(tmp_path / "model", TRAIN[:40], context=context, rounds=0)
        assert (result.finished, result.steps) == (False, 2)
        assert list((tmp_path / "model").iterdir()) == []

    def test_what_cannot_be_used_is_left_out_and_told(self, tmp_path: Path) -> None:
        broken = tmp_path / "broken"
        broken.write_bytes((CLIPS / "mouth" / f"{HELD[0]}.mp4").read_bytes()[:900])
        odd = [
            replace(TRAIN[0], uid="open", truth="call me back"),
            replace(TRAIN[1], uid="broken", media={"video": MediaFile(path=broken)}),
        ]
        result = train(tmp_path / "model", [*TRAIN[:50], *odd], rounds=0)
        assert len(result.notes) == 2
        assert any("`open`" in note or "open:" in note for note in result.notes)
        assert any("broken" in note for note in result.notes)

    def test_open_speech_is_refused(self, tmp_path: Path) -> None:
        texts = ["call me", "call me back later", "what is the time"]
        examples = [replace(TRAIN[i], truth=text) for i, text in enumerate(texts)]
        with pytest.raises(InvalidInputError, match="follow no grammar") as told:
            train(tmp_path / "model", examples)
        assert "visual-tcn" in (told.value.hint or "")

    def test_commands_have_a_grammar_of_their_own(self, tmp_path: Path) -> None:
        pairs = [(one, sentence_of(one.uid).split()[:2]) for one in TRAIN]
        examples = [
            replace(one, truth=" ".join(pair), media={"video": one.media["video"]})
            for one, pair in pairs
        ]
        train(tmp_path / "model", examples)
        config = json.loads((tmp_path / "model" / "config.json").read_text())
        assert [slot["name"] for slot in config["grammar"]["slots"]] == ["word 1", "word 2"]
        found = PixelRidgeReader(tmp_path / "model", {}).recognize(TEST[0].media)
        assert len(found.text.split()) == 2

    def test_nothing_to_learn_from(self, tmp_path: Path) -> None:
        with pytest.raises(NothingToDoError, match="1 training clips"):
            train(tmp_path / "model", TRAIN[:1])

    def test_a_base_is_refused(self, tmp_path: Path) -> None:
        given = TrainingInput(
            base="some/model",
            train=TRAIN,
            validation=(),
            replay=(),
            options=PixelRidgeOptions(),
            seed=0,
            output=tmp_path,
        )
        with pytest.raises(SettingError, match="takes no base model"):
            PixelRidgeRecipe().train(given, Context())

    @pytest.mark.parametrize(
        "options", [{"alignment": "maybe"}, {"components": 0}, {"rounds": 9}, {"most_rows": 1}]
    )
    def test_options_that_cannot_work(self, options: dict[str, object]) -> None:
        with pytest.raises(SettingError, match=f"`{next(iter(options))}` cannot be") as told:
            PixelRidgeOptions(**options)  # type: ignore[arg-type]
        assert told.value.hint

    def test_its_need_grows_with_the_rows(self) -> None:
        recipe = PixelRidgeRecipe()
        assert isinstance(recipe, CanEstimate)
        small = recipe.estimate(None, PixelRidgeOptions(most_rows=100))
        large = recipe.estimate(None, PixelRidgeOptions(most_rows=1000))
        assert sum(small.memory.values()) < sum(large.memory.values()) < 1 << 30
        assert dict(recipe.presets(100, None)) == {}


class TestBaseline:
    def test_it_reads_without_alignments(self) -> None:
        found = pixel_ridge(TRAIN, [example(one.uid) for one in TEST])
        assert found is not None
        assert right(found, TEST) > 0.6
        assert found == pixel_ridge(TRAIN, TEST), "alignments of test clips change nothing"

    def test_it_does_not_apply_to_open_speech_or_a_handful(self) -> None:
        speech = [replace(one, truth=f"{one.uid} is open speech") for one in TRAIN]
        assert pixel_ridge(speech, TEST) is None
        assert pixel_ridge(TRAIN[: FEWEST_ROWS - 1], TEST) is None
        assert pixel_ridge([], TEST) is None


def test_best_sentences_are_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    chances = [rng.dirichlet(np.ones(size)) for size in (3, 4, 2)]
    every = sorted(
        (float(a * b * c) ** (1 / 3) for a in chances[0] for b in chances[1] for c in chances[2]),
        reverse=True,
    )
    found = best_sentences(chances, 7)
    assert [chance for _, chance in found] == pytest.approx(every[:7])
    assert len({choice for choice, _ in found}) == 7


def test_examples_are_taken_evenly() -> None:
    assert [one.uid for one in spread(TRAIN, 3)] == [
        TRAIN[i * len(TRAIN) // 3].uid for i in range(3)
    ]
    assert spread(TRAIN, 10_000) == TRAIN
    assert spread([], 5) == []
