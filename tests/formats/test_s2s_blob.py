import random
import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.formats.s2s_blob import BlobError, decoded, encoded

CLIENTS = Path(__file__).parents[1] / "data" / "clients" / "s2s"
SAMPLES = st.lists(st.integers(-32768, 32767), max_size=300)


def real_blobs(name: str) -> list[bytes]:
    source = sqlite3.connect(f"{(CLIENTS / name).as_uri()}?immutable=1", uri=True)
    blobs = [row[0] for row in source.execute("SELECT audio_blob FROM s2s_training_data")]
    source.close()
    return blobs


@settings(deadline=None)
@given(SAMPLES)
def test_what_is_encoded_comes_back(samples: list[int]) -> None:
    assert decoded(encoded(np.array(samples, np.int16))).tolist() == samples


@settings(deadline=None)
@given(SAMPLES)
def test_plain_sound_is_read_as_it_is(samples: list[int]) -> None:
    assert decoded(np.array(samples, "<i2").tobytes()).tolist() == samples


@pytest.mark.parametrize("level", range(10))
def test_every_level_of_compression_is_known(level: int) -> None:
    samples = np.arange(-3000, 3000, dtype=np.int16)
    assert decoded(zlib.compress(samples.tobytes(), level)).tolist() == samples.tolist()


def test_the_whole_range_of_samples_survives() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    assert (decoded(encoded(samples)) == samples).all()


def test_plain_sound_that_begins_like_a_compressed_blob_stays_plain() -> None:
    for blob in real_blobs("s2s_2025-09_raw_int16_nullflags.db"):
        start = b"\x78\x01" + blob[2000:40_000]
        assert decoded(start).tobytes() == start


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_a_compressed_blob_cut_short_is_damaged(share: float) -> None:
    for blob in real_blobs("s2s_2025-10_zlib_nullflags.db"):
        with pytest.raises(BlobError, match=r"damaged after|neither compressed"):
            decoded(blob[: int(len(blob) * share) // 2 * 2])


def test_one_turned_bit_is_found_nearly_always() -> None:
    rng = random.Random(7)
    blobs = real_blobs("s2s_2025-10_zlib_nullflags.db")
    missed = 0
    for _ in range(300):
        blob = bytearray(rng.choice(blobs))
        blob[rng.randrange(2, len(blob))] ^= 1 << rng.randrange(8)
        try:
            decoded(bytes(blob))
        except BlobError:
            continue
        missed += 1
    assert missed <= 9  # those in the first bytes, which read as plain noise


def test_odd_lengths_are_damaged() -> None:
    with pytest.raises(BlobError, match="odd"):
        decoded(zlib.compress(b"abc", 1))
    with pytest.raises(BlobError, match="neither compressed nor whole int16"):
        decoded(b"abc")


def test_limits_hold_to_the_byte() -> None:
    sound = bytes(2000)
    assert len(decoded(zlib.compress(sound), limit=2000)) == 1000
    assert len(decoded(b"\1\0" * 1000, limit=2000)) == 1000
    with pytest.raises(BlobError, match="unpacks to more than 1998"):
        decoded(zlib.compress(sound), limit=1998)
    with pytest.raises(BlobError, match="more than 1998"):
        decoded(b"\1\0" * 1000, limit=1998)


def test_bytes_after_the_end_are_ignored() -> None:
    assert decoded(zlib.compress(b"\1\0") + b"rest").tolist() == [1]
