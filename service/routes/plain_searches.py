"""Searches by words that ask for nothing unusual, which most are: answered without what FastAPI does for each request.

FastAPI solves the dependencies of a route and checks each parameter by itself, which takes a quarter of the time that a search takes here.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from milvise.core.config import DEFAULT_LIMIT
from milvise.service.bodies import parameters as given
from milvise.service.context import Context
from milvise.service.routes.searches import answered_together
from milvise.service.search_batch import Options
from milvise.service.watching.route_pattern import API

_KEY = "milvise.plain_search"


class PlainSearch(BaseModel):
    """The parameters of such a search, each as `milvise.service.routes.searches.search` takes it."""

    model_config = ConfigDict(extra="forbid")

    words: given.Words
    filter: given.Filter = ""
    space: given.Space = None
    limit: given.Limit = DEFAULT_LIMIT
    fix: given.Fix = False
    by: given.By = "both"


class PlainSearches(Route):
    """A route that stands before `milvise.service.routes.searches.search`, with the same path.

    It takes requests of those who may read, in galleries that were asked for before, whose parameters are as described and each given once.
    All others find the route behind it, which knows what is wrong with them and is the one that is described.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        super().__init__(f"{API}/galleries/{{gallery}}/search", self._answered, include_in_schema=False)
        self._context = context

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a request is such a search, with what its scope is to hold then."""
        match, found = super().matches(scope)
        if match != Match.FULL or scope["method"] != "GET" or scope.get("milvise.role") is None:
            return Match.NONE, {}
        asked = _read(scope["query_string"])
        if asked is None or found["path_params"]["gallery"] not in self._context.galleries:
            return Match.NONE, {}
        return Match.FULL, {**found, "route": self, _KEY: asked}

    async def _answered(self, request: Request) -> Response:
        gallery, asked = request.scope["path_params"]["gallery"], request.scope[_KEY]
        options = Options(asked.space, asked.limit, asked.filter, asked.fix, asked.by)
        return await answered_together(self._context, self._context.galleries[gallery], gallery, asked.words, options)


def _read(query: bytes) -> PlainSearch | None:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    values = dict(pairs)
    if len(values) < len(pairs):
        return None
    try:
        return PlainSearch.model_validate(values)
    except ValidationError:
        return None
