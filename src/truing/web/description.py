"""The description of the API in OpenAPI, with its errors as the server really answers them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

ERROR = {
    "title": "Error",
    "description": "`code` is for programs, `hint` says what repairs it. The routes of the S2S app "
    "and of NexVision answer `error` as a text.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "anyOf": [
                {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "hint": {"type": ["string", "null"]},
                    },
                },
                {"type": "string"},
            ]
        }
    },
}
_REFUSED = {
    "description": "refused or failed; `truing` calls its errors by the same codes",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_UNUSED = ("HTTPValidationError", "ValidationError")


class DescribedApp(FastAPI):
    """An app whose description names the one envelope of errors instead of the framework's."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for methods in document["paths"].values():
                for operation in methods.values():
                    operation["responses"].pop("422", None)
                    operation["responses"]["default"] = _REFUSED
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in _UNUSED:
                schemas.pop(name, None)
            schemas["Error"] = ERROR
        return self.openapi_schema or {}
