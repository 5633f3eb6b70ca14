"""Look into a disk and change files on it, in libguestfs: a small machine of its own that only the disk can see.

Nothing of the disk is ever mounted on this computer, and no program of it runs outside of that machine, which has no
network. `opened` gives a `Guest`; `look` says what lives on it; the other modules are one repair each.
"""

from app.disk.guest.change import Change
from app.disk.guest.session import Guest, Refused, available, opened, why_not, xfs_why_not
from app.disk.guest.system import System, look

__all__ = ["Change", "Guest", "Refused", "System", "available", "look", "opened", "why_not", "xfs_why_not"]
