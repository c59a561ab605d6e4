"""A model of `visual-tcn` on disk: `config.json`, which says what outputs mean, and safetensors.

The first network is `model.safetensors`; where several are read together, the others follow as
`model-2.safetensors`, `model-3.safetensors`, …, and `config.json` says how many `starts` there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.modalities.lipreading.recipes.checkpoints import put_tensors, tensors_of
from truing.modalities.lipreading.recipes.clips import HEIGHT, LEFT, RATE, TOP, WIDTH
from truing.modalities.lipreading.recipes.ctc import CtcModel, ctc_from
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel, sentence_model_from

KIND = "visual-tcn"
WINDOW = {"side": 96, "top": TOP, "left": LEFT, "height": HEIGHT, "width": WIDTH, "rate": RATE}
"""The input: this part of a mouth picture of 96 x 96, at this many frames per second."""
Decoder = SentenceModel | CtcModel
"""What a network's outputs mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcnModel:
    """Networks with what their outputs mean."""

    networks: tuple[Any, ...]
    """One `LipNetwork` for each start."""
    mirrored: bool = False
    """Whether each also sees the mirror image."""
    decoder: Decoder
    temperature: float
    """Scores are divided by it before they are read, so that confidence is as often right."""

    def reading(self) -> Any:
        """What reads a clip: the network, or all of them together."""
        from truing.modalities.lipreading.recipes.network import Together

        if len(self.networks) == 1 and not self.mirrored:
            return self.networks[0]
        return Together(self.networks, mirrored=self.mirrored)


def write_model(folder: Path, model: TcnModel) -> None:
    """Writes the model's folder."""
    from safetensors.torch import save_file

    config = {
        "model_type": KIND,
        **model.decoder.as_dict(),
        "network": model.networks[0].shape.as_dict(),
        "starts": len(model.networks),
        "mirrored": model.mirrored,
        "input": WINDOW,
        "temperature": model.temperature,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    for file, network in zip(files_of(len(model.networks)), model.networks, strict=True):
        save_file(tensors_of(network), folder / file, metadata={"format": "pt"})


def files_of(starts: int) -> tuple[str, ...]:
    """The names of the weights of so many networks."""
    others = [f"model-{number}.safetensors" for number in range(2, starts + 1)]
    return ("model.safetensors", *others)


def read_model(folder: Path) -> TcnModel:
    """Reads a model's folder.

    Raises:
        NotFoundError: there is no model in it.
        InvalidInputError: it holds another kind of model, or one of another input.
        DamagedError: its files cannot be read or do not belong together.
    """
    from truing.modalities.lipreading.recipes.network import LipNetwork, Shape

    config = _config(folder)
    decoder = _decoder(config)
    shape = Shape.from_dict(config.get("network") or {})
    if shape.outputs != decoder.outputs:
        raise _damaged(folder, "its vocabulary does not fit its network")
    starts = config.get("starts", 1)
    if not isinstance(starts, int) or starts < 1:
        raise _damaged(folder, f"it cannot have `{starts}` starts")
    networks = []
    for file in files_of(starts):
        network = LipNetwork(shape)
        _fill(network, folder, file)
        networks.append(network.eval())
    return TcnModel(
        networks=tuple(networks),
        mirrored=bool(config.get("mirrored", False)),
        decoder=decoder,
        temperature=float(config.get("temperature", 1.0)),
    )


def _fill(network: Any, folder: Path, file: str) -> None:
    """Gives a network its weights."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        put_tensors(network, load_file(folder / file))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"The model in `{folder}` is not whole: it has no `{file}`.",
            hint=f"Copy `{file}` again from where the model was made.",
        ) from error
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, str(error)) from error


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no model in `{folder}`.", hint="`truing models` lists those there are."
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(folder, str(error)) from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != KIND:
        raise InvalidInputError(
            f"The model in `{folder}` is of the kind `{kind}`, not `{KIND}`.",
            hint=f"Give the folder of a model that the recipe `{KIND}` trained.",
        )
    if config.get("input") != WINDOW:
        raise InvalidInputError(
            f"The model in `{folder}` sees another part of the mouth: {config.get('input')}.",
            hint=f"Train it again with the recipe `{KIND}`.",
        )
    found: Mapping[str, Any] = config
    return found


def _decoder(config: Mapping[str, Any]) -> Decoder:
    if config.get("vocabulary") == SentenceModel.kind:
        return sentence_model_from(config)
    return ctc_from(config)


def _damaged(folder: Path, why: str) -> DamagedError:
    return DamagedError(
        f"The model in `{folder}` cannot be read: {why}",
        hint="Copy it again from where it was made.",
    )
