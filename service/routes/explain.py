"""Why a picture has its place in an answer."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from milvise.queries.requests.explain import Explanation
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import ExplanationBody, explanation
from milvise.service.bodies.asked import has_uploads
from milvise.service.bodies.documents import ExplainAsked
from milvise.service.context import Asked, Shared
from milvise.service.guards.inference import Network
from milvise.service.guards.keys import require

router = APIRouter(tags=["explain"], dependencies=[Depends(require("read"))])


@router.get("/galleries/{gallery}/explain")
def explain_words(
    context: Shared,
    asked: Asked,
    gallery: given.GalleryName,
    hit: given.PictureName,
    words: given.WordsIfAny = "",
    focus: given.Focus = None,
    space: given.Space = None,
    fix: given.Fix = False,
) -> ExplanationBody:
    """Say why a stored picture has its place in the answer to words."""
    told = asked.explain(hit, words=words, focus=focus, space=space, fix=fix)
    return explanation(gallery, told, originals=context.settings.originals)


@router.post("/galleries/{gallery}/explain")
def explain(
    context: Shared, network: Network, asked: Asked, gallery: given.GalleryName, body: ExplainAsked
) -> ExplanationBody:
    """Say why a stored picture has its place in the answer to words and pictures."""
    pictures = [(one.picture(), one.weight) for one in body.pictures]

    def request() -> Explanation:
        return asked.explain(
            body.id, words=body.words, pictures=pictures, focus=body.focus, space=body.space, fix=body.fix
        )

    told = network.run(request) if has_uploads(body.pictures) else request()
    return explanation(gallery, told, originals=context.settings.originals)
