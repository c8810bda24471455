"""One collection of pictures, with everything that can be done to it.

The operations are imported when they are first used, so that who searches imports no more than a search needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from milvise.operations.progress import Progress, silent
from milvise.queries import database, search
from milvise.queries.requests.duplicates import SIMILARITY

if TYPE_CHECKING:
    from milvise.core.records import Picture
    from milvise.operations.evaluate import Accuracy, Bias, Evaluation, IndexRecall, Limits
    from milvise.operations.export import ExportedModel, ExportedPairs, ExportedProjector
    from milvise.operations.export_lines import ExportedLines
    from milvise.operations.files import StoredFile
    from milvise.operations.project import ProjectedPart, Projection
    from milvise.operations.rebuild import Rebuilt
    from milvise.operations.rollback import RolledBack, Versions
    from milvise.operations.train import Report, Wiring
    from milvise.operations.tune import Tuning
    from milvise.queries.gallery_collections import OpenCollections


class Gallery(search.Gallery):
    """One collection of pictures; ``db.gallery(name)`` of a `milvise.Database`.

    Examples
    --------
    >>> gallery = milvise.connect("photos.db").gallery("holiday")    # doctest: +SKIP
    >>> gallery.train("head.keras", progress=print)                  # doctest: +SKIP
    >>> gallery.project("head.keras")                                # doctest: +SKIP
    >>> gallery.evaluate("report").findings                          # doctest: +SKIP
    """

    def __init__(self, db: database.Database, name: str) -> None:
        super().__init__(db.store, db.words, name)
        self._db = db

    def picture(self, id_or_uri: str) -> Picture:
        """Return a stored picture, as it stands in Milvus: one call.

        Parameters
        ----------
        id_or_uri : str
            Its id, or the URI that it was loaded with.

        Returns
        -------
        Picture
            Its URI, label, size, hash and metadata, without vectors.

        Raises
        ------
        NotFoundError
            If there is no such picture in the gallery.

        Examples
        --------
        >>> gallery.picture("beach/cat.jpg").width    # doctest: +SKIP
        4032
        """
        return self.files([id_or_uri])[0].picture

    def files(self, names: Sequence[str]) -> list[StoredFile]:
        """Return where the files of stored pictures are: one call for each 500; files are opened when they are asked for.

        Parameters
        ----------
        names : sequence of str
            Ids or URIs.

        Returns
        -------
        list of StoredFile
            One for each name, in their order.

        Raises
        ------
        NotFoundError
            If one of them is not stored.

        Examples
        --------
        >>> with gallery.files(["beach/cat.jpg"])[0].opened() as (file, length):    # doctest: +SKIP
        ...     data = file.read()
        """
        from milvise.operations.files import StoredFile
        from milvise.queries.pictures.find import require_several
        from milvise.queries.pictures.stored import stored_pictures

        require_several(names=names)

        def request(now: OpenCollections) -> list[StoredFile]:
            sources = now.visual.manifest.sources
            return [StoredFile(picture, sources) for picture in stored_pictures(now, names)]

        return self._parts.logged(request, "files")

    def train(
        self,
        out: str | Path,
        *,
        head: str = "residual",
        loss: str = "cosine",
        hold_out: Sequence[str] = (),
        held_back: float | None = None,
        epochs: int | None = None,
        seed: int = 0,
        filter: str = "",
        pairs: str | Path | None = None,
        progress: Progress = silent,
    ) -> Report:
        """Train a head on the stored vectors and labels, and write it to a file; the gallery stays as it is.

        Parameters
        ----------
        out : path
            Where the head is written: ``FILE.keras``.
        head : {"residual", "linear", "mlp"}
        loss : {"cosine", "hinge_rank"}
        hold_out : sequence of str
            Labels that are not trained on, and scored at the end.
        held_back : float, optional
            Share of the other labels' pictures that are not trained on, 0 to 0.9; by default 0.1.
        epochs : int, optional
            At most so many passes; by default 100.
        seed : int
            Of the random numbers, and of the choice of held-back pictures.
        filter : str
            A Milvus expression: only these pictures take part.
        pairs : path, optional
            What `export_pairs` wrote: liked pictures learn the words they were found by.
        progress : callable
            Told of each pass; see `milvise.operations.progress`.

        Returns
        -------
        Report
            What stands in the file beside the weights (scores, labels, losses), and the seconds by step.

        Raises
        ------
        UsageError
            If a value cannot be.
        NotFoundError
            If there is no gallery of this name, or no words; for ``residual`` also if its backbone has no classes.
        InputError
            If there is too little to learn from, or `pairs` cannot be read.
        ModelError, MissingExtraError
            If the file cannot be written, or Keras is not installed.

        Examples
        --------
        >>> gallery.train("head.keras", hold_out=["dog"]).record["scores"]    # doctest: +SKIP
        """
        from milvise.operations.checks import as_optional_path, as_path, as_texts
        from milvise.operations.train import TrainHead, train_head

        request = TrainHead(
            as_path("out", out), self.name, head=head, loss=loss, hold_out=as_texts("hold_out", hold_out),
            held_back=held_back, epochs=epochs, seed=seed, filter=filter, pairs=as_optional_path("pairs", pairs),
        )  # fmt: skip
        return train_head(self._db, request, progress)

    def check_wiring(
        self,
        *,
        head: str = "residual",
        loss: str = "cosine",
        seed: int = 0,
        filter: str = "",
        progress: Progress = silent,
    ) -> Wiring:
        """Check that a head can learn one picture and one word, and that vectors agree with labels; writes nothing.

        Parameters
        ----------
        head, loss, seed, filter, progress
            As `train`; a ranking loss cannot be checked.

        Returns
        -------
        Wiring
            How close the head came, and how well vectors agree with labels.

        Raises
        ------
        ModelError
            If the head does not learn them, or the vectors agree with their labels no better than chance.
        UsageError, NotFoundError, InputError
            As `train`; and if no picture has a label that the words know.

        Examples
        --------
        >>> gallery.check_wiring(head="linear").similarity    # doctest: +SKIP
        0.999871
        """
        from milvise.operations.train import CheckWiring, check_wiring

        request = CheckWiring(self.name, head=head, loss=loss, seed=seed, filter=filter)
        return check_wiring(self._db, request, progress)

    def project(
        self, head: str | Path, *, index: str | None = None, keep: bool = False, progress: Progress = silent
    ) -> Projection:
        """Move the gallery to another head, from its stored visual vectors, while it is searched.

        A run that ends early leaves the gallery as it was; the same call goes on from there.

        Parameters
        ----------
        head : str or path
            ``conse``, or a trained head's ``FILE.keras``.
        index : str, optional
            For the joint collection; by default as it was asked for before.
        keep : bool
            Whether the joint collection that is live now is kept, so that going back costs nothing.
        progress : callable
            Told how many pictures have their joint vector; see `milvise.operations.progress`.

        Returns
        -------
        Projection
            How many vectors were computed and checked, and which collection was replaced.

        Raises
        ------
        UsageError
            If the head or the index cannot be.
        NotFoundError
            If the gallery, the words, or the classes for ``conse`` are not there.
        FingerprintError
            If the head was trained with another backbone or other words.
        ModelError
            If the head cannot be read.
        StoreError
            If what was written is not what the head gives, or pictures keep changing.

        Examples
        --------
        >>> gallery.project("head.keras", keep=True).rows    # doctest: +SKIP
        """
        from milvise.operations.checks import as_name
        from milvise.operations.project import Project, project

        return project(self._db, Project(as_name("head", head), self.name, index=index, keep=keep), progress)

    def project_part(self, head: str | Path, part: str, *, progress: Progress = silent) -> ProjectedPart:
        """Make the joint vectors of a part of the pictures, while nothing goes live.

        Processes and machines that each take another part share the work; `project` then finds what they made, and ends it. A call that ends early
        is made again, and goes on from there.

        Parameters
        ----------
        head : str or path
            As `project`.
        part : str
            Such as ``2/8``, the second of eight.
        progress : callable
            Told how many pictures of the part have their joint vector; see `milvise.operations.progress`.

        Returns
        -------
        ProjectedPart
            How many pictures the part has, and how many vectors were computed.

        Raises
        ------
        UsageError
            If the head or the part cannot be.
        NotFoundError, FingerprintError, ModelError
            As `project`.

        Examples
        --------
        >>> gallery.project_part("head.keras", "2/8").projected    # doctest: +SKIP
        """
        from milvise.operations.checks import as_name
        from milvise.operations.project import ProjectPart, project_part

        return project_part(self._db, ProjectPart(as_name("head", head), part, self.name), progress)

    def evaluate(
        self,
        out: str | Path,
        *,
        accuracy: Accuracy | bool = True,
        index: IndexRecall | bool = True,
        bias: Bias | bool = True,
        filter: str = "",
        limits: Limits | None = None,
        compare: str | Path | None = None,
        audit: bool = False,
        progress: Progress = silent,
    ) -> Evaluation:
        """Measure how accurate, complete and biased searches are, and write a report.

        Parameters
        ----------
        out : path
            A folder for ``report.html`` and ``report.json``.
        accuracy : milvise.Accuracy or bool
            Whether searches by word, picture and tag are compared with the labels, and how. With True, beside another part,
            a gallery without labels is said to have none; else it is refused.
        index : milvise.IndexRecall or bool
            Whether the index is compared with an exact search and timed, and how.
        bias : milvise.Bias or bool
            Whether groups of pictures are compared, and which.
        filter : str
            A Milvus expression: only these pictures; the index is measured as a whole.
        limits : milvise.Limits, optional
            Limits on figures, such as ``Limits(under={"zero_shot.p@10": 0.5})``.
        compare : path, optional
            The ``report.json`` of an older report: say what changed, and whether it is noise.
        audit : bool
            Whether the answers are also written as a folder that people can rate in a spreadsheet.
        progress : callable
            Told of each step; see `milvise.operations.progress`.

        Returns
        -------
        Evaluation
            The report with all figures, where it was written, and whether the limits are kept.

        Raises
        ------
        UsageError
            If a value cannot be, or nothing is to be measured.
        NotFoundError
            If there is no gallery of this name.
        InputError
            If a file cannot be read, the folder not be written, or there are no labels where they were asked for.
        UnsupportedError, IndexSpecError
            If the connected Milvus does not have an index that was asked for.
        MissingExtraError
            If the packages of the extra ``evaluate`` are not installed.
        StoreError
            If the gallery was replaced meanwhile.

        Examples
        --------
        >>> found = gallery.evaluate("report", bias=milvise.Bias(("country",)), progress=print)    # doctest: +SKIP
        >>> found.report.figures["index.joint.recall@10"].value                                  # doctest: +SKIP
        """
        from milvise.operations import evaluate as room
        from milvise.operations.checks import as_optional_path, as_path
        from milvise.operations.measures import part

        request = room.Evaluate(
            as_path("out", out), self.name,
            accuracy=part("accuracy", accuracy, room.Accuracy), index=part("index", index, room.IndexRecall),
            bias=part("bias", bias, room.Bias), labels_optional=accuracy is True and bool(index or bias), filter=filter,
            limits=limits or room.Limits(), compare=as_optional_path("compare", compare), audit=audit,
        )  # fmt: skip
        return room.evaluate(self._db, request, progress)

    def tune(
        self,
        *,
        recall: float = 0.95,
        k: int = 10,
        queries: int = 400,
        dry_run: bool = False,
        progress: Progress = silent,
    ) -> Tuning:
        """Choose the cheapest search parameters that find enough, and store them for every client of this Milvus.

        Parameters
        ----------
        recall : float
            Share of the exact `k` closest that a search is to find, above 0 and at most 1.
        k : int
            How many results count, 1 to 1,000.
        queries : int
            Choose by so many queries, 10 or more, and check by as many others.
        dry_run : bool
            Whether nothing is stored.
        progress : callable
            Told of each step; see `milvise.operations.progress`.

        Returns
        -------
        Tuning
            For each collection the parameters before and now, and whether they reach the recall.

        Raises
        ------
        UsageError
            If a number cannot be.
        NotFoundError
            If there is no gallery of this name.
        StoreError
            If the gallery was replaced meanwhile.

        Examples
        --------
        >>> gallery.tune(recall=0.9, dry_run=True).chosen    # doctest: +SKIP
        """
        from milvise.operations.tune import Tune, tune

        request = Tune(self.name, recall=recall, k=k, queries=queries, store=not dry_run)
        return tune(self._db, request, progress)

    def export_model(self, out: str | Path, *, progress: Progress = silent) -> ExportedModel:
        """Write the backbone and the head as one graph: pixels in, visual and joint vectors out.

        Parameters
        ----------
        out : path
            ``FILE.keras``, ``FILE.xml`` (OpenVINO), or a folder (TensorFlow's SavedModel).
        progress : callable
            Told when the graph is built; see `milvise.operations.progress`.

        Returns
        -------
        ExportedModel
            The format, and the sizes of what goes in and comes out.

        Raises
        ------
        NotFoundError
            If there is no gallery of this name, or no words for its head.
        MissingExtraError
            If Keras, or OpenVINO for ``.xml``, is not installed.
        ModelError
            If it cannot be written, or something stands there.
        FingerprintError
            If the backbone or head on this machine is not the gallery's.

        Examples
        --------
        >>> gallery.export_model("served").joint_dim    # doctest: +SKIP
        50
        """
        from milvise.operations.checks import as_path
        from milvise.operations.export import ExportModel, export_model

        return export_model(self._db, ExportModel(as_path("out", out), self.name), progress)

    def export_projector(
        self,
        out: str | Path,
        *,
        space: str = "visual",
        limit: int = 10_000,
        filter: str = "",
        progress: Progress = silent,
    ) -> ExportedProjector:
        """Write vectors, metadata and thumbnails for TensorBoard's Embedding Projector.

        Parameters
        ----------
        out : path
            A folder, for ``tensorboard --logdir FOLDER``.
        space : {"visual", "joint"}
            Which vectors.
        limit : int
            At most so many pictures, 1 to 16,384.
        filter : str
            A Milvus expression: only these pictures.
        progress : callable
            Told how many pictures are written; see `milvise.operations.progress`.

        Returns
        -------
        ExportedProjector
            How many pictures were written, and the command that shows them.

        Raises
        ------
        UsageError
            If a value cannot be.
        NotFoundError
            If there is no such gallery, or it has no such vectors.
        InputError
            If the folder cannot be written, or nothing fits the filter.

        Examples
        --------
        >>> gallery.export_projector("look").open_with    # doctest: +SKIP
        'tensorboard --logdir look'
        """
        from milvise.operations.checks import as_path
        from milvise.operations.export import ExportProjector, export_projector

        request = ExportProjector(as_path("out", out), self.name, space=space, limit=limit, filter=filter)
        return export_projector(self._db, request, progress)

    def export_pairs(self, log: str | Path, out: str | Path, *, progress: Progress = silent) -> ExportedPairs:
        """Write logged feedback as pairs of words and a picture, and whether they belong together.

        Parameters
        ----------
        log : str or path
            Where `refine` logged it: a ``.jsonl`` file, or ``milvus``.
        out : path
            ``FILE.jsonl``, for the `pairs` of `train`.
        progress : callable
            Told of each step; see `milvise.operations.progress`.

        Returns
        -------
        ExportedPairs
            How many pairs were written.

        Raises
        ------
        InputError
            If the log cannot be read, or the file not be written.
        NotFoundError
            If no feedback was ever logged to this Milvus.

        Examples
        --------
        >>> gallery.export_pairs("feedback.jsonl", "pairs.jsonl").pairs    # doctest: +SKIP
        """
        from milvise.operations.checks import as_path
        from milvise.operations.export import ExportPairs, export_pairs

        request = ExportPairs(str(as_path("log", log)), as_path("out", out), self.name)
        return export_pairs(self._db, request, progress)

    def export_manifest(self, out: str | Path, *, filter: str = "", progress: Progress = silent) -> ExportedLines:
        """Write a manifest of the pictures, with their labels and metadata, which can be loaded again.

        Rows are read as a stream. A run that ends early leaves ``FILE.jsonl.part``; the same call goes on from there.

        Parameters
        ----------
        out : path
            ``FILE.jsonl``. URIs in it are relative to what the gallery was loaded from.
        filter : str
            A Milvus expression: only these pictures.
        progress : callable
            Told how many pictures are written; see `milvise.operations.progress`.

        Returns
        -------
        ExportedLines
            How many lines were written, by this run and by an earlier one.

        Raises
        ------
        NotFoundError
            If there is no gallery of this name.
        InputError
            If the file cannot be written, or another request began to write it.

        Examples
        --------
        >>> gallery.export_manifest("all.jsonl").lines    # doctest: +SKIP
        """
        from milvise.operations.checks import as_path
        from milvise.operations.export_lines import ExportManifest, export_manifest

        return export_manifest(self._db, ExportManifest(as_path("out", out), self.name, filter), progress)

    def export_duplicates(
        self,
        out: str | Path,
        *,
        kind: str = "exact",
        similarity: float = SIMILARITY,
        filter: str = "",
        progress: Progress = silent,
    ) -> ExportedLines:
        """Write groups of pictures that are the same, one a line, as `duplicates` yields them.

        A run for visual duplicates that ends early leaves ``FILE.jsonl.part``; the same call goes on from there.

        Parameters
        ----------
        out : path
            ``FILE.jsonl``.
        kind, similarity, filter
            As `duplicates`.
        progress : callable
            Told how many pictures were looked at; see `milvise.operations.progress`.

        Returns
        -------
        ExportedLines
            How many lines were written, by this run and by an earlier one.

        Raises
        ------
        UsageError
            If the kind or the similarity cannot be.
        NotFoundError
            If there is no gallery of this name.
        InputError
            If the file cannot be written, or another request began to write it.

        Examples
        --------
        >>> gallery.export_duplicates("same.jsonl", kind="visual").lines    # doctest: +SKIP
        """
        from milvise.operations.checks import as_path
        from milvise.operations.export_lines import ExportDuplicates, export_duplicates

        request = ExportDuplicates(as_path("out", out), self.name, kind, similarity, filter)
        return export_duplicates(self._db, request, progress)

    def rebuild(
        self,
        *,
        encoder: str | None = None,
        backbone: str | Path | None = None,
        weights: str | Path | None = None,
        classes: str | Path | None = None,
        head: str | Path | None = None,
        gates: Limits | None = None,
        attributes: Sequence[str] = (),
        accept_worse: bool = False,
        out: str | Path | None = None,
        index: str | None = None,
        memory: str | int | None = None,
        batch_size: int | None = None,
        engine: str = "auto",
        precision: str | None = None,
        prune: bool = False,
        dry_run: bool = False,
        shadow_for: str | None = None,
        progress: Progress = silent,
    ) -> Rebuilt:
        """Build another version beside the live one, judge both with the same searches, and let it go live if it is good enough.

        The gallery is searched, and written to, all the while. The version that was live is kept for `rollback`.

        Parameters
        ----------
        encoder, backbone, weights, classes, head, precision
            What the new version is made with, as `milvise.Database.ingest_images`; what is left out stays as it is.
            Here ``precision="auto"`` is what is fastest on this machine.
        gates : Limits, optional
            Limits on figures of the evaluation that must hold.
        attributes : sequence of str
            Groups that the evaluation of bias compares, as `Bias`.
        accept_worse : bool
            Whether it goes live also if a main figure is worse by more than noise.
        out : path, optional
            A folder for the reports of both versions; by default ``milvise-rebuild-GALLERY``.
        index : str, optional
            For the new version; by default as it was asked for before.
        memory : str or int, optional
            What the new version may take of a server's memory, as `milvise.Database.ingest_images`.
        batch_size, engine
            As `milvise.Database.ingest_images`.
        prune : bool
            Whether pictures whose files cannot be read are let go; else nothing goes live without them.
        dry_run : bool
            Whether the new version is built and judged only.
        shadow_for : str, optional
            How long services that were started with ``--shadow`` ask the new version too before it goes live, such as ``30m``.
        progress : callable
            Told of each step, and how many pictures are done; see `milvise.operations.progress`.

        Returns
        -------
        Rebuilt
            Whether the new version is live, why not, and the figures that it was judged by.

        Raises
        ------
        UsageError
            If nothing would be another, or a value cannot be.
        NotFoundError
            If there is no gallery of this name.
        InputError
            If pictures of the gallery cannot be read on this machine.
        MissingExtraError
            If the packages of the extra ``evaluate`` are not installed; nothing is built then.
        ModelError, FingerprintError, MissingEncoderError, UnsupportedError
            As `milvise.Database.ingest_images`.

        Examples
        --------
        >>> gallery.rebuild(backbone="efficientnet_lite1", progress=print).is_live    # doctest: +SKIP
        True
        """
        from milvise.operations.checks import as_name, as_optional_path
        from milvise.operations.evaluate import Limits
        from milvise.operations.rebuild import Rebuild, rebuild

        request = Rebuild(
            self.name, encoder=encoder, backbone=None if backbone is None else as_name("backbone", backbone),
            weights=as_optional_path("weights", weights), classes=as_optional_path("classes", classes),
            head=None if head is None else as_name("head", head), index=index, memory=memory, batch_size=batch_size, engine=engine,
            precision=precision, gates=gates or Limits(), attributes=tuple(attributes), out=as_optional_path("out", out), prune=prune, accept_worse=accept_worse, dry_run=dry_run, shadow_for=shadow_for,
        )  # fmt: skip
        return rebuild(self._db, request, progress)

    def rollback(self, to: str | None = None, *, engine: str = "auto", progress: Progress = silent) -> RolledBack:
        """Have an earlier version go live at once, and bring over afterwards what changed since it was live.

        Parameters
        ----------
        to : str, optional
            The name of a version, see `versions`; by default the one that was live before.
        engine : {"auto", "keras", "openvino"}
            What runs its backbone for the pictures that changed.
        progress : callable
            Told when it is live, and how many pictures are looked at; see `milvise.operations.progress`.

        Returns
        -------
        RolledBack
            Which version is live, and how many pictures were brought over.

        Raises
        ------
        NotFoundError
            If there is no such gallery, or no version was kept.
        UsageError
            If the version is live already.
        InputError
            If pictures that changed cannot be read on this machine; the version is live then.

        Examples
        --------
        >>> gallery.rollback().version    # doctest: +SKIP
        '6f0c2c1b7a'
        """
        from milvise.operations.rollback import Rollback, rollback

        return rollback(self._db, Rollback(self.name, to, engine), progress)

    def versions(self, *, progress: Progress = silent) -> Versions:
        """Return the versions of the gallery: the live one first, then those that were kept, with the figures that they were judged by.

        Parameters
        ----------
        progress : callable
            Told nothing: the answer is there at once.

        Returns
        -------
        Versions
            By their names, which `rollback` takes.

        Raises
        ------
        NotFoundError
            If there is no gallery of this name.

        Examples
        --------
        >>> [one.name for one in gallery.versions().versions]    # doctest: +SKIP
        ['6f0c2c1b7a', '09a1c4d2ee']
        """
        from milvise.operations.rollback import History, history

        return history(self._db, History(self.name), progress)
