"""The labeling page: a small server over one project, and a page of plain modules that needs nothing from elsewhere.

    guard.py       who may ask: host names, a token, requests from other sites
    app.py         what may be asked: routes over ``spotal.project``
    state.py       what the page shows, as JSON types
    together.py    requests of the same moment, worked on as one
    recorder.py    answers of the same moment, one transaction
    review.py      earlier answers, filtered
    jobs.py        long work in a process of its own, such as choosing the next batch
    tasks.py       what can be done so
    job_process.py that process
    pictures.py    the project's images, scaled and kept
    projection.py  the pool in two dimensions
    serving.py     limits that every server of ours keeps
    suggestions.py what the model is sure of, to be confirmed
    setup.py       the page that asks for the classes and makes the project
    serve.py       the socket, the address, the browser
    static/        the page

The page holds each answer in the browser until the server says that it is on disk; an answer has an id, so that one
which is sent twice is recorded once.
"""

from spotal.web.app import create_app
from spotal.web.serve import serve, serve_setup
from spotal.web.tasks import TASKS, Task

__all__ = ["TASKS", "Task", "create_app", "serve", "serve_setup"]
