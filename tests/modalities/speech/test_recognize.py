"""Text from real recordings, through both runtimes, at any length."""

from __future__ import annotations

import json
import math
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile
from truing.modalities.speech.decoding import Decoded, Reading, RecognizerOptions
from truing.modalities.speech.publish import convert
from truing.modalities.speech.recognize import SpeechRecognizer, open_recognizer
from truing.modalities.speech.vocabulary import Vocabulary

CALM = {"threads": 1}
"""Tests share their machine: more threads than cores are slower."""


@pytest.fixture(scope="session")
def converted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "base"
    convert(base, folder)
    return folder


@pytest.fixture(scope="session", params=["transformers", "ctranslate2"])
def recognizer(request: pytest.FixtureRequest, base: Path, converted: Path) -> SpeechRecognizer:
    folder = base if request.param == "transformers" else converted
    return open_recognizer(str(folder), CALM)


@pytest.fixture
def phrase(digits: list[Any], tmp_path: Path) -> tuple[Path, str, list[tuple[float, float]]]:
    """Three digits of one speaker with pauses, their text, and when each is spoken."""
    chosen = [d for d in digits if d.speaker == "jackson"][3:6]
    parts: list[Any] = [np.zeros(1600)]
    spans, now = [], 0.2
    for digit in chosen:
        sound, rate = soundfile.read(digit.path)
        spans.append((now, now + len(sound) / rate))
        parts += [sound, np.zeros(800)]
        now += len(sound) / rate + 0.1
    path = tmp_path / "phrase.flac"
    soundfile.write(path, np.concatenate(parts), 8000)
    return path, " ".join(d.text for d in chosen), spans


def heard(recognizer: SpeechRecognizer, path: Path, **span: float) -> Recognition:
    return recognizer.recognize({"audio": MediaFile(path=path, **span)})


def test_digits_of_a_speaker_it_knows(recognizer: SpeechRecognizer, digits: list[Any]) -> None:
    known = [digit for digit in digits if digit.speaker == "jackson"]
    found = recognizer.recognize_many([digit.media for digit in known], batch_size=4)
    right = sum(one.text == digit.text for one, digit in zip(found, known, strict=True))
    assert right >= 9
    for one in found:
        assert one.confidence is not None
        assert 0 < one.confidence <= 1
        assert one.seconds is not None
        assert one.seconds > 0


def test_many_at_once_are_heard_as_one_by_one(
    recognizer: SpeechRecognizer, digits: list[Any]
) -> None:
    together = recognizer.recognize_many([digit.media for digit in digits[:6]], batch_size=5)
    alone = [recognizer.recognize(digit.media) for digit in digits[:6]]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.confidence for one in together] == pytest.approx(
        [one.confidence for one in alone], abs=1e-4
    )
    assert recognizer.recognize_many([]) == []


def test_words_have_their_time_and_their_doubt(
    recognizer: SpeechRecognizer, phrase: tuple[Path, str, list[tuple[float, float]]]
) -> None:
    path, text, spans = phrase
    found = heard(recognizer, path)
    assert found.text == text
    assert [word.text for word in found.words] == text.split()
    for word, (start, end) in zip(found.words, spans, strict=True):
        assert word.start is not None
        assert word.end is not None
        assert word.confidence is not None
        assert 0 < word.confidence <= 1
        assert word.start == pytest.approx(start, abs=0.3)
        assert word.end == pytest.approx(end, abs=0.3)
    for before, after in zip(found.words, found.words[1:], strict=False):
        assert (before.start or 0) <= (before.end or 0) <= (after.start or 0) + 1e-9


def test_alternatives_are_other_texts_by_confidence(
    recognizer: SpeechRecognizer, digits: list[Any]
) -> None:
    found = recognizer.recognize(digits[0].media)
    texts = [other.text for other in found.alternatives]
    assert len(texts) == 3
    assert len({found.text, *texts}) == 4
    confidences = [other.confidence or 0.0 for other in found.alternatives]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] < (found.confidence or 0.0)


def test_both_runtimes_agree(base: Path, converted: Path, digits: list[Any]) -> None:
    media = [digit.media for digit in digits]
    one, other = (
        open_recognizer(str(folder), CALM).recognize_many(media) for folder in (base, converted)
    )
    assert [found.text for found in one] == [found.text for found in other]
    for a, b in zip(one, other, strict=True):
        assert a.confidence == pytest.approx(b.confidence, abs=1e-3)
        assert [w.confidence for w in a.words] == pytest.approx(
            [w.confidence for w in b.words], abs=0.1
        )


def test_a_span_is_heard_alone(
    recognizer: SpeechRecognizer, phrase: tuple[Path, str, list[tuple[float, float]]]
) -> None:
    path, text, spans = phrase
    start, end = spans[1]
    found = heard(recognizer, path, start=start, end=end)
    assert found.text == text.split()[1]


def test_a_minute_is_heard_in_pieces(
    recognizer: SpeechRecognizer, digits: list[Any], tmp_path: Path
) -> None:
    known = [digit for digit in digits if digit.speaker == "jackson"]
    parts: list[Any] = []
    said: list[str] = []
    while sum(map(len, parts)) < 60 * 8000:
        digit = known[len(said) % len(known)]
        said.append(digit.text)
        parts += [soundfile.read(digit.path)[0], np.zeros(800)]
    path = tmp_path / "minute.flac"
    soundfile.write(path, np.concatenate(parts), 8000)
    found = heard(recognizer, path)
    from rapidfuzz.distance import Levenshtein

    assert Levenshtein.distance(said, found.text.split()) <= 0.1 * len(said)
    assert len(found.words) == len(found.text.split())
    starts = [word.start or 0.0 for word in found.words]
    assert starts == sorted(starts)
    assert 55 < starts[-1] < 62
    assert all(other.text != found.text for other in found.alternatives)


def test_silence_and_nothing_are_not_made_into_words(
    recognizer: SpeechRecognizer, tmp_path: Path
) -> None:
    for name, seconds in (("silence.flac", 1.0), ("nothing.wav", 0.0)):
        soundfile.write(tmp_path / name, np.zeros(round(seconds * 8000)), 8000)
        found = heard(recognizer, tmp_path / name)
        assert (found.text, found.confidence, found.words) == ("", None, ())


def test_less_can_be_asked_for(base: Path, converted: Path, digits: list[Any]) -> None:
    for folder in (base, converted):
        short = open_recognizer(
            str(folder), {**CALM, "num_alternatives": "0", "word_times": "false", "beam_size": 3}
        )
        found = short.recognize(digits[0].media)
        assert found.text == "zero"
        assert found.alternatives == ()
        assert [(word.text, word.start) for word in found.words] == [("zero", None)]
        brief = open_recognizer(str(folder), {**CALM, "text_only": True})
        only = brief.recognize(digits[0].media)
        assert (only.text, only.alternatives) == ("zero", ())
        assert only.confidence == pytest.approx(found.confidence)
        short.close()
        short.close()
        with pytest.raises(InvalidInputError, match="closed"):
            short.recognize(digits[0].media)


def test_media_that_is_not_there_or_broken(recognizer: SpeechRecognizer, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        heard(recognizer, tmp_path / "gone.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(DamagedError):
        heard(recognizer, tmp_path / "text.wav")
    with pytest.raises(InvalidInputError, match="`audio`"):
        recognizer.recognize({"video": MediaFile(path=tmp_path)})


class TestOpening:
    def test_a_folder_is_opened_without_the_network(
        self, base: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a folder must not need the network")

        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        monkeypatch.setattr(socket.socket, "connect", refuse)
        for folder in (base, converted):
            open_recognizer(str(folder), CALM).close()

    @pytest.mark.parametrize("name", ["nowhere", "./no/where", "/no/where/at/all", "a/b/c"])
    def test_a_folder_that_is_not_there(self, name: str) -> None:
        with pytest.raises(NotFoundError) as error:
            open_recognizer(name, {})
        assert name in error.value.message
        assert error.value.hint

    def test_a_folder_without_a_model(self, tmp_path: Path, base: Path) -> None:
        with pytest.raises(NotFoundError, match=r"config\.json"):
            open_recognizer(str(tmp_path), {})
        shutil.copy(base / "config.json", tmp_path)
        with pytest.raises(NotFoundError, match=r"safetensors"):
            open_recognizer(str(tmp_path), {})
        shutil.copy(base / "model.safetensors", tmp_path)
        with pytest.raises(NotFoundError, match=r"tokenizer\.json"):
            open_recognizer(str(tmp_path), {})

    def test_another_kind_of_model(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
        with pytest.raises(InvalidInputError, match="`bert`"):
            open_recognizer(str(tmp_path), {})

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
    def test_rotten_files(self, base: Path, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "model"
        shutil.copytree(base, folder)
        (folder / name).write_bytes(b"\x00rotten")
        with pytest.raises(DamagedError) as error:
            open_recognizer(str(folder), {})
        assert error.value.hint

    def test_rotten_ctranslate2_weights(self, converted: Path, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        shutil.copytree(converted, folder)
        (folder / "model.bin").write_bytes(b"\x00rotten")
        with pytest.raises(DamagedError):
            open_recognizer(str(folder), {})

    @pytest.mark.parametrize(("missing", "extra"), [("torch", "train"), ("transformers", "train")])
    def test_without_the_extra_for_training(
        self, base: Path, missing: str, extra: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, missing, None)
        with pytest.raises(MissingDependencyError, match=missing) as error:
            open_recognizer(str(base), {})
        assert f"truing[{extra}]" in str(error.value.hint)

    def test_without_the_extra_for_serving(
        self, converted: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "ctranslate2", None)
        with pytest.raises(MissingDependencyError, match="ctranslate2") as error:
            open_recognizer(str(converted), {})
        assert "truing[serve-models]" in str(error.value.hint)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"beams": 3}, "beam_size"),
            ({"beam_size": 0}, "beam_size"),
            ({"word_times": "perhaps"}, "word_times"),
            ({"language": "de"}, "English only"),
        ],
    )
    def test_options_that_make_no_sense(
        self, base: Path, options: dict[str, object], words: str
    ) -> None:
        with pytest.raises(InvalidInputError) as error:
            open_recognizer(str(base), options)
        assert words in f"{error.value.message} {error.value.hint}"

    def test_a_device_that_is_not_there(self, base: Path) -> None:
        with pytest.raises(UnavailableError, match="`tpu`"):
            open_recognizer(str(base), {"device": "tpu"})


class TestRealShapes:
    """30 s of input and OpenAI's whole vocabulary, with random weights."""

    @pytest.fixture
    def sound(self, tmp_path: Path) -> Path:
        path = tmp_path / "noise.flac"
        rng = np.random.default_rng(1)
        soundfile.write(path, 0.1 * rng.standard_normal(16_000), 16_000)
        return path

    def both(self, folder: Path, sound: Path, tmp_path: Path, **options: Any) -> list[Recognition]:
        convert(folder, tmp_path / "converted")
        found = []
        for place in (folder, tmp_path / "converted"):
            recognizer = open_recognizer(str(place), {**CALM, "num_alternatives": 0, **options})
            assert recognizer.seconds == 30.0
            found.append(heard(recognizer, sound))
            recognizer.close()
        return found

    def test_the_shape_of_distil_small_en(
        self, distilled: Path, sound: Path, tmp_path: Path
    ) -> None:
        ours, theirs = self.both(distilled, sound, tmp_path)
        assert ours.text == theirs.text != ""
        assert [w.confidence for w in ours.words] == pytest.approx(
            [w.confidence for w in theirs.words], rel=0.2
        )
        assert all(0 <= (w.start or 0) <= (w.end or 0) <= 1.0 for w in ours.words)

        from faster_whisper import WhisperModel

        model = WhisperModel(str(tmp_path / "converted"), device="cpu", cpu_threads=1)
        segments, _ = model.transcribe(
            str(sound), beam_size=1, temperature=0, max_new_tokens=8, language="en"
        )
        assert next(iter(segments)).tokens

    def test_many_languages(self, many_languages: Path, sound: Path, tmp_path: Path) -> None:
        detected = self.both(many_languages, sound, tmp_path / "a")
        assert detected[0].text == detected[1].text != ""
        german = self.both(many_languages, sound, tmp_path / "b", language="german")
        assert german[0].text == german[1].text != ""
        with pytest.raises(InvalidInputError, match="`klingon`"):
            open_recognizer(str(many_languages), {"language": "klingon"})
        with pytest.raises(InvalidInputError, match="`sing`"):
            open_recognizer(str(many_languages), {"language": "de", "task": "sing"})


class Scripted:
    """A runtime that says what it is told, piece by piece; the seam both real ones sit behind."""

    seconds = 2.0

    def __init__(self, vocabulary: Vocabulary, script: list[Decoded]) -> None:
        self.vocabulary, self._script = vocabulary, script

    def decode(self, sounds: Sequence[Any]) -> list[Decoded]:
        return [self._script.pop(0) for _ in sounds]

    def close(self) -> None:
        self._script.clear()


class TestAssembling:
    """What becomes of several pieces, and of sound in which nobody speaks."""

    @pytest.fixture
    def words(self, base: Path) -> Mapping[str, int]:
        tokenizer = Vocabulary(base, 506)._tokenizer
        return {word: tokenizer.token_to_id(f"Ġ{word}") for word in ("one", "two", "six", "nine")}

    def told(self, base: Path, tmp_path: Path, script: list[Decoded]) -> Recognition:
        path = tmp_path / "noise.wav"
        rng = np.random.default_rng(0)
        seconds = 1.0 if len(script) == 1 else 1.3 * len(script)
        soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * 16_000)), 16_000)
        runtime = Scripted(Vocabulary(base, 506), script)
        return heard(SpeechRecognizer(runtime, RecognizerOptions()), path)

    def reading(self, *tokens: int, confidence: float) -> Reading:
        return Reading(tokens=tokens, logprob=math.log(confidence) * (len(tokens) + 1))

    def test_nobody_speaks_when_the_model_doubts_both(
        self, base: Path, tmp_path: Path, words: Mapping[str, int]
    ) -> None:
        for confidence, no_speech, text in ((0.2, 0.9, ""), (0.9, 0.9, "one"), (0.2, 0.1, "one")):
            reading = self.reading(words["one"], confidence=confidence)
            said = Decoded(best=reading, probabilities=(confidence,), no_speech=no_speech)
            assert self.told(base, tmp_path, [said]).text == text

    def test_alternatives_of_a_long_recording_change_one_piece_each(
        self, base: Path, tmp_path: Path, words: Mapping[str, int]
    ) -> None:
        one, two, six, nine = (words[name] for name in ("one", "two", "six", "nine"))
        script = [
            Decoded(
                best=self.reading(one, confidence=0.9),
                probabilities=(0.9,),
                others=(
                    self.reading(one, confidence=0.9),
                    self.reading(nine, confidence=0.3),
                ),
            ),
            Decoded(
                best=self.reading(six, two, confidence=0.8),
                probabilities=(0.9, 0.6),
                others=(self.reading(two, two, confidence=0.7),),
            ),
        ]
        found = self.told(base, tmp_path, script)
        assert found.text == "one six two"
        assert found.confidence == pytest.approx((0.9**2 * 0.8**3) ** (1 / 5))
        assert [other.text for other in found.alternatives] == ["one two two", "nine six two"]
        assert [word.confidence for word in found.words] == [0.9, 0.9, 0.6]
        assert {word.start for word in found.words} == {None}


class TestConfidenceIn:
    """What a model thinks of a text it did not say."""

    def test_its_own_text_is_as_likely_as_it_said(
        self, recognizer: SpeechRecognizer, digits: list[Any]
    ) -> None:
        known = [digit for digit in digits if digit.speaker == "jackson"][:6]
        for digit in known:
            said = recognizer.recognize(digit.media)
            own = recognizer.confidence_in(digit.media, said.text)
            assert own is not None
            assert said.confidence is not None
            # CTranslate2 leaves the end out, and other writings of a text may be likelier.
            assert own >= said.confidence - 0.05
            assert own <= 1.0

    def test_another_text_is_far_less_likely_however_it_is_written(
        self, recognizer: SpeechRecognizer, digits: list[Any]
    ) -> None:
        digit = next(digit for digit in digits if digit.speaker == "jackson" and digit.text)
        own = recognizer.confidence_in(digit.media, digit.text)
        assert own is not None
        for wrong in ("two three", "TWO THREE", "Two three."):
            other = recognizer.confidence_in(digit.media, wrong)
            assert other is not None
            assert other < 0.5 * own
        assert recognizer.confidence_in(digit.media, f" {digit.text.upper()} ") == own

    def test_no_text_silence_and_long_sound_have_none(
        self, recognizer: SpeechRecognizer, digits: list[Any], tmp_path: Path
    ) -> None:
        assert recognizer.confidence_in(digits[0].media, "  ") is None
        quiet, long = tmp_path / "quiet.wav", tmp_path / "long.wav"
        soundfile.write(quiet, np.zeros(8_000), 8_000)
        sound, rate = soundfile.read(digits[0].path)
        soundfile.write(long, np.tile(sound, 20), rate)
        assert recognizer.confidence_in({"audio": MediaFile(path=quiet)}, "one") is None
        assert recognizer.confidence_in({"audio": MediaFile(path=long)}, "one") is None
