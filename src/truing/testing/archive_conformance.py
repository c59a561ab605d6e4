"""What every store must do with samples that leave for an archive, and with their media."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from truing.domain.archive import Archive
from truing.domain.errors import ConflictError, DamagedError, NotFoundError
from truing.domain.ports import Store
from truing.domain.review import standing
from truing.domain.sample import SampleFilter
from truing.testing.factories import START, make_media, make_revision, make_sample
from truing.testing.rating_conformance import make_rating

ADDRESS = "zoë@example.org"


def make_archive(name: str = "old", samples: int = 1) -> Archive:
    """An archive by Ada."""
    return Archive(
        name=name,
        place=Path(f"/archives/{name}.tar"),
        digest=f"sha256:{0:064x}",
        created_at=START,
        actor="ada",
        samples=samples,
        size=10,
        media_bytes=20,
    )


def stored(store: Store, count: int = 2) -> list[int]:
    """Samples with all that can hang on one."""
    new = [
        make_sample(
            text=f"marzipan {number}",
            subject="ada",
            contact=ADDRESS,
            source_key=f"key {number}",
            groups=(f"group {number}",),
        )
        for number in range(count)
    ]
    ids = [one.id for one in store.samples.add(new)]
    for number in ids:
        first = make_revision(number)
        store.reviews.append(first, standing([first]), expected=0)
        store.ratings.add(make_rating(number, 4, reason="schön 🙂"))
    return ids


class ArchiveConformance:
    """Tests of `Archives` and `Originals`; see `store_conformance`."""

    def test_what_left_comes_back_as_it_was(self, store: Store) -> None:
        ids = stored(store)
        samples, counts = store.samples.by_ids(ids), store.samples.state_counts()
        revisions = store.reviews.of_many(ids)
        packed = store.archives.pack(ids)
        store.archives.begin(make_archive())
        assert [one.name for one in store.archives.begun()] == ["old"]
        assert store.archives.all() == []
        freed = store.archives.take(make_archive(), packed)
        assert freed == sorted(one.media[0].digest for one in samples)
        assert store.archives.begun() == []
        assert (store.samples.by_ids(ids), store.contacts.samples(ADDRESS)) == ([], [])
        assert store.samples.count(SampleFilter(text="marzipan")) == 0
        assert store.samples.by_source("app", ["key 0", "key 1"]) == dict(
            zip(("key 0", "key 1"), ids, strict=True)
        )
        (again,) = store.samples.add([make_sample(source_key="key 1")])
        assert (again.id, again.new) == (ids[1], False)
        assert store.archives.get("old").archived == 2

        assert store.archives.put_back(packed) == {one.uid: one.id for one in samples}
        assert store.samples.by_ids(ids) == samples
        assert store.reviews.of_many(ids) == revisions
        assert [store.ratings.of(one)[0].reason for one in ids] == ["schön 🙂"] * 2
        assert store.contacts.samples(ADDRESS) == ids
        assert store.samples.state_counts() == counts
        assert store.samples.count(SampleFilter(text="marzipan")) == 2
        assert store.samples.by_groups(["group 1"]) == {"group 1": [ids[1]]}
        assert store.archives.put_back(packed) == {}
        assert store.archives.get("old").archived == 0
        assert [line for line in store.check() if "3.51.3" not in line] == []
        assert store.samples.add([make_sample()])[0].id > max(ids)

    def test_what_changed_since_is_not_taken(self, store: Store) -> None:
        ids = stored(store)
        packed = store.archives.pack(ids)
        store.archives.begin(make_archive())
        store.ratings.add(make_rating(ids[0], 1))
        assert store.archives.take(make_archive(), packed) is None
        assert len(store.samples.by_ids(ids)) == 2
        with pytest.raises(ConflictError, match="`old`"):
            store.archives.begin(make_archive())
        assert store.archives.remove("old") == []
        store.trash.put(ids[:1], at=START, actor="ada")
        assert [one.number for one in store.archives.pack(ids)] == ids[1:]

    def test_whom_forgetting_looks_for_is_known(self, store: Store) -> None:
        ids = stored(store)
        uids = [one.uid for one in store.samples.by_ids(ids)]
        store.archives.begin(make_archive())
        store.archives.take(make_archive(), store.archives.pack(ids))
        found = store.archives.of(contact=ADDRESS)
        assert [(one.sample_id, one.back) for one in found] == [(ids[0], False), (ids[1], False)]
        assert store.archives.of(subject="ada") == found == store.archives.by_uids(uids)
        assert list(store.archives.iterate()) == sorted(found, key=lambda one: one.uid)
        assert store.archives.drop(uids[:1]) == [found[0].digests[0]]
        assert [one.uid for one in store.archives.by_ids(ids)] == uids[1:]
        assert store.archives.remove("old") == uids[1:]
        with pytest.raises(NotFoundError, match="`old`"):
            store.archives.get("old")

    def test_rows_that_no_sample_has_are_refused(self, store: Store) -> None:
        packed = store.archives.pack(stored(store, 1))[0]
        odd = replace(packed, sample={**packed.sample, "colour": "red"})
        with pytest.raises(DamagedError, match="columns"):
            store.archives.put_back([odd])
        broken = replace(packed, sample={**packed.sample, "document": "[]"})
        with pytest.raises(DamagedError):
            store.archives.put_back([broken])

    def test_media_are_exchanged_where_they_stand(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample(groups=("one",))])
        before = store.samples.get(added.id).media
        after = (make_media("another"),)
        assert store.originals.replace(added.id, before, after, ["two"]) == [before[0].digest]
        now = store.samples.get(added.id)
        assert (now.media, now.groups) == (after, ("one", "two"))
        assert store.samples.by_groups(["one", "two"]) == {"one": [added.id], "two": [added.id]}
        digests = [before[0].digest, after[0].digest]
        assert store.samples.needed_blobs(digests) == {after[0].digest}
        with pytest.raises(ConflictError, match="meanwhile"):
            store.originals.replace(added.id, before, after, [])
        with pytest.raises(NotFoundError, match="4242"):
            store.originals.replace(4242, before, after, [])
