"""The limits that sound and text are held against; each is a setting `speech.<name>`.

The defaults were fitted on real clips: read sentences, command sentences and two thousand single
digits must pass, and the same clips damaged on purpose must not.
"""

from __future__ import annotations

from truing.domain.settings import Setting

THRESHOLDS: tuple[Setting, ...] = (
    Setting(
        key="speech.min_seconds",
        default=0.1,
        minimum=0.0,
        help="`too_short`: shorter sound holds no word and stays out of datasets",
    ),
    Setting(
        key="speech.max_seconds",
        default=30.0,
        minimum=1.0,
        help="`too_long`: longer sound than Whisper hears at once",
    ),
    Setting(
        key="speech.silent_peak",
        default=0.0005,
        minimum=0.0,
        maximum=1.0,
        help="`silent`: sound that never gets above this share of full scale (0.0005 is -66 dB) "
        "stays out of datasets",
    ),
    Setting(
        key="speech.quiet_peak",
        default=0.005,
        minimum=0.0,
        maximum=1.0,
        help="`too_quiet`: the loudest sample is below this share of full scale (0.005 is -46 dB)",
    ),
    Setting(
        key="speech.least_speech_share",
        default=0.25,
        minimum=0.0,
        maximum=1.0,
        help="`mostly_silence`: less than this share of a clip of 3 s or more is spoken",
    ),
    Setting(
        key="speech.least_speech_seconds",
        default=0.1,
        minimum=0.0,
        help="`no_speech`: less than this rises above a steady background",
    ),
    Setting(
        key="speech.clipped_share",
        default=0.0003,
        minimum=0.0,
        maximum=1.0,
        help="`clipped`: at least this share of samples lies on flat tops, at any level",
    ),
    Setting(
        key="speech.least_snr",
        default=16.0,
        minimum=-20.0,
        maximum=100.0,
        help="`noisy`: speech is fewer decibels than this above the background",
    ),
    Setting(
        key="speech.most_dc_offset",
        default=0.02,
        minimum=0.0,
        maximum=1.0,
        help="`dc_offset`: the mean of all samples is further than this from zero throughout",
    ),
    Setting(
        key="speech.least_hum",
        default=12.0,
        minimum=0.0,
        help="`hum`: a mains tone stands more decibels than this above its neighbourhood",
    ),
    Setting(
        key="speech.dropout_milliseconds",
        default=4.0,
        minimum=1.0,
        help="`dropouts`: sound breaks off abruptly for at least this long",
    ),
    Setting(
        key="speech.least_treble_drop",
        default=40.0,
        minimum=0.0,
        help="`band_limited`: the treble lies more decibels than this below what is next to it",
    ),
    Setting(
        key="speech.dead_channel",
        default=60.0,
        minimum=0.0,
        help="`dead_channel`: a channel is this many decibels below the loudest one",
    ),
    Setting(
        key="speech.cancelling",
        default=0.1,
        minimum=0.0,
        maximum=1.0,
        help="`antiphase`: the channels together keep less than this share of their level",
    ),
    Setting(
        key="speech.most_letters_per_second",
        default=20.0,
        minimum=1.0,
        help="`text_too_long`: nobody speaks more letters a second; with a voice that is too high, "
        "`wrong_rate`",
    ),
    Setting(
        key="speech.least_letters_per_second",
        default=1.5,
        minimum=0.0,
        help="`text_too_short`: so little text for so much speech is not all of it",
    ),
    Setting(
        key="speech.slow_letters_per_second",
        default=3.5,
        minimum=0.0,
        help="`speaking_rate`: slower than this is unusual",
    ),
    Setting(
        key="speech.near_duplicate",
        default=0.85,
        minimum=0.0,
        maximum=1.0,
        help="`near_duplicate`: the waveforms of two recordings agree at least this far (copies of "
        "one recording 0.9 to 1, two takes of one word by one person below 0.75)",
    ),
)
