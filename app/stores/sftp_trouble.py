"""What an SFTP server's refusals mean, in words for the person."""

from __future__ import annotations

from app.errors import JobError
from app.stores.sftp_wire import DENIED, NO_SPACE, NO_SUCH_FILE, QUOTA, READ_ONLY_DISK, UNSUPPORTED, StatusError


def in_words(
    exc: StatusError,
    where: str,
    folder: str,
    name: str = "",
    stored: int | None = None,
    free: int | None = None,
    left: int = 0,
) -> JobError:
    """The error for the person.

    *stored*: bytes of the file that are there (None: this is no failed write); *free*: bytes free there, None when
    it is not said; *left*: bytes still to come.
    """
    what = f"{folder}{name}"
    if exc.code in (NO_SPACE, QUOTA) or stored is not None:
        return _full(exc, where, name, stored or 0, free, left)
    if exc.code == NO_SUCH_FILE:
        missing = what if name else folder
        return JobError(f"There is no {missing} at {where}.", "Check the folder's name.", topic="no-folder")
    if exc.code in (DENIED, READ_ONLY_DISK):
        text = f"{where} does not allow this with {what or folder}: permission denied."
        return JobError(text, "Choose another folder, or ask the administrator for the right.", topic="permission")
    if exc.code == UNSUPPORTED:
        return JobError(f"{where} cannot do this ({exc.text}).", "Choose another place.", topic="server-limits")
    text = f"{where} refused this with {what} and gave no reason ({exc.text or 'failure'})."
    return JobError(text, "Is a folder of that name in the way? Ask the administrator.", topic="server-limits")


def _full(exc: StatusError, where: str, name: str, stored: int, free: int | None, left: int) -> JobError:
    kept = f"{stored:,} bytes of {name} are stored there"
    means = "What is stored stays; the upload goes on from there."
    if exc.code in (DENIED, READ_ONLY_DISK):
        return JobError(f"{where} stopped allowing to write: {kept}.", "Ask the administrator.", means=means)
    if exc.code == QUOTA:
        text, remedy = f"Your quota at {where} is used up: {kept}.", "Ask for a larger quota, then go on."
    elif exc.code == NO_SPACE or (free is not None and free < left):
        more = f"{max(left - (free or 0), 1):,} bytes more" if left else "more"
        text, remedy = f"The disk of {where} is full: {kept}.", f"Ask for room for {more} there, then go on."
    else:
        text = f"{where} takes no more and gives no reason: {kept}."
        remedy = "Mostly a quota or a size limit of files is reached. Ask the administrator, then go on."
    return JobError(text, remedy, means=means, topic="disk-full")
