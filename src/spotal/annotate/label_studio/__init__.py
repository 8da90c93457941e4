"""Label Studio: push the batch as tasks, pull the answers, and serve predictions.

link.py       label-studio.json in the project's folder: the Label Studio project, and the time of the last pull
client.py     the official SDK's client; its errors become sentences
config.py     the labeling config: classes as choices, and the meaning of an annotation's result
images.py     images for the server: uploaded, or from its local storage
push.py       the batch -> tasks with predictions
pull.py       annotations -> events
tool.py       all of these as one object
backend.py    Label Studio's ML backend protocol as an ASGI app
service.py    pull, choose the next batch when one is done, and push, until stopped
"""

from spotal.annotate.label_studio.service import serve
from spotal.annotate.label_studio.tool import LabelStudio

__all__ = ["LabelStudio", "serve"]
