"""The limits that video and text are held against; each is a setting `lipreading.<name>`.

The defaults were fitted on real clips of the GRID corpus, on recordings of Chaplin, and on the same
clips damaged on purpose: what is whole must pass.
"""

from __future__ import annotations

from truing.domain.settings import Setting

THRESHOLDS: tuple[Setting, ...] = (
    Setting(
        key="lipreading.face_landmarker",
        default="",
        help="a `face_landmarker.task` file for MediaPipe's Tasks API; empty: the face mesh that "
        "MediaPipe 0.10.14 brings",
    ),
    Setting(
        key="lipreading.min_seconds",
        default=0.3,
        minimum=0.0,
        help="`too_short`: a shorter video holds no word and stays out of datasets",
    ),
    Setting(
        key="lipreading.min_frames",
        default=5,
        minimum=1,
        help="`too_short`: a video of fewer frames stays out of datasets",
    ),
    Setting(
        key="lipreading.max_seconds",
        default=30.0,
        minimum=1.0,
        help="`too_long`: a longer video is more than one utterance",
    ),
    Setting(
        key="lipreading.face_lost_share",
        default=0.2,
        minimum=0.0,
        maximum=1.0,
        help="`face_lost`: no face in more than this share of the frames looked at; in none of "
        "them: `face_missing`, and the video stays out of datasets",
    ),
    Setting(
        key="lipreading.face_lost_seconds",
        default=0.7,
        minimum=0.0,
        help="`face_lost`: no face for at least this long",
    ),
    Setting(
        key="lipreading.several_faces_share",
        default=0.2,
        minimum=0.0,
        maximum=1.0,
        help="`several_faces`: more than one face in more than this share of the frames looked at",
    ),
    Setting(
        key="lipreading.mouth_cut_share",
        default=0.2,
        minimum=0.0,
        maximum=1.0,
        help="`mouth_cut`: the mouth leaves the picture in more than this share of the frames",
    ),
    Setting(
        key="lipreading.least_mouth_pixels",
        default=18.0,
        minimum=1.0,
        help="`mouth_too_small`: fewer pixels from one corner of the mouth to the other",
    ),
    Setting(
        key="lipreading.least_sharpness",
        default=0.08,
        minimum=0.0,
        help="`blurred`: fine detail around the mouth, as a share of its contrast (clips in focus "
        "0.2 to 0.4)",
    ),
    Setting(
        key="lipreading.least_brightness",
        default=45.0,
        minimum=16.0,
        maximum=235.0,
        help="`dark`: mean luma around the mouth, where black is 16 and white 235",
    ),
    Setting(
        key="lipreading.least_contrast",
        default=8.0,
        minimum=0.0,
        help="`picture_lost`: a frame whose luma varies less holds no picture",
    ),
    Setting(
        key="lipreading.least_rows",
        default=0.2,
        minimum=0.0,
        help="`picture_lost`: a frame that changes so little from row to row, against column to "
        "column, was drawn down by a decoder",
    ),
    Setting(
        key="lipreading.frozen_seconds",
        default=0.5,
        minimum=0.0,
        help="`frozen`: one picture stands for at least this long",
    ),
    Setting(
        key="lipreading.repeated_share",
        default=0.3,
        minimum=0.0,
        maximum=1.0,
        help="`repeated_frames`: at least this share of frames repeats the one before",
    ),
    Setting(
        key="lipreading.gap_seconds",
        default=0.25,
        minimum=0.0,
        help="`dropped_frames`: at least this long from one frame to the next",
    ),
    Setting(
        key="lipreading.dropped_share",
        default=0.1,
        minimum=0.0,
        maximum=1.0,
        help="`dropped_frames`: at least this share of frames is missing, by the times of the rest",
    ),
    Setting(
        key="lipreading.rate_difference",
        default=0.1,
        minimum=0.0,
        help="`wrong_rate`: the rate in the header differs by this share from that of the frames",
    ),
    Setting(
        key="lipreading.least_rate",
        default=12.0,
        minimum=0.0,
        help="`low_rate`: fewer frames a second than lips need",
    ),
    Setting(
        key="lipreading.damaged_share",
        default=0.05,
        minimum=0.0,
        maximum=1.0,
        help="`damaged_frames`: from this share of undecodable frames on a warning, else for "
        "information",
    ),
    Setting(
        key="lipreading.most_letters_per_second",
        default=22.0,
        minimum=1.0,
        help="`text_too_long`: nobody speaks more letters a second",
    ),
    Setting(
        key="lipreading.least_letters_per_second",
        default=0.5,
        minimum=0.0,
        help="`text_too_short`: so little text for five seconds or more is not all of it",
    ),
    Setting(
        key="lipreading.least_correction_likeness",
        default=0.45,
        minimum=0.0,
        maximum=1.0,
        help="`correction_unlike`: a correction less like the raw text is of another utterance",
    ),
    Setting(
        key="lipreading.alignment_slack",
        default=0.1,
        minimum=0.0,
        help="`alignment_too_long`: seconds by which an alignment may go on after its video",
    ),
)
