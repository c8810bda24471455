"""What a run tells of its batches: counts, and a line in the quarantine for each picture that could not be loaded."""

from __future__ import annotations

from dataclasses import asdict

from milvise.gallery.plan import Plan
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.sources.item import Rejected
from milvise.ingest.sources.skipped import Skipped
from milvise.ingest.stages.batches import EmbeddedBatch, ReadBatch, WrittenBatch
from milvise.ingest.summary import Summary, Tally

PictureBatch = ReadBatch | EmbeddedBatch | WrittenBatch


class Reporter:
    """The counts, the quarantine and the notes of one run.

    Attributes
    ----------
    tally : Tally
    notes : list of str
        What else there is to say of the run.
    """

    def __init__(self, quarantine: Quarantine) -> None:
        self.tally = Tally()
        self.notes: list[str] = []
        self._quarantine = quarantine

    @property
    def quarantine_path(self) -> str:
        """Where the quarantine is, or would be."""
        return str(self._quarantine.path)

    def reject(self, rejected: Rejected) -> None:
        """Report a picture that cannot be loaded."""
        self._quarantine.add(rejected.uri, rejected.reason)
        self.tally.add(quarantined=1)

    def report(self, batch: PictureBatch) -> None:
        """Report what a stage rejected, and count what was written."""
        for rejected in batch.rejected:
            self.reject(rejected)
        if isinstance(batch, WrittenBatch):
            self.tally.add(embedded=len(batch))

    def note_skipped(self, skipped: Skipped) -> None:
        """Note what the sources skipped."""
        if told := skipped.message():
            self.notes.append(f"Passed over: {told}")

    def summary(self, plan: Plan, skipped: Skipped, *, rows: int, seconds: float, dry_run: bool = False) -> Summary:
        """Return what the run did."""
        return Summary(
            **asdict(self.tally.counts),
            gallery=plan.gallery,
            engine=plan.encoder.info.engine,
            passed_over=dict(skipped.passed_over.most_common()),
            links_passed_over=skipped.links_passed_over,
            rows=rows,
            seconds=seconds,
            quarantine=self.quarantine_path if self._quarantine.count else None,
            dry_run=dry_run,
            notes=tuple(self.notes),
        )

    def close(self) -> None:
        """Close the quarantine."""
        self._quarantine.close()
