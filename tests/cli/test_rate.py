"""Rating on the command line, and lists narrowed by it."""

from __future__ import annotations


def test_a_sample_is_rated_and_found(truing, filled):
    first, second, *_ = filled(4)
    told = truing("rate", first, 4, "--reason", "clear", "--json").json
    assert (told["sample"], told["value"], told["reason"], told["actor"]) == (
        first,
        4,
        "clear",
        "ann",
    )
    assert truing("rate", second, 2).out.strip() == f"sample {second} is rated 2"
    assert "2 before" in truing("rate", second, 3).out
    assert truing("show", second, "--json").json["rating"] == 3
    assert "rating" in truing("show", first).out

    def found(*flags: object) -> list[int]:
        rows = truing("samples", "--order", "oldest", "--json", *flags).json["samples"]
        return [row["id"] for row in rows]

    assert found("--min-rating", 3) == [first, second]
    assert found("--min-rating", 4) == [first]
    assert found("--min-rating", 5) == []
    assert len(found("--min-quality", 0)) == 4


def test_what_is_no_rating_is_refused(truing, filled):
    (number,) = filled(1)
    for value in ("0", "6", "good", "-1"):
        told = truing("rate", number, value)
        assert told.code == 2, value
    assert truing("rate", 4711, 3).code == 3
    assert truing("samples", "--min-rating", 9).code == 2
    assert truing("show", number, "--json").json["rating"] is None
