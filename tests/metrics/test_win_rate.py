"""Win rates: against closed forms, at every look, by original, with ties and with equal rows."""

import math
from functools import cache
from statistics import NormalDist

import pytest

from truing.domain.preference import Choice, Preference, WinRate
from truing.metrics.win_rate import interval, p_better, votes_needed, win_rate

LOOKS = 40


def vote(sample: str, choice: str, actor: str = "ada") -> Preference:
    return Preference(
        uid=f"{sample}-{actor}",
        modality="image_edit",
        dataset="mine@1",
        split="test",
        model_a="sha256:a",
        model_b="sha256:b",
        sample_uid=sample,
        choice=Choice(choice),
        actor=actor,
        created_at=0,
    )


def rate_of(choices: str, *, rows: int = 60, **more: object) -> WinRate:
    """The rate after one vote on each of the first rows: `b`, `a` or `-` for a tie."""
    votes = [vote(f"s{at}", {"-": "tie"}.get(one, one)) for at, one in enumerate(choices)]
    found = win_rate(votes, {f"s{at}": f"c{at}" for at in range(rows)}, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def values(wins: int, losses: int, ties: int = 0) -> list[float]:
    return [1.0] * wins + [0.0] * losses + [0.5] * ties


def stake(wins: int, losses: int, mean: float) -> float:
    """What the mixture of Beta(½, ½) makes of 1, by its closed form."""

    def beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    gained = beta(wins + 0.5, losses + 0.5) - beta(0.5, 0.5)
    return math.exp(gained - wins * math.log(mean) - losses * math.log(1 - mean))


@pytest.mark.parametrize(("wins", "losses"), [(1, 0), (9, 3), (17, 3), (43, 17), (400, 300)])
def test_ends_are_where_the_closed_form_reaches_its_limit(wins: int, losses: int) -> None:
    low, high = interval(values(wins, losses))
    assert 0 < low < wins / (wins + losses)
    assert stake(wins, losses, low) == pytest.approx(20, rel=1e-4)
    if losses:
        assert stake(wins, losses, high) == pytest.approx(20, rel=1e-4)
    else:
        assert high == 1


@cache
def leaves_out_one_half(wins: int, losses: int) -> bool:
    low, high = interval(values(wins, losses))
    return not low <= 0.5 <= high


def wilson_leaves_out_one_half(wins: int, losses: int) -> bool:
    """The usual interval, made for a single look."""
    count, z = wins + losses, NormalDist().inv_cdf(0.975)
    share = wins / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    return abs(middle - 0.5) > spread / (1 + z * z / count)


def ever(told: object) -> float:
    """How likely votes by a fair coin ever make it look decided, looked at after each; exactly."""
    still, fooled = {0: 1.0}, 0.0
    for count in range(1, LOOKS + 1):
        after: dict[int, float] = {}
        for wins, chance in still.items():
            for more in (0, 1):
                after[wins + more] = after.get(wins + more, 0.0) + chance / 2
        out = {wins for wins in after if told(wins, count - wins)}  # type: ignore[operator]
        fooled += sum(after.pop(wins) for wins in out)
        still = after
    return fooled


def test_looking_after_every_vote_fools_nobody() -> None:
    assert ever(wilson_leaves_out_one_half) > 0.2, "what an interval for a single look would do"
    assert 0.001 < ever(leaves_out_one_half) <= 0.05


def test_p_value_is_good_at_every_look() -> None:
    @cache
    def small(wins: int, losses: int) -> bool:
        return p_better(values(wins, losses)) < 0.05

    assert 0.001 < ever(small) <= 0.05
    assert p_better([]) == pytest.approx(1)
    assert p_better(values(0, 9)) == 1
    assert p_better(values(9, 1)) < p_better(values(8, 2)) < p_better(values(7, 3))


def test_a_mirrored_contest_has_the_mirrored_rate() -> None:
    one, other = rate_of("bbbbbbbab-abbbbbbb"), rate_of("aaaaaaaba-baaaaaaa")
    assert (one.wins, one.losses, one.ties) == (15, 2, 1) == (other.losses, other.wins, other.ties)
    assert one.rate == pytest.approx(15.5 / 18)
    assert (one.rate, one.low, one.high) == pytest.approx(
        (1 - other.rate, 1 - other.high, 1 - other.low), abs=1e-7
    )
    assert one.decided
    assert one.low > 0.5
    assert other.decided
    assert one.p_better < 0.05 < other.p_better


def test_ties_are_halves_and_say_that_neither_is_better() -> None:
    found = rate_of("-" * 40)
    assert (found.rate, found.wins, found.ties, found.needed) == (0.5, 0, 40, None)
    assert 0.4 < found.low < 0.5 < found.high < 0.6
    assert not found.decided
    assert found.p_better == 1


def test_only_the_first_vote_on_an_original_counts() -> None:
    clusters = {f"s{at}": f"c{at // 6}" for at in range(36)}
    votes = [vote("s0", "b"), *(vote(f"s{at}", "a") for at in range(1, 6)), vote("s0", "a", "bob")]
    found = win_rate(votes, clusters)
    assert found is not None
    assert (found.wins, found.losses, found.counted, found.clusters) == (1, 0, 1, 6)
    assert (found.votes, found.people) == (7, 2)
    assert found.agreement == 0
    once = win_rate(votes[:1], clusters)
    assert once is not None
    assert (found.rate, found.low, found.high) == (once.rate, once.low, once.high)
    assert once.agreement is None


def test_rows_without_a_difference_count_as_ties() -> None:
    clusters = {f"s{at}": f"c{at}" for at in range(40)}
    votes = [vote(f"s{at}", "b") for at in range(20)]
    without = win_rate(votes, clusters)
    same = frozenset(f"s{at}" for at in range(20, 40))
    found = win_rate(votes, clusters, same)
    assert without is not None
    assert found is not None
    assert (found.wins, found.ties, found.equal, found.clusters) == (20, 0, 20, 20)
    assert found.rate == pytest.approx(0.75)
    assert found.low == pytest.approx(0.25 + without.low / 2)
    assert found.decided
    # An original of which one of two rows is the same for both models.
    half = win_rate([vote("s0", "b")], {"s0": "c", "s1": "c"}, frozenset({"s1"}))
    assert half is not None
    assert half.rate == pytest.approx(0.75)


def test_votes_on_rows_that_are_gone_do_not_count() -> None:
    assert win_rate([vote("gone", "b")], {"s0": "c0"}) is None
    assert win_rate([], {"s0": "c0"}) is None
    found = win_rate([vote("gone", "b"), vote("s0", "a")], {"s0": "c0"})
    assert found is not None
    assert (found.wins, found.losses, found.votes) == (0, 1, 1)


def test_agreement_of_several_people() -> None:
    votes = [vote(f"s{at}", "b") for at in range(4)]
    votes += [vote("s0", "b", "bob"), vote("s1", "a", "bob"), vote("s2", "b", "bob")]
    found = win_rate(votes, {f"s{at}": f"c{at}" for at in range(4)})
    assert found is not None
    assert found.agreement == pytest.approx(2 / 3)


def test_votes_needed_are_about_what_will_be_needed() -> None:
    assert 40 < (votes_needed(()) or 0) < 100
    found = rate_of("bbbab" * 4)
    assert found.needed is not None
    count = found.needed
    assert not rate_of("bbbab" * (count // 5 - 1), rows=200).decided
    assert rate_of("bbbab" * (count // 5 + 2), rows=200).decided
    assert rate_of("ab" * 10).needed is None
    assert rate_of("a" * 12).needed == votes_needed(values(12, 0)) == 7


def test_a_higher_level_makes_a_wider_interval() -> None:
    usual, strict = rate_of("bbbab" * 6), rate_of("bbbab" * 6, level=0.999)
    assert strict.low < usual.low
    assert strict.high > usual.high
    assert strict.level == 0.999


def test_the_json_form_says_it_all() -> None:
    told = rate_of("bbb-a").as_dict()
    assert told["ci"] == [rate_of("bbb-a").low, rate_of("bbb-a").high]
    assert {"wins": 3, "losses": 1, "ties": 1, "equal": 0}.items() <= told.items()
