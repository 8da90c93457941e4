"""Maps from a weighted point cloud to the uniform hypercube, as scikit-learn transformers."""

from spotal.transport.base import Transport
from spotal.transport.exact import ExactTransport
from spotal.transport.projection_pursuit import ProjectionPursuitTransport
from spotal.transport.sinkhorn import SinkhornTransport
from spotal.transport.sliced import SlicedTransport

__all__ = [
    "ExactTransport",
    "ProjectionPursuitTransport",
    "SinkhornTransport",
    "SlicedTransport",
    "Transport",
]
