"""What every store must do with the pictures that models made of samples."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from truing.domain.picture import MadePicture
from truing.domain.ports import Store
from truing.testing.factories import make_digest, make_sample


class PictureConformance:
    """Tests of `Pictures`; see `store_conformance`."""

    def test_a_picture_is_found_by_model_and_what_it_was_given(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample()])
        made = MadePicture(digest=make_digest("made"), seconds=1.5)
        assert store.pictures.get("model", "given") is None
        assert store.pictures.put("model", "given", added.uid, made)
        assert store.pictures.get("model", "given") == made
        assert store.pictures.get("other", "given") is None
        assert store.pictures.get("model", "other") is None

    def test_a_second_picture_takes_the_place_of_the_first(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample()])
        for name in ("first", "second"):
            made = MadePicture(digest=make_digest(name))
            assert store.pictures.put("model", "given", added.uid, made)
        found = MadePicture(digest=make_digest("second"))
        assert store.pictures.get("model", "given") == found
        assert store.pictures.made_of([added.uid]) == {found.digest}

    def test_nothing_is_remembered_of_a_sample_that_is_gone(self, store: Store) -> None:
        made = MadePicture(digest=make_digest("made"))
        assert not store.pictures.put("model", "given", "nobody", made)
        assert store.pictures.get("model", "given") is None
        assert store.pictures.made_of(["nobody"]) == set()
        assert store.pictures.made_of([]) == set()

    def test_pictures_are_blobs_that_are_needed(self, store: Store) -> None:
        (added,) = store.samples.add([make_sample()])
        digest = make_digest("made")
        store.pictures.put("model", "given", added.uid, MadePicture(digest=digest))
        assert digest in set(store.samples.referenced_blobs())
        assert store.samples.needed_blobs([digest, make_digest("other")]) == {digest}

    def test_pictures_go_with_the_last_sample_they_were_made_of(self, store: Store) -> None:
        added = store.samples.add([make_sample(), make_sample(), make_sample()])
        shared, own = make_digest("shared"), make_digest("own")
        for one in added[:2]:
            store.pictures.put("model", "given", one.uid, MadePicture(digest=shared))
        store.pictures.put("other", "given", added[0].uid, MadePicture(digest=own))
        store.pictures.put("model", "else", added[2].uid, MadePicture(digest=make_digest("kept")))
        freed = store.samples.erase([added[0].id])
        assert own in freed
        assert shared not in freed
        assert store.pictures.get("other", "given") is None
        assert store.pictures.get("model", "given") == MadePicture(digest=shared)
        assert shared in store.samples.erase([added[1].id])
        assert store.pictures.get("model", "given") is None
        assert store.pictures.made_of([one.uid for one in added]) == {make_digest("kept")}
