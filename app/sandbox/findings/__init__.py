"""What a look at a sandbox means for its export: findings in three grades, each with a remedy; one module a theme."""

from __future__ import annotations

from app.sandbox.findings.job import MARGIN, for_job
from app.sandbox.findings.whole import findings

__all__ = ["MARGIN", "findings", "for_job"]
