"""The limits pictures and instructions are held against; each is a setting `image_edit.<name>`.

The defaults were fitted on real photos: edits by hand and by program must pass, and the same pairs
spoilt on purpose (swapped, cut in half, coded anew instead of edited, blurred) must not.
"""

from __future__ import annotations

from truing.domain.settings import Setting

FACES = "image_edit.find_faces"

THRESHOLDS: tuple[Setting, ...] = (
    Setting(
        key="image_edit.least_side",
        default=64,
        minimum=1,
        help="`too_small`: a picture with a shorter side of fewer pixels stays out of datasets",
    ),
    Setting(
        key="image_edit.least_contrast",
        default=3.0,
        minimum=0.0,
        maximum=255.0,
        help="`blank`: a picture whose colours vary less (standard deviation, of 255) shows "
        "nothing and stays out of datasets",
    ),
    Setting(
        key="image_edit.most_blur",
        default=0.7,
        minimum=0.0,
        maximum=1.0,
        help="`blurred`: the blur seen in an original, 0 to 1 (photos in focus 0.2 to 0.4); of a "
        "result, which may be meant so, for information",
    ),
    Setting(
        key="image_edit.shape_change",
        default=0.1,
        minimum=0.0,
        help="`shape_changed`: width by height of the two pictures differ by more than this share",
    ),
    Setting(
        key="image_edit.least_change",
        default=2.5,
        minimum=0.0,
        maximum=255.0,
        help="`unchanged`: no place of the picture changed more than this (of 255); coding anew "
        "and scaling stay below it",
    ),
    Setting(
        key="image_edit.least_resemblance",
        default=0.2,
        minimum=0.0,
        maximum=1.0,
        help="`unrelated`: the result looks less like the original, by where light and edges are, "
        "whatever its colours; turned, mirrored and cropped ones count as alike",
    ),
    Setting(
        key="image_edit.longest_instruction",
        default=300,
        minimum=1,
        help="`instruction_too_long`: more characters; the text encoders of image models read "
        "about 77 pieces of words and nothing after them",
    ),
    Setting(
        key="image_edit.most_trailing_bytes",
        default=64,
        minimum=0,
        help="`trailing_bytes`: more bytes follow the end of the picture",
    ),
    Setting(
        key=FACES,
        default=True,
        help="`face_present`: pictures are searched for faces, for the sake of consent, where "
        "MediaPipe is installed",
    ),
    Setting(
        key="image_edit.near_duplicate",
        default=0.85,
        minimum=0.0,
        maximum=1.0,
        help="`near_duplicate`: the pictures of two pairs agree at least this far, original with "
        "original and result with result (coded anew or scaled 0.86 to 1, edited mostly below)",
    ),
)
