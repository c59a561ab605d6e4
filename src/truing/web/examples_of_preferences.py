"""How answers about preferences look, for the description of the API."""

from __future__ import annotations

from typing import Any

EVALUATION = "0197c3a2-5f1e-7b43-9a52-3d2f1c0b9e77"
CONTEST: dict[str, Any] = {
    "first": EVALUATION,
    "second": "0197c3a9-01aa-7c10-8d5e-92b3a4c5d6e7",
    "page": f"/review/ab?first={EVALUATION}&second=0197c3a9-01aa-7c10-8d5e-92b3a4c5d6e7",
}
WIN_RATE: dict[str, Any] = {
    "wins": 29,
    "losses": 9,
    "ties": 4,
    "equal": 2,
    "rate": 0.727,
    "ci": [0.531, 0.863],
    "level": 0.95,
    "p_better": 0.011,
    "decided": True,
    "votes": 47,
    "people": 2,
    "agreement": 0.8,
    "clusters": 58,
    "needed": 39,
}
PROGRESS: dict[str, Any] = {
    "counted": 23,
    "about": 58,
    "own": 14,
    "left": 46,
    "equal": 2,
    "enough": False,
}
PAIR: dict[str, Any] = {
    "sample": "0197c0de-4a4b-7f10-b1a2-0c1d2e3f4a5b",
    "number": 812,
    "modality": "image_edit",
    "kind": "pictures",
    "instruction": "make the sky purple",
    "original": {
        "role": "original",
        "url": "/api/samples/812/media/original",
        "media_type": "image/jpeg",
        "width": 1024,
        "height": 683,
    },
    "left": "/api/preferences/picture?first=…&second=…&sample=…&side=left",
    "right": "/api/preferences/picture?first=…&second=…&sample=…&side=right",
}

RESULT: dict[str, Any] = {
    "first": {"model": "image_edit/1", "evaluation": EVALUATION},
    "second": {"model": "image_edit/2", "evaluation": CONTEST["second"]},
    "modality": "image_edit",
    "dataset": "mine@1",
    "split": "test",
    "progress": PROGRESS,
    "win_rate": WIN_RATE,
}
