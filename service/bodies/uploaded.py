"""One picture as a request's body: a JSON document that names or holds it, or the bytes of a picture file themselves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from milvise.core.picture_types import PictureBytes
from milvise.service.bodies.asked import OnePicture

Asked = TypeVar("Asked", bound=OnePicture)


def body_of(kind: type[Asked]) -> Callable[[Request], Coroutine[Any, Any, Asked | PictureBytes]]:
    """Return a dependency that reads the body of a request as this document, or as a picture where its type is ``image/…``."""

    async def read(request: Request) -> Asked | PictureBytes:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media.startswith("image/"):
            return PictureBytes(await request.body())
        if media != "application/json" and not media.endswith("+json"):
            raise HTTPException(415, "A picture comes as application/json or as image/…, which Content-Type says.")
        try:
            return kind.model_validate_json(await request.body())
        except ValidationError as error:
            wrong = [
                {**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False, include_context=False)
            ]
            raise RequestValidationError(wrong) from None

    return read


def described(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what OpenAPI says of such a body."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": kind.model_json_schema()},
                "image/*": {"schema": {"type": "string", "contentMediaType": "image/*"}},
            },
        }
    }
