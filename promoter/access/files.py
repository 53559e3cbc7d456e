# ruff: noqa: PTH105, PTH108, PTH118, PTH120 - no pathlib: a one-file edit starts in a few imports
"""Files in place: read whole, and replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from promoter.access.listing import Found
from promoter.errors import ConflictError, InputError, PromoterError, TransientError, Where

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO would block
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_CHANGED = "changed meanwhile; run again"
# What a person must mend; any other failure of the system may pass.
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG}


class Content(NamedTuple):
    """A file's bytes as they were read, and what tells whether it is still that file."""

    shown: str
    path: str
    data: bytes
    stat: os.stat_result


def read_file(found: Found) -> Content:
    """Raises InputError where it can't be read, ConflictError where it is not there any more."""
    where = Where(found.shown)
    try:
        handle = os.open(found.path, _READ)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            raise ConflictError(_CHANGED, where=where) from None
        raise InputError(f"can't be read: {error.strerror}", where=where) from None
    with os.fdopen(handle, "rb", buffering=0) as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise InputError("is not a regular file", where=where)
        try:
            data = file.readall()
        except OSError as error:
            raise TransientError(f"can't be read: {error.strerror}", where=where) from None
    return Content(found.shown, found.path, data, info)


def why_not_replaceable(old: Content) -> str | None:
    """Why a file must not be replaced, though the system might let us; None where it may."""
    if old.stat.st_nlink > 1:
        return (
            "has another name (a hard link), and the edit would part the two;"
            " make it a file of its own, or a symbolic link"
        )
    if not os.access(old.path, os.W_OK) and os.access(old.path, os.F_OK):
        return "is read-only; give yourself permission to write it"
    return None


def replace_all(replacements: Sequence[tuple[Content, bytes]]) -> None:
    """Replace files: each one is the old or the new one at any time, also after a power cut.

    All new bytes are on the disk before the first file is replaced. Permissions, extended
    attributes and, where we may, the owner stay. Raises ConflictError where a file is not the
    one that was read, InputError where it may not be written, TransientError for a full disk
    and the like; each says which files are new already, if any.
    """
    done: list[str] = []
    temporaries: list[str] = []
    with _undisturbed():
        try:
            for old, data in replacements:
                temporaries.append(_new_name(old))
                _write(old, data, temporaries[-1])
            for old, _ in replacements:
                with _unchanged(old):
                    pass
            for (old, _), temporary in zip(replacements, temporaries, strict=True):
                _replace(old, temporary)
                done.append(old.shown)
        except PromoterError as error:
            if not done:
                raise
            message = f"{error.message}; written before that: {', '.join(done)}"
            raise type(error)(message, where=error.where) from None
        finally:
            for temporary in temporaries[len(done) :]:
                with suppress(OSError):
                    os.unlink(temporary)
    for folder in dict.fromkeys(os.path.dirname(old.path) for old, _ in replacements):
        _sync_folder(folder)


def _new_name(old: Content) -> str:
    # Hidden, no manifest by its name, and short: the old name may be as long as names can be.
    return os.path.join(os.path.dirname(old.path), f".promoter-{os.urandom(8).hex()}.tmp")


def _write(old: Content, data: bytes, temporary: str) -> None:
    try:
        with os.fdopen(os.open(temporary, _CREATE, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            _dress(old, file.fileno())
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(old, error) from None


def _dress(old: Content, handle: int) -> None:
    """Give the new file the old one's owner, permissions and extended attributes (ACLs)."""
    mode = stat.S_IMODE(old.stat.st_mode)
    try:
        os.fchown(handle, old.stat.st_uid, old.stat.st_gid)
    except OSError:  # only root may give files away
        mode &= 0o777  # set-user-id was a word about the old owner
    os.fchmod(handle, mode)
    if sys.platform == "linux":
        with suppress(OSError):
            for name in os.listxattr(old.path):
                with suppress(OSError):
                    os.setxattr(handle, name, os.getxattr(old.path, name))


def _replace(old: Content, temporary: str) -> None:
    with _unchanged(old):
        try:
            os.replace(temporary, old.path)
        except OSError as error:
            raise _unwritable(old, error) from None


@contextmanager
def _unchanged(old: Content) -> Iterator[None]:
    """Raises ConflictError where the path does not hold the file that was read, as it was read.

    Whoever else replaces it by us waits at its lock: the later one then finds a new file here.
    """
    conflict = ConflictError(_CHANGED, where=Where(old.shown))
    try:
        handle = os.open(old.path, _READ)
    except OSError:
        raise conflict from None
    with os.fdopen(handle, "rb") as file:
        if not _lock(handle) or _identity(os.fstat(handle)) != _identity(old.stat):
            raise conflict
        # The name may have moved on to another file before the lock was ours.
        try:
            same = _identity(os.lstat(old.path)) == _identity(old.stat) and file.read() == old.data
        except OSError:
            raise conflict from None
        if not same:
            raise conflict
        yield


def _lock(handle: int) -> bool:
    """False where another process is replacing this file right now; no lock is no reason to
    stop where the file system knows none."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_mode


def _sync_folder(folder: str) -> None:
    """Make the new names durable, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C, a hang-up and a polite kill wait until the files are written."""
    import signal

    polite = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, polite)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unwritable(old: Content, error: OSError) -> PromoterError:
    where = Where(old.shown)
    if error.errno in _FORBIDDEN:
        why = f"can't be replaced: {error.strerror}; its directory must be writable, too"
        return InputError(why, where=where)
    return TransientError(f"can't be replaced: {error.strerror}; it is as it was", where=where)
