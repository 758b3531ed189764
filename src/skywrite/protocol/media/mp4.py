"""The boxes of MP4 and QuickTime files: tracks, duration, size as shown, and where private data are.

What lives here: a reader that goes from box to box (ISO/IEC 14496-12, QuickTime File Format) and never reads the
images themselves. What does not: what Bluesky accepts (`video`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAX_BOXES = 200_000
MAX_TRACKS = 100
_MAX_READ_BYTES = 4 << 20
_PRIVATE = {b"udta", b"meta", b"uuid"}
_UNUSED = {b"free", b"skip", b"wide"}
_KINDS = {b"vide": "video", b"soun": "audio"}
_CODECS = {
    "avc1": "H.264",
    "avc3": "H.264",
    "hvc1": "HEVC",
    "hev1": "HEVC",
    "av01": "AV1",
    "vp09": "VP9",
    "mp4v": "MPEG-4",
    "mp4a": "AAC",
}


class BrokenMovie(ValueError):
    """The boxes do not fit together: the file is damaged, cut short, or something else."""


@dataclass(frozen=True, slots=True)
class Track:
    """One track. `kind` is video, audio, or the handler's four letters. Sizes are in pixels as shown, 0 for others."""

    kind: str
    codec: str
    duration_seconds: float
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Movie:
    """A file's tracks, and the boxes that no player needs and that may identify the writer.

    `private` are (start, body, end) of such boxes, in bytes from the beginning of the file.
    """

    tracks: tuple[Track, ...]
    duration_seconds: float
    fragmented: bool
    private: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int
    body: int
    end: int


@dataclass(slots=True)
class _Raw:
    """A track while we read it, with times in its own units."""

    track_id: int = 0
    kind: str = ""
    codec: str = ""
    timescale: int = 0
    duration: int = 0
    width: float = 0.0
    height: float = 0.0
    turned: bool = False
    sample_size: tuple[int, int] = (0, 0)
    fragment_default: int = 0


@dataclass(slots=True)
class _State:
    timescale: int = 0
    duration: int = 0
    fragmented: bool = False
    tracks: list[_Raw] = field(default_factory=list)
    private: list[tuple[int, int, int]] = field(default_factory=list)


def read_movie(file: BinaryIO, size_bytes: int) -> Movie:
    """Read a whole file's structure. Raises BrokenMovie."""
    return _Reader(file, size_bytes).movie()


class _Reader:
    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size = size_bytes
        self._boxes_left = MAX_BOXES
        self._state = _State()

    def movie(self) -> Movie:
        fragments = []
        has_movie = False
        for box in self._boxes(0, self._size):
            if box.name == b"moov":
                has_movie = True
                self._moov(box)
            elif box.name == b"moof":
                fragments.append(box)
            else:
                self._note_private(box, _PRIVATE | _UNUSED)
        if not has_movie:
            raise BrokenMovie("it has no index (moov); it is cut short or unfinished")
        for box in fragments:
            self._moof(box)
        state = self._state
        tracks = tuple(_track(raw) for raw in state.tracks)
        seconds = state.duration / state.timescale if state.timescale else 0.0
        if fragments or not seconds:
            # The index of a fragmented file may cover its first fragment only.
            seconds = max(seconds, *(track.duration_seconds for track in tracks), 0.0)
        return Movie(tracks, seconds, state.fragmented or bool(fragments), tuple(state.private))

    def _boxes(self, at: int, end: int) -> Iterator[_Box]:
        """The boxes between two positions. A size of 0 means up to the end."""
        while at + 8 <= end:
            self._boxes_left -= 1
            if self._boxes_left < 0:
                raise BrokenMovie("it has too many boxes")
            header = self._read(at, min(16, end - at))
            size, name = struct.unpack_from(">I4s", header)
            body = at + 8
            if size == 1 and len(header) == 16:
                size = struct.unpack_from(">Q", header, 8)[0]
                body = at + 16
            elif size == 0:
                # QuickTime ends a user data list with four zero bytes; elsewhere 0 means "until the end".
                size = end - at
            if at + size > end:
                raise BrokenMovie("it is cut short")
            if size < body - at:
                raise BrokenMovie("its boxes do not fit together")
            yield _Box(name, at, body, at + size)
            at += size

    def _read(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(length)
        if len(data) < length:
            raise BrokenMovie("it is cut short")
        return data

    def _body(self, box: _Box, length: int) -> bytes:
        """The first bytes of a box, padded with zeros, so that missing optional fields are 0."""
        wanted = min(length, box.end - box.body, _MAX_READ_BYTES)
        return self._read(box.body, wanted).ljust(length, b"\x00")

    def _note_private(self, box: _Box, names: set[bytes]) -> None:
        if box.name in names and box.end > box.body:
            self._state.private.append((box.start, box.body, box.end))

    def _moov(self, moov: _Box) -> None:
        for box in self._boxes(moov.body, moov.end):
            if box.name == b"mvhd":
                self._state.timescale, self._state.duration = self._times(box)
            elif box.name == b"trak":
                if len(self._state.tracks) == MAX_TRACKS:
                    raise BrokenMovie(f"it has more than {MAX_TRACKS} tracks")
                self._state.tracks.append(self._trak(box))
            elif box.name == b"mvex":
                self._mvex(box)
            else:
                self._note_private(box, _PRIVATE | _UNUSED)

    def _times(self, box: _Box) -> tuple[int, int]:
        """Timescale and duration of mvhd and mdhd. A duration of all ones means unknown."""
        data = self._body(box, 32)
        if data[0] == 1:
            timescale, duration = struct.unpack_from(">IQ", data, 20)
            return timescale, 0 if duration == 0xFFFFFFFFFFFFFFFF else duration
        timescale, duration = struct.unpack_from(">II", data, 12)
        return timescale, 0 if duration == 0xFFFFFFFF else duration

    def _trak(self, trak: _Box) -> _Raw:
        raw = _Raw()
        for box in self._boxes(trak.body, trak.end):
            if box.name == b"tkhd":
                self._tkhd(box, raw)
            elif box.name == b"mdia":
                self._mdia(box, raw)
            else:
                self._note_private(box, _PRIVATE | _UNUSED)
        return raw

    def _tkhd(self, box: _Box, raw: _Raw) -> None:
        data = self._body(box, 96)
        wide = data[0] == 1
        raw.track_id = struct.unpack_from(">I", data, 20 if wide else 12)[0]
        matrix = struct.unpack_from(">9i", data, 52 if wide else 40)
        width, height = struct.unpack_from(">II", data, 88 if wide else 76)
        raw.width, raw.height = width / 65536, height / 65536
        raw.turned = abs(matrix[1]) > abs(matrix[0])

    def _mdia(self, mdia: _Box, raw: _Raw) -> None:
        stsd: _Box | None = None
        for box in self._boxes(mdia.body, mdia.end):
            if box.name == b"mdhd":
                raw.timescale, raw.duration = self._times(box)
            elif box.name == b"hdlr":
                handler = self._body(box, 12)[8:12]
                raw.kind = _KINDS.get(handler, handler.decode("latin-1"))
            elif box.name == b"minf":
                stsd = self._find(box, b"stbl", b"stsd")
        if stsd is not None:
            entry = self._body(stsd, 48)
            code = entry[12:16].decode("latin-1").strip()
            raw.codec = _CODECS.get(code, code)
            raw.sample_size = struct.unpack_from(">HH", entry, 40)

    def _find(self, box: _Box, *path: bytes) -> _Box | None:
        for name in path:
            box_found = next((inner for inner in self._boxes(box.body, box.end) if inner.name == name), None)
            if box_found is None:
                return None
            box = box_found
        return box

    def _mvex(self, mvex: _Box) -> None:
        """Fragmented files: the whole duration (mehd), and the usual duration of a sample (trex)."""
        self._state.fragmented = True
        for box in self._boxes(mvex.body, mvex.end):
            data = self._body(box, 16)
            if box.name == b"mehd":
                total = struct.unpack_from(">Q" if data[0] == 1 else ">I", data, 4)[0]
                self._state.duration = self._state.duration or total
            elif box.name == b"trex":
                track_id, _, duration = struct.unpack_from(">III", data, 4)
                if raw := self._track(track_id):
                    raw.fragment_default = duration

    def _track(self, track_id: int) -> _Raw | None:
        return next((raw for raw in self._state.tracks if raw.track_id == track_id), None)

    def _moof(self, moof: _Box) -> None:
        """Extend each track by this fragment."""
        for traf in self._boxes(moof.body, moof.end):
            if traf.name != b"traf":
                continue
            raw: _Raw | None = None
            default = start = 0
            for box in self._boxes(traf.body, traf.end):
                if box.name == b"tfhd":
                    track_id, default = _tfhd(self._body(box, 32))
                    raw = self._track(track_id)
                    start = raw.duration if raw else 0
                elif box.name == b"tfdt":
                    data = self._body(box, 12)
                    start = struct.unpack_from(">Q" if data[0] == 1 else ">I", data, 4)[0]
                elif box.name == b"trun" and raw is not None:
                    length = min(box.end - box.body, _MAX_READ_BYTES)
                    start += _trun(self._body(box, length), default or raw.fragment_default)
                    raw.duration = max(raw.duration, start)


def _tfhd(data: bytes) -> tuple[int, int]:
    """Track id and default sample duration (0 if it is not given)."""
    flags, track_id = struct.unpack_from(">II", data)
    at = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    return track_id, struct.unpack_from(">I", data, at)[0] if flags & 0x8 else 0


def _trun(data: bytes, default: int) -> int:
    """The sum of a run's sample durations."""
    if len(data) < 8:
        raise BrokenMovie("its boxes do not fit together")
    flags, count = struct.unpack_from(">II", data)
    flags &= 0xFFFFFF
    if not flags & 0x100:
        return int(count * default)
    at = 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    stride = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    if at + count * stride > len(data):
        raise BrokenMovie("its boxes do not fit together")
    return sum(struct.unpack_from(">I", data, at + index * stride)[0] for index in range(count))


def _track(raw: _Raw) -> Track:
    seconds = raw.duration / raw.timescale if raw.timescale else 0.0
    if raw.kind != "video":
        return Track(raw.kind, raw.codec, seconds)
    width, height = round(raw.width) or raw.sample_size[0], round(raw.height) or raw.sample_size[1]
    if raw.turned:
        width, height = height, width
    return Track("video", raw.codec, seconds, width, height)
