"""Sending a private file to somebody who may have it (the caller has checked that).

With X_ACCEL_PREFIX nginx sends the bytes, parts of the file included; this process answers conditions that fail and
ranges that do not exist. Without it this process sends them too, 64 KB at a time. Either way: one range per request
(RFC 9110 section 14; more than one gets the whole file), a strong ETag, and never a name that breaks a header.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from pathlib import PureWindowsPath
from typing import IO
from urllib.parse import quote

import structlog
from django.conf import settings
from django.core.files.storage import Storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from challenge.core.storage import CHUNK_BYTES
from challenge.core.text import visible_text

log = structlog.get_logger(__name__)

# 18 digits: more than any file has, few enough for a 64-bit number.
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """The range asked for begins behind the end of the file."""


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """A private file as it is sent: where it lies, the name a browser saves it under, and what tells it from others.

    `size` is in bytes; `etag` is text without quotes that other bytes never have, such as their SHA-256.
    """

    storage: Storage
    path: str
    name: str
    size: int
    etag: str
    modified: datetime.datetime


class _Part:
    """`length` bytes of `stream` from `start` on, for FileResponse, which reads and closes it."""

    def __init__(self, stream: IO[bytes], start: int, length: int) -> None:
        stream.seek(start)
        self._stream, self._left = stream, length

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end of the part."""
        chunk = self._stream.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class _PrivateFileResponse(FileResponse):
    block_size = CHUNK_BYTES


def safe_file_name(name: str) -> str:
    """The last part of `name` without invisible characters; "download" if nothing is left."""
    last = PureWindowsPath(visible_text(name)).name.strip()  # of Windows: it knows both kinds of slashes
    return last if last.strip(".") else "download"


def byte_range(request: HttpRequest, file: StoredFile) -> range | None:
    """Which bytes of `file` the request's Range header asks for; None: the whole file.

    What cannot be understood, more than one range, and an If-Range of another version all mean the whole file, as does
    a HEAD. Raises RangeNotSatisfiable.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or found is None or not _if_range_holds(request, file):
        return None
    first, last = found.groups()
    if first:
        if last and int(last) < int(first):
            return None
        part = range(file.size)[int(first) : int(last) + 1 if last else None]
    elif last:
        part = range(max(0, file.size - int(last)), file.size)
    else:
        return None
    if not part:
        raise RangeNotSatisfiable
    return part


def _if_range_holds(request: HttpRequest, file: StoredFile) -> bool:
    condition = request.headers.get("If-Range", "").strip()
    if not condition or condition == f'"{file.etag}"':
        return True
    return parse_http_date_safe(condition) == int(file.modified.timestamp())


def send_file(request: HttpRequest, file: StoredFile) -> HttpResponseBase:
    """`file` as an attachment: 200, 206 for a part, 304 or 412 where a condition says so, 416; 404 if it is missing."""
    etag = f'"{file.etag}"'
    try:
        part = byte_range(request, file)
    except RangeNotSatisfiable:
        response: HttpResponseBase = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{file.size}"
        return response
    refused = get_conditional_response(request, etag, int(file.modified.timestamp()))
    response = refused or (_by_nginx(file) if settings.X_ACCEL_PREFIX else _by_this_process(request, file, part))
    response["ETag"] = etag
    response["Last-Modified"] = http_date(file.modified.timestamp())
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-cache"
    if refused is None:
        disposition = content_disposition_header(as_attachment=True, filename=safe_file_name(file.name))
        response["Content-Disposition"] = str(disposition)
    return response


def _by_nginx(file: StoredFile) -> HttpResponse:
    response = HttpResponse(content_type="application/octet-stream")
    response["X-Accel-Redirect"] = settings.X_ACCEL_PREFIX + quote(file.path)
    return response


def _by_this_process(request: HttpRequest, file: StoredFile, part: range | None) -> HttpResponseBase:
    kind = "application/octet-stream"
    if request.method == "HEAD":
        return HttpResponse(content_type=kind, headers={"Content-Length": str(file.size)})
    try:
        stream = file.storage.open(file.path)
    except FileNotFoundError as error:
        log.exception("a stored file is missing", file=file.path)
        raise Http404 from error
    content = stream if part is None else _Part(stream, part.start, len(part))
    response = _PrivateFileResponse(content, content_type=kind, status=200 if part is None else 206)
    if part is not None:
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    response["Content-Length"] = str(file.size if part is None else len(part))
    return response
