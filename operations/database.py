"""Start here for Python: one Milvus, with everything that can be done to it.

The operations are imported when they are first used, so that who searches imports no more than a search needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, overload

from milvise.adapter import Store
from milvise.adapter import connect as open_connection
from milvise.adapter.store import check_name
from milvise.core import config
from milvise.errors import MissingExtraError, UsageError
from milvise.operations.gallery import Gallery
from milvise.operations.progress import Progress, silent
from milvise.queries import database

if TYPE_CHECKING:
    from milvise.client.database import RemoteDatabase
    from milvise.gallery.verification.record import Verification
    from milvise.ingest.sources import Source
    from milvise.ingest.summary import Summary
    from milvise.operations.capacity.calibration import Calibration
    from milvise.operations.demo import Demonstration
    from milvise.operations.drop import Dropped
    from milvise.operations.embed import Embedded
    from milvise.operations.follow import Following
    from milvise.operations.load import LoadedShards
    from milvise.operations.words import TagTraining, WordsSummary


class Database(database.Database):
    """A connection to Milvus; made by `connect`, and closed by `close` or the end of a ``with`` block.

    Examples
    --------
    >>> db = milvise.connect("photos.db", create=True)                       # doctest: +SKIP
    >>> db.ingest_words("glove-6b-50d")                                      # doctest: +SKIP
    >>> db.ingest_images("photos", gallery="holiday", progress=print)        # doctest: +SKIP
    >>> db.gallery("holiday").search("dog on the beach")                     # doctest: +SKIP
    """

    def gallery(self, name: str = config.DEFAULT_GALLERY) -> Gallery:
        """Return the gallery of this name; whether it is there shows when it is asked something.

        Parameters
        ----------
        name : str
            By default ``default``.

        Raises
        ------
        UsageError
            If no gallery can be called so.

        Examples
        --------
        >>> db.gallery("holiday").search("cat sofa", limit=9)    # doctest: +SKIP
        """
        return Gallery(self, check_name(name))

    def ingest_words(
        self,
        source: str | Path,
        *,
        limit: int | None = None,
        components: int | None = None,
        index: str = "auto",
        training: TagTraining | None = None,
        replace: bool = False,
        progress: Progress = silent,
    ) -> WordsSummary:
        """Load word vectors, or train them on tag lists, in place of those that are there.

        Parameters
        ----------
        source : str or path
            GloVe, word2vec, fastText or gensim vectors, or ``glove-6b-50d`` (an installed package); with `training` a text
            file with one tag list a line.
        limit : int, optional
            Only the first so many words.
        components : int, optional
            Principal components to remove; by default one for each 100 dimensions, at least one, and none with `training`.
        index : str
            ``auto``, ``flat``, ``hnsw``, ``hnsw:M=32,ef=128`` and so on.
        training : milvise.TagTraining, optional
            Train the vectors on the tag lists in the file.
        replace : bool
            Whether they take the place of words that galleries were made with, or of more than twice as many.
        progress : callable
            Told of each step and, now and then, how many words are loaded; see `milvise.operations.progress`.

        Returns
        -------
        WordsSummary
            How many words there are now, and what was skipped.

        Raises
        ------
        UsageError
            If a value cannot be, or words would be lost and not `replace`. Nothing is written.
        InputError
            If the source cannot be read, or holds no words.
        UnsupportedError
            If the connected Milvus does not have the index.
        MissingExtraError
            If a package that the source needs is not installed.

        Examples
        --------
        >>> db.ingest_words("glove-6b-50d", limit=40_000)                                    # doctest: +SKIP
        >>> db.ingest_words("tags.txt", training=milvise.TagTraining(dim=64, epochs=20))     # doctest: +SKIP
        """
        from milvise.operations.checks import as_name
        from milvise.operations.words import IngestWords, ingest_words

        request = IngestWords(
            as_name("source", source), limit=limit, components=components, index=index, training=training, replace=replace
        )  # fmt: skip
        return ingest_words(self, request, progress)

    def ingest_images(
        self,
        *sources: str | Path | Source,
        gallery: str = config.DEFAULT_GALLERY,
        encoder: str | None = None,
        backbone: str | Path | None = None,
        weights: str | Path | None = None,
        classes: str | Path | None = None,
        head: str | Path | None = None,
        labels: str = "folder",
        index: str = "auto",
        memory: str | int | None = None,
        batch_size: int | None = None,
        engine: str = "auto",
        precision: str | None = None,
        prune: bool = False,
        dry_run: bool = False,
        verify_content: bool = False,
        requests_per_second: float | None = None,
        quarantine: str | Path | None = None,
        partition: str | None = None,
        profile: str | Path | None = None,
        progress: Progress = silent,
    ) -> Summary:
        """Load pictures: unchanged ones are skipped, changed ones replaced, bad ones reported.

        A run that ends early leaves what it wrote; the same call goes on from there.

        Parameters
        ----------
        *sources : str, path or Source
            Folders; ``.csv``, ``.jsonl``, ``.parquet`` manifests with a ``uri`` column; ``.tar`` files of WebDataset, or what
            img2dataset wrote. Each is a path or a URL, see ``docs/sources.md``. Or sources of one's own, see
            `milvise.ingest.sources.Source`.
        gallery : str
            Which collection of pictures.
        encoder : str, optional
            What turns pictures into vectors: ``devise``, or the name of one that another package adds, see
            ``docs/add-an-encoder.md``; by default the gallery's, else ``devise``. `backbone`, `weights`, `classes` and
            `head` are for ``devise``.
        backbone : str or path, optional
            ``efficientnet_lite0`` and so on, a keras.applications model, or ``FILE.keras[:layer]``; by default the
            gallery's, else ``efficientnet_lite0``.
        weights : path, optional
            A file of weights instead of the pretrained ones.
        classes : path, optional
            Class names of the backbone, one a line, if they are not ImageNet's.
        head : str or path, optional
            ``conse``, a trained head's ``FILE.keras``, or ``none`` for no search by word; by default the gallery's, else
            ``conse``.
        labels : {"folder", "none"}
            Whether the folder of a picture is its label.
        index : str
            For both collections, as `ingest_words`.
        memory : str or int, optional
            With ``index="auto"`` on a server: what both collections together may take of its memory, such as ``"8GiB"`` or a number of
            bytes. It is remembered. By default as before, or by what the server says it has.
        batch_size : int, optional
            Pictures for each pass through the backbone; by default what keeps it busy.
        engine : {"auto", "keras", "openvino"}
            What runs the backbone.
        precision : {"auto", "single", "half"}, optional
            How exactly the backbone computes: ``half`` is faster where OpenVINO runs it on a processor that multiplies floats of 16 bits.
            By default, and with ``auto``, that of the gallery. For a gallery that is new the default is ``single``, and ``auto``
            what is fastest on this machine and loses next to nothing (``docs/performance.md``). Another precision than that of the
            gallery has all pictures embedded again.
        prune : bool
            Whether stored pictures that are in none of the sources are removed.
        dry_run : bool
            Whether nothing is written.
        verify_content : bool
            Whether stored files are read again even if their size and time are as they were.
        requests_per_second : float, optional
            How many requests to stores and web servers begin within a second at most; by default
            ``MILVISE_REQUESTS_PER_SECOND``, else any number.
        quarantine : path, optional
            Where bad files are reported; by default ``milvise-quarantine-GALLERY.jsonl`` in the working folder.
        profile : path, optional
            Where an HTML page is written of what each stage did over time: how busy it was, and how long it waited.
        partition : str, optional
            The metadata column, such as ``owner``, by which a gallery that is new is put into partitions: filters on it make
            searches read a part of it. See ``docs/large-galleries.md``. It cannot be changed afterwards.
        progress : callable
            Told of each step, and of how many pictures are done; see `milvise.operations.progress`. The sources are read
            once more to know how many there are, unless that would read the pictures themselves.

        Returns
        -------
        Summary
            How many were embedded, unchanged, quarantined and so on.

        Raises
        ------
        UsageError
            If a value cannot be, the gallery has joint vectors and ``head="none"``, or it has another partition column.
        InputError
            If a source is not there or has no picture, or none of a new gallery's pictures can be loaded.
        NotFoundError
            If no words are loaded for the head.
        MissingEncoderError
            If no installed package has an encoder of this name.
        ModelError, FingerprintError
            If the encoder, backbone or head cannot be built, or do not belong together.
        UnsupportedError
            If the connected Milvus does not have the index.

        Examples
        --------
        >>> db.ingest_images("photos", gallery="holiday", progress=print).embedded    # doctest: +SKIP
        """
        from milvise.operations.checks import as_name, as_optional_path
        from milvise.operations.images import IngestImages, ingest_images

        request = IngestImages(
            sources, gallery=gallery, encoder=encoder, backbone=None if backbone is None else as_name("backbone", backbone),
            weights=as_optional_path("weights", weights), classes=as_optional_path("classes", classes),
            head=None if head is None else as_name("head", head), labels=labels, index=index, memory=memory, batch_size=batch_size,
            engine=engine, precision=precision, profile=as_optional_path("profile", profile), prune=prune, dry_run=dry_run, verify_content=verify_content,
            requests_per_second=requests_per_second, quarantine=as_optional_path("quarantine", quarantine), partition=partition,
        )  # fmt: skip
        return ingest_images(self, request, progress)

    def follow(
        self,
        source: str | Path,
        *,
        gallery: str = config.DEFAULT_GALLERY,
        root: str | Path | None = None,
        group: str | None = None,
        since: str | None = None,
        encoder: str | None = None,
        backbone: str | Path | None = None,
        weights: str | Path | None = None,
        classes: str | Path | None = None,
        head: str | Path | None = None,
        labels: str = "folder",
        index: str = "auto",
        batch_size: int | None = None,
        engine: str = "auto",
        precision: str | None = None,
        max_delay: str = "2s",
        max_delete: str = "5%",
        reconcile: str | None = None,
        poll: str | None = None,
        dead_letters: str | Path | None = None,
        progress: Progress = silent,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Following:
        """Keep a gallery up to date with a stream of events, or with a folder, until it is stopped or the stream ends.

        An event says that a picture is to be looked at again (``docs/following.md``). It is acknowledged once the gallery has what
        stands there; whoever ends before that leaves it to the next follower. While Milvus, the stream or the folder cannot be
        reached, this waits.

        Parameters
        ----------
        source : str or path
            ``redis://HOST/STREAM``, ``kafka://HOST:PORT/TOPIC``, ``-`` for events on standard input, one a line, or a folder.
        gallery : str
            Which collection of pictures; a new one is made.
        root : path, optional
            The folder that the subjects of events are relative to; by default the one that the gallery was loaded from.
        group : str, optional
            Followers of the same group share a stream; by default ``milvise-GALLERY``.
        since : str, optional
            Where to begin in a stream: ``start``, or a time such as ``2026-05-01T12:00:00Z``. By default a group goes on where it
            was, and a new one begins at the start.
        encoder, backbone, weights, classes, head, labels, index, batch_size, engine, precision
            For a gallery that is new, as `ingest_images`; later on as the gallery was made.
        max_delay : str
            How long events wait for others while pictures are under way, such as ``500ms``: longer is faster, and less fresh.
        max_delete : str
            How many pictures may go within a minute without an event that says so: a share such as ``5%``, or a number.
        reconcile : str, optional
            How often a folder is compared as a whole; by default ``24h``.
        poll : str, optional
            Compare a folder as a whole so often, and do not ask the system for notices of changes: for disks of the network.
        dead_letters : path, optional
            Where events of standard input, and pictures of a folder, are reported that cannot be loaded; by default
            ``milvise-dead-letters-GALLERY.jsonl``. Redis and Kafka have a stream and a topic for that.
        progress : callable
            Told several times a second how far it is; see `milvise.operations.progress.Rate`.
        is_over : callable
            Asked several times a second; once it returns true, what is in hand is brought to its end.

        Returns
        -------
        Following
            How many events were settled, and what became of the pictures.

        Raises
        ------
        UsageError
            If a value cannot be, the source is no stream, or the gallery was made with another encoder or head.
        InputError
            If the folder is not there.
        MissingExtraError
            If the client of the stream is not installed: the extras are ``redis``, ``kafka`` and ``watch``.
        UnavailableError
            If the stream cannot be reached at the start.
        NotFoundError, ModelError, FingerprintError, UnsupportedError
            As `ingest_images`.

        Examples
        --------
        >>> db.follow("redis://localhost/pictures", gallery="holiday", root="/photos")    # doctest: +SKIP
        """
        from milvise.operations.checks import as_name, as_optional_path
        from milvise.operations.follow import Follow, follow

        request = Follow(
            str(source), gallery=gallery, root=as_optional_path("root", root), group=group, since=since, encoder=encoder,
            backbone=None if backbone is None else as_name("backbone", backbone), weights=as_optional_path("weights", weights),
            classes=as_optional_path("classes", classes), head=None if head is None else as_name("head", head), labels=labels,
            index=index, batch_size=batch_size, engine=engine, precision=precision, max_delay=max_delay, max_delete=max_delete, reconcile=reconcile,
            poll=poll, dead_letters=as_optional_path("dead_letters", dead_letters), is_over=is_over,
        )  # fmt: skip
        return follow(self, request, progress)

    def embed(
        self,
        *sources: str | Path | Source,
        out: str | Path,
        gallery: str = config.DEFAULT_GALLERY,
        encoder: str | None = None,
        backbone: str | Path | None = None,
        weights: str | Path | None = None,
        classes: str | Path | None = None,
        head: str | Path | None = None,
        labels: str = "folder",
        rows: int = 100_000,
        partition: str | None = None,
        on: str = "processes",
        workers: int | None = None,
        shard: int | None = None,
        only_failed: bool = False,
        batch_size: int | None = None,
        engine: str = "auto",
        precision: str | None = None,
        progress: Progress = silent,
    ) -> Embedded:
        """Embed pictures into a folder of shards, for a later `load`: in parts, each of which is done whole or not at all.

        The pictures are listed once. Called again, it embeds the shards that are not embedded yet; without sources it goes on with
        what is listed. Nothing is written to Milvus; its words are read when the pictures are listed, and not afterwards.

        Parameters
        ----------
        *sources : str, path or Source
            As `ingest_images`.
        out : path
            The folder of shards. Workers on other machines must share it; see ``docs/scale.md`` for what lies in it.
        gallery : str
            Encoder and head are those of this gallery, where it stands.
        encoder, backbone, weights, classes, head, labels, partition, precision
            As `ingest_images`.
        rows : int
            Pictures of each shard.
        on : str
            ``processes`` of this machine, ``ray`` for the Ray cluster that this machine belongs to, or its ``ray://HOST:PORT``.
        workers : int, optional
            Shards under way at a time; by default one for each four cores.
        shard : int, optional
            This shard alone, in this process.
        only_failed : bool
            Embed again the shards that failed, or that hold pictures that could not be read.
        batch_size, engine
            As `ingest_images`.
        progress : callable
            Told of each step, and of how many pictures are done; see `milvise.operations.progress`.

        Returns
        -------
        Embedded
            How many shards and pictures are embedded, and why others are not.

        Raises
        ------
        UsageError
            If a value cannot be, or the folder lists other pictures.
        InputError
            If a source is not there or has no picture, or the folder cannot be written.
        MissingExtraError
            If pyarrow, or Ray where it is asked for, is not installed.
        UnavailableError
            If the Ray cluster cannot be reached.
        NotFoundError, MissingEncoderError, ModelError, FingerprintError
            As `ingest_images`.

        Examples
        --------
        >>> db.embed("photos", out="shards", progress=print).rows    # doctest: +SKIP
        >>> db.load("shards", gallery="holiday").rows    # doctest: +SKIP
        """
        from milvise.operations.checks import as_name, as_optional_path, as_path
        from milvise.operations.embed import EmbedShards, embed_shards
        from milvise.operations.plan_shards import PlanShards, is_planned, plan_shards

        folder = as_path("out", out)
        request = EmbedShards(
            folder, on=on, workers=workers, shard=shard, only_failed=only_failed, batch_size=batch_size, engine=engine
        )
        if sources or not is_planned(folder):
            plan = PlanShards(
                sources, folder, gallery=gallery, encoder=encoder,
                backbone=None if backbone is None else as_name("backbone", backbone), weights=as_optional_path("weights", weights),
                classes=as_optional_path("classes", classes), head=None if head is None else as_name("head", head), labels=labels,
                rows=rows, partition=partition, engine=engine, precision=precision,
            )  # fmt: skip
            plan_shards(self, plan, progress)
        return embed_shards(request, progress)

    def load(
        self,
        shards: str | Path,
        *,
        gallery: str = config.DEFAULT_GALLERY,
        index: str = "auto",
        memory: str | int | None = None,
        by: str = "auto",
        staging: str | None = None,
        append: bool = False,
        prune: bool = False,
        progress: Progress = silent,
    ) -> LoadedShards:
        """Load shards that `embed` wrote into new collections, index and check them, and then let them go live.

        A server imports the files by itself where it can read them. What was loaded is counted, and a sample of it is compared with
        the files. A load that was killed is continued by the same call.

        Parameters
        ----------
        shards : path
            A folder in which all shards are embedded.
        gallery : str
            What the gallery is called.
        index : str
            For both collections, as `ingest_words`; built once, when all rows are there.
        memory : str or int, optional
            With ``index="auto"``, as `ingest_images`.
        by : {"auto", "import", "insert"}
            Whether the server imports the files, or their rows are sent to it; ``auto`` imports where the server is on this machine,
            or `staging` is given, and sends rows where it cannot read the files.
        staging : str, optional
            Where files are copied to so that the server finds them: from Milvus 2.4 on its own bucket, such as
            ``s3://milvus-bucket/staging``. Credentials come from the environment.
        append : bool
            Whether the shards are added to the gallery that is live; pictures that it has already are replaced.
        prune : bool
            Whether pictures of a live gallery, which another encoder made, may go where the shards lack them.
        progress : callable
            Told of each step, and of how many pictures are in.

        Returns
        -------
        LoadedShards
            How many pictures the gallery has, and how long each step took.

        Raises
        ------
        InputError
            If the folder is no folder of shards, or a shard is not embedded or damaged.
        UsageError
            If a value cannot be, or the gallery is made with this encoder already and `append` is not given.
        NotFoundError
            If the words are not loaded that the shards were made with, or there is no gallery to append to.
        FingerprintError
            If other words are loaded, or the gallery to append to was made otherwise.
        StoreError
            If the server cannot import a file, or does not hold afterwards what the files hold.
        LockedError
            If another process loads the same shards into the same gallery.
        UnsupportedError
            If the connected Milvus does not have the index.

        Examples
        --------
        >>> db.load("shards", gallery="holiday", progress=print).rows    # doctest: +SKIP
        """
        from milvise.operations.checks import as_path
        from milvise.operations.load import LoadShards, load_shards

        request = LoadShards(
            as_path("shards", shards),
            gallery,
            index=index,
            memory=memory,
            by=by,
            staging=staging,
            append=append,
            prune=prune,
        )
        return load_shards(self, request, progress)

    def verify(
        self, gallery: str | None = None, *, pictures: int = 0, repair: bool = False, progress: Progress = silent
    ) -> Verification:
        """Return whether a gallery, and everything that it stands on, is whole; see `milvise.gallery.verify`.

        Parameters
        ----------
        gallery : str, optional
            By default ``default``; where that is not there, words and catalog are verified alone.
        pictures : int
            How many stored vectors are compared with their picture files, which needs the backbone on this machine.
        repair : bool
            Whether what is not whole is first made again from the rest.
        progress : callable
            Told what the repair did, as it happens; see `milvise.operations.progress`.

        Returns
        -------
        Verification
            Whether all is whole, with the problems, the remarks and what was looked at.

        Raises
        ------
        UsageError
            If a value cannot be.
        NotFoundError
            If a gallery is named and is not there.
        DeniedError
            If something is to be repaired and this user may not write.

        Examples
        --------
        >>> db.verify("holiday", repair=True, progress=print).whole    # doctest: +SKIP
        True
        """
        from milvise.operations.verify import Verify, verify

        return verify(self, Verify(gallery, pictures=pictures, repair=repair), progress)

    def drop(self, gallery: str, *, only_kept: bool = False, progress: Progress = silent) -> Dropped:
        """Remove a gallery from Milvus; the picture files stay.

        Parameters
        ----------
        gallery : str
            Its name.
        only_kept : bool
            Whether the live collections stay, and only those go that were kept when the gallery was projected with another
            head, or that an unfinished run left. Copies that are being evaluated go in either case.
        progress : callable
            Told what is gone; see `milvise.operations.progress`.

        Returns
        -------
        Dropped
            The names of the collections that are gone.

        Raises
        ------
        NotFoundError
            If there is none of this name.

        Examples
        --------
        >>> db.drop("holiday").collections    # doctest: +SKIP
        """
        from milvise.operations.drop import Drop, drop

        return drop(self, Drop(gallery, only_kept), progress)

    def drop_words(self, *, only_kept: bool = False, progress: Progress = silent) -> Dropped:
        """Remove the words; `word_users` names the galleries that are searched with them.

        Parameters
        ----------
        only_kept : bool
            Whether the live ones stay, and only those go that a run left which did not come to its end.
        progress : callable
            Told what is gone; see `milvise.operations.progress`.

        Returns
        -------
        Dropped
            The names of the collections that are gone.

        Raises
        ------
        NotFoundError
            If there are no words to remove.

        Examples
        --------
        >>> db.drop_words(only_kept=True).collections    # doctest: +SKIP
        ()
        """
        from milvise.operations.drop import Drop, drop

        return drop(self, Drop(only_kept=only_kept), progress)

    def word_users(self) -> list[str]:
        """Return the names of the galleries that are searched with the words that are loaded."""
        from milvise.operations.drop import word_users

        return list(word_users(self))

    def calibrate(
        self,
        *,
        backbone: str | Path = config.DEFAULT_BACKBONE,
        sample: str | Path | None = None,
        engine: str = "auto",
        out: str | Path | None = None,
        progress: Progress = silent,
    ) -> Calibration:
        """Measure what this machine and this Milvus reach, in about two minutes, and keep it for later plans.

        Pictures are embedded, and a few thousand rows are inserted, indexed and loaded in collections that are dropped afterwards.

        Parameters
        ----------
        backbone : str or path
            What the pictures go through.
        sample : str or path, optional
            A folder or manifest of pictures like those that are planned for; by default pictures are generated.
        engine : {"auto", "keras", "openvino"}
            What runs the backbone.
        out : path, optional
            Where the figures are written; by default where `milvise.plan` finds them.
        progress : callable
            Told of each step; see `milvise.operations.progress`.

        Returns
        -------
        Calibration
            The figures, each with its source.

        Raises
        ------
        InputError
            If no picture of the sample can be read, or the figures cannot be written.
        MissingExtraError, ModelError
            If the backbone cannot be built.
        DeniedError
            If this user may not make collections.

        Examples
        --------
        >>> db.calibrate(sample="photos", progress=print).figures["embed_per_s"].value    # doctest: +SKIP
        """
        from milvise.operations.calibrate import Calibrate, calibrate
        from milvise.operations.checks import as_name, as_optional_path

        request = Calibrate(
            as_name("backbone", backbone), None if sample is None else str(sample), engine, as_optional_path("out", out)
        )
        return calibrate(self, request, progress)

    def demo(
        self, folder: str | Path | None = None, *, sheet: str | Path = "milvise-demo.html", progress: Progress = silent
    ) -> Demonstration:
        """Load photos into the gallery ``milvise_demo``, search them in four ways, and write a contact sheet.

        Parameters
        ----------
        folder : str or path, optional
            Photos of one's own; by default those in installed packages. What else the gallery holds is removed from it.
        sheet : path
            Where the contact sheet is written.
        progress : callable
            As `ingest_images`.

        Returns
        -------
        Demonstration
            The requests with what they found, and the sheet.

        Raises
        ------
        MissingExtraError
            If a package that it needs is not installed.
        NotFoundError, InputError
            If the folder is not there, or holds no picture that can be read.

        Examples
        --------
        >>> db.demo(progress=print).sections[0].hits    # doctest: +SKIP
        """
        from milvise.operations.checks import as_optional_path, as_path
        from milvise.operations.demo import Demo, run_demo

        return run_demo(self, Demo(as_optional_path("folder", folder), as_path("sheet", sheet)), progress)


@overload
def connect(uri: str | None = None, *, token: str | None = None, create: bool = False) -> Database: ...


@overload
def connect(uri: str, *, api_key: str, timeout: float = ...) -> RemoteDatabase: ...


def connect(
    uri: str | None = None,
    *,
    token: str | None = None,
    create: bool = False,
    api_key: str | None = None,
    timeout: float | None = None,
) -> Database | RemoteDatabase:
    """Open Milvus, or with an `api_key` a service that ``milvise serve`` runs.

    Parameters
    ----------
    uri : str, optional
        A path that ends in ``.db`` (Milvus Lite) or ``http(s)://host:port``; by default ``MILVISE_URI``, else
        ``./milvise.db``. With an `api_key` the address of the service.
    token : str, optional
        For Milvus: ``user:password`` or an API key; by default ``MILVISE_TOKEN``.
    create : bool
        Whether a Milvus Lite file that is not there yet is created, which loading needs and searching does not.
    api_key : str, optional
        A key of the service, ``""`` for one that asks for none; see `milvise.client.database.connect_to_service`.
    timeout : float, optional
        Seconds to wait for the service; by default 60.

    Returns
    -------
    Database or RemoteDatabase
        The second for a service: searches and other requests are the same; what loads, trains and changes galleries is done where Milvus is.

    Raises
    ------
    UsageError, NotFoundError, LockedError, UnavailableError
        As `milvise.adapter.connect`; a service is reached with the first request.
    MissingExtraError
        If the package that a service is asked with is not installed.

    Examples
    --------
    >>> import milvise
    >>> db = milvise.connect("photos.db", create=True)
    >>> db.status()
    []
    >>> db.close()
    """
    if api_key is not None:
        return _service(uri, api_key, timeout, of_milvus=token is not None or create)
    if timeout is not None:
        raise UsageError("a timeout is for a service: give its api_key too, which is '' for one that asks for none.")
    return Database(Store(open_connection(config.uri(uri), token=config.token(token), create=create)))


def _service(uri: str | None, api_key: str, timeout: float | None, *, of_milvus: bool) -> RemoteDatabase:
    if of_milvus:
        raise UsageError("token and create are for Milvus, and api_key is for a service: give those of one.")
    if uri is None:
        raise UsageError("which service?\nExpected: its address, such as https://pictures.example\nReceived: none")
    try:
        from milvise.client.database import TIMEOUT_S, connect_to_service
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise MissingExtraError("asking a service", "client") from error
    return connect_to_service(uri, api_key=api_key, timeout=TIMEOUT_S if timeout is None else timeout)
