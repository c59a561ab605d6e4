"""Examples of recipes, runs, models and datasets as JSON, for the description of the API."""

from __future__ import annotations

from typing import Any

REQUEST: dict[str, Any] = {
    "modality": "speech",
    "recipe": "whisper",
    "dataset": "mine@2",
    "base": "speech/1",
    "options": {"learning_rate": 1e-5, "epochs": 5},
    "replay": None,
    "seed": 0,
    "audience": "general",
    "then": "promote",
    "publish_to": None,
}
RUN: dict[str, Any] = {
    "run": 3,
    "uid": "0199a0c4-2f00-7000-8000-000000000003",
    "state": "running",
    "want": "run",
    "step": 40,
    "total_steps": 160,
    "attempts": 1,
    "created_at": "2026-11-21T10:20:30Z",
    "started_at": "2026-11-21T10:20:32Z",
    "ended_at": None,
    "error": None,
    "model": None,
    "figures": {},
    "notes": [],
    "verdict": None,
    "published": None,
    "request": REQUEST,
    "waiting": False,
    "remaining": 31.5,
    "steps_per_second": 3.8,
}
PICTURES: dict[str, Any] = {
    "items": [
        {
            "sample": "0199a0c4-2f00-7000-8000-000000000007",
            "text": "make the picture brighter",
            "steps": [0, 40, 80],
        }
    ]
}
POINT = {"step": 40, "name": "train_loss", "value": 0.31, "at": "2026-11-21T10:20:43Z"}
RECIPE: dict[str, Any] = {
    "name": "whisper",
    "summary": "fine-tune a Whisper checkpoint on corrections",
    "needs_base": True,
    "default_base": None,
    "missing": [],
    "options": [
        {
            "name": "epochs",
            "type": "int",
            "default": 20,
            "choices": [],
            "help": "most passes over the corrections",
        }
    ],
    "presets": {"epochs": 10},
}
BASE = {"name": "speech/1", "kind": "model", "title": "speech/1"}
PLAN: dict[str, Any] = {
    "request": REQUEST,
    "need": {
        "disk": {"checkpoints": 3_000_000, "all": 3_000_000, "free": 80_000_000_000},
        "memory": {"weights": 9_000_000, "all": 9_000_000, "free": 4_000_000_000},
        "on_accelerator": False,
    },
    "warnings": [],
}
FIGURE: dict[str, Any] = {
    "metric": "wer",
    "value": 0.12,
    "ci": [0.08, 0.17],
    "rows": 120,
    "dataset": "mine@2",
    "split": "test",
    "at": "2026-11-21T10:25:00Z",
    "figures": {"wer": 0.12, "cer": 0.06},
}
MODEL: dict[str, Any] = {
    "model": "speech/2",
    "uid": "0199a0c4-2f00-7000-8000-0000000000a2",
    "digest": "sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "state": "ready",
    "created_at": "2026-11-21T10:24:30Z",
    "recipe": "whisper",
    "base": "speech/1",
    "parents": ["speech/1", "openai/whisper-tiny"],
    "dataset": "mine@2",
    "dataset_digest": "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    "run": 3,
    "audience": "general",
    "figures": {"validation_wer": 0.11},
    "licence": "MIT",
    "champion": ["general"],
    "evaluation": FIGURE,
}
MOVE: dict[str, Any] = {
    "id": 4,
    "modality": "speech",
    "audience": "general",
    "model": "speech/2",
    "previous": "speech/1",
    "at": "2026-11-21T10:26:00Z",
    "actor": "ann",
    "reason": "gate",
    "gate": {"passed": True, "p_value": 0.003},
}
MODEL_IN_FULL: dict[str, Any] = {
    **MODEL,
    "folder": "models/speech/2",
    "files": [{"name": "model.safetensors", "bytes": 151_061_672, "sha256": "5feceb66…"}],
    "notes": [],
    "evaluations": [FIGURE],
    "children": [],
    "promotions": [MOVE],
}
CHAMPION: dict[str, Any] = {
    "modality": "speech",
    "audience": "general",
    "model": "speech/2",
    "previous": "speech/1",
    "since": "2026-11-21T10:26:00Z",
    "reason": "gate",
    "back_to": "speech/1",
    "moves": [MOVE],
}
VERDICT: dict[str, Any] = {
    "promoted": True,
    "forced": False,
    "passed": True,
    "reason": "better",
    "sentence": "better than `speech/1`: 12.0 % instead of 16.1 %",
    "hint": None,
    "candidate": "speech/2",
    "rival": "speech/1",
}
WORK: dict[str, Any] = {
    "id": 5,
    "deed": "promote",
    "state": "running",
    "done": 40,
    "total": 120,
    "waiting": False,
    "ended_at": None,
    "error": None,
}
COMPARED_ROW: dict[str, Any] = {
    "sample": "0199a0c4-2f00-7000-8000-000000000007",
    "id": 7,
    "subject": "ann",
    "truth": "buy milk",
    "a": "by milk",
    "b": "buy milk",
    "gain": 1.0,
    "duration": 1.4,
}
COMPARISON: dict[str, Any] = {
    "a": {
        "model": "speech/1",
        "evaluation": "0199a0c4-2f00-7000-8000-0000000000e1",
        "wer": 0.161,
        "cer": 0.08,
        "sentence_accuracy": 0.41,
    },
    "b": {
        "model": "speech/2",
        "evaluation": "0199a0c4-2f00-7000-8000-0000000000e2",
        "wer": 0.12,
        "cer": 0.06,
        "sentence_accuracy": 0.52,
    },
    "baseline": {
        "name": "nearest-template",
        "wer": 0.3,
        "cer": 0.2,
        "sentence_accuracy": 0.3,
        "difference": -0.18,
        "ci": [-0.22, -0.13],
        "p_better": 0.0001,
        "standard_error": 0.02,
        "differing": 31,
    },
    "dataset": "mine@2",
    "split": "test",
    "metric": "wer",
    "metric_version": "neutral-1",
    "higher_is_better": False,
    "difference": -0.041,
    "ci": [-0.07, -0.012],
    "level": 0.95,
    "p_value": 0.006,
    "p_better": 0.003,
    "method": "exact",
    "rows": 120,
    "clusters": 40,
    "wins": 9,
    "losses": 2,
    "ties": 109,
    "only_a": 0,
    "only_b": 0,
    "changed": 0,
    "slices": [{"name": "ann", "rows": 120, "a": 0.161, "b": 0.12}],
    "best": [COMPARED_ROW],
    "worst": [],
}
DATASET: dict[str, Any] = {
    "version": "mine@2",
    "name": "mine",
    "number": 2,
    "uid": "0199a0c4-2f00-7000-8000-0000000000d2",
    "modality": "speech",
    "split": "personal",
    "parameters": {"test_share": 0.2, "validation_share": 0.1, "seed": 0, "test_speakers": 0},
    "digest": "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    "created_at": "2026-11-21T10:20:00Z",
    "train": 420,
    "validation": 60,
    "test": 120,
    "excluded": {"pending": 12, "rejected": 3},
    "forgotten": 0,
}
PART: dict[str, Any] = {
    "rows": 420,
    "seconds": 610.5,
    "words": 1260,
    "characters": 6500,
    "speakers": [{"speaker": "ann", "rows": 420}],
    "sessions": 12,
}
DATASET_IN_FULL: dict[str, Any] = {
    **DATASET,
    "statistics": {"train": PART, "validation": PART, "test": PART},
    "models": ["speech/2"],
}
ROW: dict[str, Any] = {
    "position": 0,
    "id": 7,
    "sample": "0199a0c4-2f00-7000-8000-000000000007",
    "split": "train",
    "digest": "sha256:d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
    "forgotten": False,
    "truth": "buy milk",
    "speaker": "ann",
    "session": "app-2026-11-21T10:20:30Z",
    "duration": 1.4,
}
DIFFERENCE: dict[str, Any] = {
    "first": "mine@1",
    "second": "mine@2",
    "added": ["0199a0c4-2f00-7000-8000-000000000007"],
    "removed": [],
    "forgotten": 0,
    "moved": [],
    "retold": [],
}
