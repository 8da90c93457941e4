"""Doctor: checks of a project, and repairs that lose nothing."""

from spotal.project.doctor.base import Finding
from spotal.project.doctor.run import Diagnosis, diagnose

__all__ = ["Diagnosis", "Finding", "diagnose"]
