"""What every store must do: subclass `StoreConformance` in a test module and give it a store.

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            store = open_database(tmp_path / "truing.db")
            yield store
            store.close()

pytest runs every test of the class. A new database system passes when all of them do.
"""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import pytest

from truing.domain.ports import Store
from truing.domain.sample import SampleFilter
from truing.testing.archive_conformance import ArchiveConformance
from truing.testing.arrival_conformance import ArrivalConformance, OutlineConformance
from truing.testing.census_conformance import CensusConformance
from truing.testing.dataset_conformance import DatasetConformance, ModelConformance
from truing.testing.description_conformance import DescriptionConformance
from truing.testing.erasure_conformance import ErasureConformance, TrashConformance
from truing.testing.factories import make_sample
from truing.testing.page_conformance import PageConformance
from truing.testing.people_conformance import PeopleConformance
from truing.testing.picture_conformance import PictureConformance
from truing.testing.preference_conformance import PreferenceConformance
from truing.testing.rating_conformance import ContactConformance, RatingConformance
from truing.testing.review_conformance import ReportConformance, ReviewConformance
from truing.testing.run_conformance import RunConformance
from truing.testing.sample_conformance import SampleConformance
from truing.testing.tally_conformance import TallyConformance


class StoreConformance(
    SampleConformance,
    PageConformance,
    ReviewConformance,
    ReportConformance,
    DatasetConformance,
    ModelConformance,
    RunConformance,
    TrashConformance,
    ErasureConformance,
    TallyConformance,
    CensusConformance,
    PeopleConformance,
    DescriptionConformance,
    RatingConformance,
    ContactConformance,
    PictureConformance,
    PreferenceConformance,
    ArrivalConformance,
    OutlineConformance,
    ArchiveConformance,
):
    """Every port of a store."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; override it."""
        raise NotImplementedError

    def test_an_empty_store_is_sound(self, store: Store) -> None:
        assert [line for line in store.check() if "3.51.3" not in line] == []
        assert sum(store.samples.state_counts().values()) == 0

    def test_scrubbing_changes_nothing_that_is_kept(self, store: Store) -> None:
        added = store.samples.add([make_sample(text="marzipan") for _ in range(5)])
        store.samples.erase([added[0].id])
        store.scrub()
        assert store.samples.count(SampleFilter(text="marzipan")) == 4
        assert len(list(store.samples.iterate(SampleFilter()))) == 4

    def test_a_closed_store_gives_its_connections_back(self, store: Store) -> None:
        store.samples.add([make_sample()])
        store.close()
        store.close()
