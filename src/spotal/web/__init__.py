"""The labeling page: a small web server for one project, and the page's JavaScript, which loads nothing from outside.

    guard.py       access: host names, the token, requests from other sites
    app.py         routes
    state.py       content of the page as JSON types
    together.py    one call for requests that arrive at the same time
    recorder.py    one transaction for answers that arrive at the same time
    review.py      earlier answers, filtered
    jobs.py        long work in a separate process, such as choosing the next batch
    tasks.py       the functions for jobs
    job_process.py main function of a job's process
    pictures.py    scaled copies of the project's images
    projection.py  the pool in two dimensions
    serving.py     limits on requests and connections, for every server of spotal
    suggestions.py items with confident predictions, for a person to confirm
    setup.py       the page that asks for the classes and makes the project
    serve.py       socket, address and browser
    static/        the page

The page keeps each answer in the browser until the server confirms that it is on disk. Each answer has an id, so an
answer that is sent twice is recorded once.
"""

from spotal.web.app import create_app
from spotal.web.serve import serve, serve_setup
from spotal.web.tasks import TASKS, Task

__all__ = ["TASKS", "Task", "create_app", "serve", "serve_setup"]
