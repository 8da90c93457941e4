"""Doctor: is a project in order, and what of it can be put in order without losing anything?"""

from spotal.project.doctor.base import Finding
from spotal.project.doctor.run import Diagnosis, diagnose

__all__ = ["Diagnosis", "Finding", "diagnose"]
