"""What every store must do with the trash, the memory of what was forgotten, and names."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import pytest

from truing.domain.erasure import Erasure, Forgotten, Memory, keyed_digest
from truing.domain.errors import ConflictError
from truing.domain.event import Event
from truing.domain.ports import Store
from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder
from truing.testing.factories import (
    START,
    make_media,
    make_model,
    make_promotion,
    make_request,
    make_revision,
    make_sample,
    make_standing,
)


class TrashConformance:
    """Tests of `Trash`; see `store_conformance`."""

    def test_the_trash_is_left_out_unless_it_is_asked_for(self, store: Store) -> None:
        added = store.samples.add(
            [make_sample(text=f"marzipan {number}", subject="ada") for number in range(4)]
        )
        numbers = [one.id for one in added]
        assert store.trash.put(numbers[:2], at=START, actor="ada") == numbers[:2]
        assert store.trash.put(numbers[:3], at=START, actor="ada") == numbers[2:3]
        assert store.trash.put([99], at=START, actor="ada") == []
        for where in (
            SampleFilter(),
            SampleFilter(subject="ada"),
            SampleFilter(text="marzipan"),
            SampleFilter(text="marz", subject="ada"),
        ):
            assert store.samples.count(where) == 1
            assert [one.id for one in store.samples.iterate(where)] == numbers[3:]
            for order in SampleOrder:
                page = store.samples.page(where, order)
                assert [one.id for one in page.items] == numbers[3:]
        asked = SampleFilter(states=(State.TRASHED,))
        assert store.samples.count(asked) == 3
        assert [one.id for one in store.samples.iterate(asked)] == numbers[:3]
        assert store.samples.get(numbers[0]).state is State.TRASHED
        assert store.samples.state_counts()["trashed"] == 3
        assert [line for line in store.check() if "3.51.3" not in line] == []

    def test_what_comes_back_stands_as_its_revisions_say(self, store: Store) -> None:
        one, two = (added.id for added in store.samples.add([make_sample(), make_sample()]))
        given = make_revision(one, "truth")
        kept = store.reviews.append(given, make_standing(given), expected=0)
        before = [store.samples.get(one), store.samples.get(two)]
        store.trash.put([one, two], at=START, actor="ada")
        assert store.trash.take_back([two, one, 99]) == [one, two]
        assert [store.samples.get(one), store.samples.get(two)] == before
        assert store.samples.get(one).revision == kept.id
        assert store.trash.take_back([one]) == []
        assert store.trash.count() == 0

    def test_nothing_is_decided_in_the_trash(self, store: Store) -> None:
        number = store.samples.add([make_sample()])[0].id
        store.trash.put([number], at=START, actor="ada")
        given = make_revision(number)
        with pytest.raises(ConflictError, match="trash"):
            store.reviews.append(given, make_standing(given), expected=0)
        assert store.reviews.append_many([(given, make_standing(given))]) == [None]
        assert store.samples.get(number).state is State.TRASHED

    def test_the_trash_is_listed_newest_first_and_due_oldest_first(self, store: Store) -> None:
        numbers = [one.id for one in store.samples.add([make_sample() for _ in range(6)])]
        for place, number in enumerate(numbers):
            store.trash.put([number], at=START + place // 2, actor=f"actor {place}")
        first = store.trash.page(limit=4)
        assert [one.sample_id for one in first] == numbers[:1:-1]
        assert first[0].actor == "actor 5"
        assert [one.sample_id for one in store.trash.page(before=first[-1])] == numbers[1::-1]
        assert store.trash.due(START + 1) == numbers[:4]
        assert store.trash.due(START + 1, limit=3) == numbers[:3]
        assert store.trash.due(START - 1) == []
        store.samples.erase(numbers[:2])
        assert store.trash.count() == 4

    def test_trained_samples_in_the_trash_are_not_counted(self, store: Store) -> None:
        added = store.samples.add([make_sample() for _ in range(3)])
        store.samples.mark_trained([one.uid for one in added[:2]])
        store.trash.put([added[0].id], at=START, actor="ada")
        assert store.samples.state_counts()["trained"] == 1
        assert store.samples.count(SampleFilter(trained=True)) == 1
        store.samples.erase([added[0].id])
        assert store.samples.state_counts()["trained"] == 1


class ErasureConformance:
    """Tests of `Erasures`, `needed_blobs` and `rename_subject`; see `store_conformance`."""

    def test_what_was_forgotten_is_remembered_once(self, store: Store) -> None:
        key = "ab" * 32
        new = [
            Erasure(
                kind=Forgotten.SUBJECT,
                key=key,
                mac=keyed_digest(key, Forgotten.SUBJECT, name),
                at=START + number,
                number=number,
            )
            for number, name in enumerate(("ada", "ben", "نور"), 1)
        ]
        store.erasures.add(new[:2])
        store.erasures.add(new)
        store.erasures.add([])
        assert store.erasures.all() == new
        memory = Memory(store.erasures.all())
        found = memory.find(Forgotten.SUBJECT, "نور")
        assert found is not None
        assert found.number == memory.last_number == 3
        assert memory.find(Forgotten.SAMPLE, "ada") is None

    def test_blobs_that_are_needed(self, store: Store) -> None:
        media = [make_media(digest=f"sha256:{number:064x}") for number in range(3)]
        added = store.samples.add([make_sample(media=(one,)) for one in media])
        digests = [one.digest for one in media]
        assert store.samples.needed_blobs([*digests, f"sha256:{9:064x}"]) == set(digests)
        store.samples.erase([added[0].id])
        assert store.samples.needed_blobs(digests) == set(digests[1:])
        assert store.samples.needed_blobs([]) == set()

    @pytest.mark.parametrize("name", ["ada", "test", 'Zoë "the voice"', "50%_off"])
    def test_a_name_is_replaced_where_it_is_one(self, store: Store, name: str) -> None:
        audience = f"subject:{name}"
        number = store.samples.add(
            [
                make_sample(
                    text=f"{name} said so", subject="ben", context={"with": [name, f"{name}s"]}
                )
            ]
        )[0].id
        store.runs.add("run", make_request(audience=audience, options={"test": name}), START)
        store.models.add(make_model(1, audience=audience))
        store.models.add(make_model(2))
        given = make_promotion("speech/1", audience=audience, reason=f"for {name}: better")
        store.models.promote(given, expected=None)
        store.models.promote(make_promotion("speech/2"), expected=None)
        data = {"audience": audience, "split": "test"}
        store.events.add(Event(kind="promoted", at=START, actor="ben", data=data))

        told = store.rename_subject(name, "forgotten-1", everywhere=True)

        assert told.champions == ("speech/1",)
        assert told.samples == 1
        assert store.models.champion("speech", audience) is None
        assert store.models.champion("speech", "general") == "speech/2"
        assert store.models.promotions("speech", audience) == []
        (moved,) = store.models.promotions("speech", "subject:forgotten-1")
        assert moved.reason == "for forgotten-1: better"
        assert [one.audience for one in store.models.all()].count("subject:forgotten-1") == 1
        (run,) = store.runs.all()
        assert run.request.audience == "subject:forgotten-1"
        (event,) = store.events.all()
        assert event.data == {"audience": "subject:forgotten-1", "split": "test"}
        sample = store.samples.get(number)
        assert sample.context == {"with": ["forgotten-1", f"{name}s"]}
        assert sample.proposal == f"{name} said so"
        again = store.rename_subject(name, "forgotten-1", everywhere=True)
        assert (again.champions, again.samples) == ((), 0)
