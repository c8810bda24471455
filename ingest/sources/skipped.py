"""What a source has and a run does not look at: files that no picture is read from, links, and folders that cannot be read."""

from __future__ import annotations

import mimetypes
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

_FILMS_AND_PICTURES = """
.heic .heif .heics .heifs .hif .avif .avifs .jxl .jxr .wdp .hdp .jls .exr .hdr .bpg .flif .svg .svgz .eps .epsf .epsi .ps .ai .wmf
.emf .psb .xcf .kra .clip .afphoto .cdr .sketch .cur .fits .fit .dcm .dicom .ktx .ktx2 .pvr .webp .jp2 .j2k .djvu .fli .flc .jfif
.3fr .arw .bay .braw .cap .cr2 .cr3 .crw .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq .k25 .kdc .mdc .mef .mos .mrw .nef .nrw .orf
.pef .ptx .pxn .r3d .raf .raw .rw2 .rwl .rwz .sr2 .srf .srw .x3f
.3g2 .3gp .asf .avi .divx .dv .f4v .flv .h264 .h265 .hevc .insp .insv .lrv .m2ts .m2v .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf
.ogm .ogv .qt .rm .rmvb .vob .webm .wmv .y4m
"""

_ADVICE = {
    ".heic": "convert HEIC to JPEG first, such as with heif-convert",
    ".heif": "convert HEIF to JPEG first, such as with heif-convert",
    ".svg": "render SVG to PNG first",
}
_ANY_ADVICE = "save pictures, or frames of films, as JPEG or PNG first"

MOST_HIDDEN = 100_000
"""Of more places that cannot be seen it is only remembered that there are many: then nothing counts as seen to be gone."""


@dataclass(slots=True)
class Skipped:
    """What one reading of a source passed over.

    Attributes
    ----------
    passed_over : Counter
        Files that look like pictures or films and are in no format that is read, by lower-case extension.
    links_passed_over : int
        Links to folders, which are not followed.
    hidden : set of str
        URI prefixes under which pictures may stand that could not be seen; ``""`` stands for all.
    """

    passed_over: Counter[str] = field(default_factory=Counter)
    links_passed_over: int = 0
    hidden: set[str] = field(default_factory=set)

    def hide(self, prefix: str) -> None:
        """Note a folder that cannot be seen, by its URI with a slash at the end."""
        self.hidden.add(prefix if len(self.hidden) < MOST_HIDDEN else "")

    def hides(self, uri: str) -> bool:
        """Return whether a picture with this URI may be there and cannot be seen."""
        if not self.hidden:
            return False
        parts = uri.split("/")
        return any("/".join((*parts[:length], "")) in self.hidden for length in range(len(parts)))

    def add(self, other: Skipped) -> None:
        """Add what another source passed over."""
        self.passed_over.update(other.passed_over)
        self.links_passed_over += other.links_passed_over
        for prefix in other.hidden:
            self.hide(prefix)

    def message(self) -> str:
        """Return in a few words what was passed over and what can be done, empty if nothing was."""
        if not self.passed_over and not self.links_passed_over:
            return ""
        kinds = ", ".join(f"{ext} {count:,}" for ext, count in self.passed_over.most_common(10))
        more = f" and {len(self.passed_over) - 10} other kinds" if len(self.passed_over) > 10 else ""
        files = f"files that look like pictures or films and cannot be read: {kinds}{more}" if kinds else ""
        links = f"{self.links_passed_over:,} links to folders, which are not followed" if self.links_passed_over else ""
        advice = [_ADVICE.get(ext, _ANY_ADVICE) for ext, _ in self.passed_over.most_common(10)]
        advice += ["give the folders that the links lead to as sources"] if links else []
        return f"{'; '.join(filter(None, (files, links)))}. What can be done: {'; '.join(dict.fromkeys(advice))}."


@cache
def looks_like_a_picture(extension: str) -> bool:
    """Return whether files with this lower-case extension, with its dot, are pictures or films to people."""
    # Not the lists of the system, which differ from machine to machine.
    kinds = mimetypes.MimeTypes(filenames=())
    kind = kinds.types_map[1].get(extension) or kinds.types_map[0].get(extension) or ""
    return extension in _FILMS_AND_PICTURES.split() or kind.startswith(("image/", "video/"))
