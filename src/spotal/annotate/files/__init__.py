"""Labels in files: one small file per format, with common import and export."""

from spotal.annotate.files.exchange import Exported, Imported, export_labels, import_labels
from spotal.annotate.files.formats import FORMATS, names

__all__ = ["FORMATS", "Exported", "Imported", "export_labels", "import_labels", "names"]
