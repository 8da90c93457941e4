"""Label Studio: push the batch as tasks in our order, pull what people say, and serve it predictions.

What is whose::

    link.py       label-studio.json in the project's folder: which Label Studio project, and how far it was pulled
    client.py     the official SDK's client, its failures as sentences
    config.py     the labeling config: our classes as choices, and what an annotation's result means
    images.py     images as the server can show them: uploaded, or from its local storage
    push.py       what is to be answered -> tasks with predictions
    pull.py       annotations -> events
    tool.py       these as one object
    backend.py    Label Studio's ML backend protocol as an ASGI app
    service.py    pull, choose the next batch when one is done, push; until stopped
"""

from spotal.annotate.label_studio.service import serve
from spotal.annotate.label_studio.tool import LabelStudio

__all__ = ["LabelStudio", "serve"]
