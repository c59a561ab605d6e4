import itertools
import logging
import threading
import time

import pytest

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    MissingDependencyError,
    UnavailableError,
)


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def sound(number):
    """A short sound that no other number has."""
    import numpy as np

    return np.full(160, number, dtype=np.int16), 16000


def test_a_new_champion_is_loaded_beside_and_takes_over(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)
    stage.may_load.clear()
    stage.promote("speech/2")

    assert [recognizer.transcribe(digit).model for _ in range(3)] == ["speech/1"] * 3
    stage.may_load.set()
    until(lambda: recognizer.model == "speech/2")

    assert recognizer.transcribe(digit).model == "speech/2"
    until(lambda: stage.in_memory == ["speech/2"])


def test_refresh_waits_until_the_new_champion_is_in_use(make, stage):
    recognizer = make()
    assert recognizer.refresh() == "speech/1"
    stage.load_seconds = 0.1
    stage.promote("speech/2")

    assert recognizer.refresh() == "speech/2"
    assert recognizer.refresh() == "speech/2"
    assert [model.ref for model in stage.opened] == ["speech/1", "speech/2"]


def test_a_model_still_answering_is_closed_only_afterwards(make, stage, digit):
    recognizer = make()
    recognizer.refresh()
    stage.may_answer.clear()
    said = []
    thread = threading.Thread(target=lambda: said.append(recognizer.transcribe(digit)))
    thread.start()
    assert stage.asked.wait(60)
    stage.promote("speech/2")
    assert recognizer.refresh() == "speech/2"
    assert stage.in_memory == ["speech/1", "speech/2"]
    stage.may_answer.set()
    thread.join()

    assert said[0].model == "speech/1"
    until(lambda: stage.in_memory == ["speech/2"])


def test_swapping_under_load_loses_no_utterance(make, stage, keeper):
    recognizer = make(capture=keeper)
    stage.seconds, stage.load_seconds = 0.002, 0.02
    answers, numbers = {}, itertools.count(1)
    taking, enough = threading.Lock(), threading.Event()

    def speak():
        while not enough.is_set():
            with taking:
                number = next(numbers)
            answers[number] = recognizer.transcribe(sound(number), context={"number": number})

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(1, 7):
        ref = f"speech/{version}"
        until(lambda: [one.model for one in [*answers.values()]].count(ref) >= 20)  # noqa: B023
        if version < 6:
            stage.promote(f"speech/{version + 1}")
    enough.set()
    for thread in threads:
        thread.join()

    assert sorted(answers) == list(range(1, len(answers) + 1))
    assert {said.model for said in answers.values()} == {f"speech/{one}" for one in range(1, 7)}
    for number, said in answers.items():
        sample = keeper.sample(said)
        assert sample.context == {"number": number}
        assert sample.raw.model == said.model
        assert said.text == f"{said.model} {sample.media[0].digest}"
    assert keeper.store.check() == []
    recognizer.refresh()
    until(lambda: stage.in_memory == [recognizer.model])


def test_the_first_utterances_at_once_load_the_model_once(make, stage):
    recognizer = make()
    stage.load_seconds = 0.05
    threads = [threading.Thread(target=recognizer.transcribe, args=(sound(n),)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(stage.opened) == 1
    assert len(stage.heard) == 5


def test_closing_during_a_swap_frees_both(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)
    stage.load_seconds = 0.2
    stage.promote("speech/2")
    recognizer.transcribe(digit)
    recognizer.close()

    assert stage.in_memory == []
    assert len(stage.opened) == 2


def test_a_model_that_cannot_be_closed_does_not_harm_the_next(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)
    stage.close_faults["speech/1"] = RuntimeError("stuck")
    stage.promote("speech/2")

    assert recognizer.refresh() == "speech/2"
    assert stage.fallbacks == []


# --- errors -------------------------------------------------------------------------------------


def test_a_failing_champion_costs_no_utterance_and_falls_back(make, stage, digit, caplog):
    stage.promote("speech/2")
    stage.faults["speech/2"] = RuntimeError("secret words")
    recognizer = make(errors_before_fallback=3)

    with caplog.at_level(logging.WARNING):
        answers = [recognizer.transcribe(digit) for _ in range(4)]

    assert [said.model for said in answers] == ["speech/1"] * 4
    assert stage.fallbacks == [("speech/2", "3 errors in a row: RuntimeError")]
    assert stage.champion() == "speech/1"
    assert [ref for ref, _ in stage.heard].count("speech/2") == 3
    until(lambda: stage.in_memory == ["speech/1"])
    assert "speech/2 raised RuntimeError" in caplog.text
    assert "secret words" not in caplog.text


def test_the_error_count_starts_again_after_an_answer(make, stage, digit):
    stage.promote("speech/2")
    recognizer = make(errors_before_fallback=3)
    for _ in range(3):
        stage.faults["speech/2"] = RuntimeError("now and then")
        assert [recognizer.transcribe(digit).model for _ in range(2)] == ["speech/1"] * 2
        stage.faults.clear()
        assert recognizer.transcribe(digit).model == "speech/2"
        assert stage.in_memory == ["speech/2"]

    assert stage.fallbacks == []


def test_without_a_stand_in_the_first_errors_reach_the_app(make, stage, digit):
    stage.promote("speech/2")
    stage.faults["speech/2"] = RuntimeError("no")
    recognizer = make(errors_before_fallback=3, stands_in=False)

    for _ in range(2):
        with pytest.raises(UnavailableError, match="`speech/2` could not answer"):
            recognizer.transcribe(digit)
    assert recognizer.transcribe(digit).model == "speech/1"


def test_without_a_previous_champion_the_error_is_explained(make, stage, digit):
    stage.faults["speech/1"] = ValueError("bad shape")
    recognizer = make(errors_before_fallback=1)

    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            recognizer.transcribe(digit)
        assert caught.value.message == (
            "the model `speech/1` could not answer: ValueError: bad shape"
        )
        assert "truing rollback" in caught.value.hint
    stage.faults.clear()
    assert recognizer.transcribe(digit).model == "speech/1"


def test_when_both_fail_the_error_names_the_one_that_stood_in(make, stage, digit):
    stage.promote("speech/2")
    stage.faults = {"speech/1": ValueError("a"), "speech/2": ValueError("b")}

    with pytest.raises(UnavailableError, match="`speech/1` could not answer: ValueError: a"):
        make().transcribe(digit)


def test_media_the_model_cannot_decode_is_not_its_fault(make, stage, digit):
    stage.promote("speech/2")
    stage.faults["speech/2"] = DamagedError("cut short", hint="record again")
    recognizer = make(errors_before_fallback=1)

    with pytest.raises(DamagedError, match="cut short"):
        recognizer.transcribe(digit)
    assert stage.fallbacks == []


def test_many_threads_failing_at_once_fall_back_once_and_all_are_answered(make, stage):
    stage.promote("speech/2")
    stage.faults["speech/2"] = RuntimeError("no")
    stage.seconds, stage.load_seconds = 0.002, 0.02
    recognizer = make(errors_before_fallback=3)
    answers = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.extend(
                recognizer.transcribe(sound(n * 10 + m)) for m in range(10)
            )
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 40
    assert {said.model for said in answers} == {"speech/1"}
    assert len(stage.fallbacks) == 1
    until(lambda: stage.in_memory == ["speech/1"])


def test_a_new_champion_that_cannot_be_loaded_is_given_up_at_once(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)
    stage.load_faults["speech/2"] = DamagedError("torn weights", hint="train again")
    stage.promote("speech/2")

    assert recognizer.refresh() == "speech/1"
    assert stage.fallbacks == [("speech/2", "cannot be loaded: DamagedError")]
    assert recognizer.transcribe(digit).model == "speech/1"


def test_a_champion_that_cannot_be_loaded_at_the_start_gives_way_to_the_one_before(
    make, stage, digit
):
    stage.promote("speech/2")
    stage.promote("speech/3")
    stage.load_faults = {"speech/3": RuntimeError("x"), "speech/2": DamagedError("y")}

    assert make().transcribe(digit).model == "speech/1"
    assert [ref for ref, _ in stage.fallbacks] == ["speech/3", "speech/2"]


def test_the_last_of_the_line_that_cannot_be_loaded_is_the_error(make, stage, digit):
    stage.load_faults["speech/1"] = DamagedError("torn weights", hint="train again")

    with pytest.raises(DamagedError, match="torn weights"):
        make().transcribe(digit)


def test_a_missing_package_is_no_ground_for_demoting_a_model(make, stage, digit):
    stage.promote("speech/2")
    stage.load_faults["speech/2"] = MissingDependencyError("no torch", hint="pip install")
    recognizer = make()

    with pytest.raises(MissingDependencyError):
        recognizer.transcribe(digit)
    assert stage.fallbacks == []


def test_a_model_this_machine_cannot_load_now_is_tried_again_later(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)
    tries = []

    def open_model(ref, real=stage.open_model):
        tries.append(ref)
        return real(ref)

    stage.load_faults["speech/2"] = MemoryError()
    stage.promote("speech/2")
    object.__setattr__(recognizer._bench._champions, "open_model", open_model)
    for _ in range(20):
        assert recognizer.transcribe(digit).model == "speech/1"
        until(lambda: recognizer._bench._loading is None)
    assert tries == ["speech/2"]
    assert stage.fallbacks == []

    stage.load_faults.clear()
    assert recognizer.refresh() == "speech/2"


def test_a_store_that_cannot_tell_the_champion_costs_no_utterance(make, stage, digit):
    recognizer = make()
    recognizer.transcribe(digit)

    def busy():
        raise UnavailableError("database is locked", hint="wait")

    object.__setattr__(recognizer._bench._champions, "champion", busy)

    assert recognizer.transcribe(digit).model == "speech/1"


def test_a_fallback_that_cannot_be_recorded_is_an_error_and_is_tried_again(make, stage, digit):
    stage.promote("speech/2")
    stage.faults["speech/2"] = RuntimeError("no")
    recognizer = make(errors_before_fallback=1)

    def full(ref, reason):
        raise UnavailableError("the disk is full", hint="free some space")

    object.__setattr__(recognizer._bench._champions, "fallback", full)
    with pytest.raises(UnavailableError, match="`speech/2` could not answer: RuntimeError"):
        recognizer.transcribe(digit)

    object.__setattr__(recognizer._bench._champions, "fallback", stage.fallback)
    assert recognizer.transcribe(digit).model == "speech/1"


def test_a_closed_recognizer_says_so(make):
    recognizer = make()
    recognizer.close()

    with pytest.raises(ConflictError, match="the recognizer is closed"):
        recognizer.refresh()
