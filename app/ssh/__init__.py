"""One SSH connection, host key checked, to a sandbox or an upload place. The only importer of paramiko."""

from app.ssh.client import Ssh
from app.ssh.command import Result
from app.ssh.trouble import explained

__all__ = ["Result", "Ssh", "explained"]
