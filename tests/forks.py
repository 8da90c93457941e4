"""Processes that run Python code, begun as copies of one that has imported the program: the import takes seconds.

``python(code, *words, **options)`` is ``subprocess.Popen([sys.executable, "-c", code, *words], **options)`` in a tenth
of the processor's time, a process with its own environment, folder, streams and signals. Tests of how the program
starts (its imports, ``sitecustomize``, variables that libraries read at their import) begin a fresh one.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from types import SimpleNamespace

COMMAND = "from spotal.cli.main import main; main()"
JOB = "import sys; from spotal.web.job_process import main; main(*sys.argv[1:])"
HOME = """
import sys
from tests.forks import end, serve
code = serve(int(sys.argv[1]))
try:
    exec(code)
except BaseException as error:
    end(error)
end()
"""
IMPORTS = """
import torch, sklearn.linear_model, uvicorn, alembic.command, pydantic, typer._adapters, PIL.features
import matplotlib.figure, matplotlib.backends.backend_agg
import spotal.bench, spotal.cli.main, spotal.cli.select, spotal.project, spotal.report, spotal.strategies
import spotal.web.app
__import__("PIL.Image").Image.init()
"""


def python(code, *words, **options):
    """Begin a process that runs code with arguments; gives it."""
    return Fork([code, *map(str, words)], **options)


def run(code, *words, **options):
    """Run code to its end; gives its output and exit status, as ``subprocess.run`` does."""
    pipe = subprocess.PIPE
    with python(code, *words, **{"stdout": pipe, "stderr": pipe, "text": True} | options) as process:
        return subprocess.CompletedProcess(process.args, process.wait_for_all(), process.said, process.complaint)


def jobs(monkeypatch):
    """From now on the processes in which this one's pages do their long work begin as copies too."""
    from spotal.web import jobs

    def begin(command, *, stdin, stdout, encoding, start_new_session):
        assert command[:3] == [sys.executable, "-m", "spotal.web.job_process"]
        streams = {"stdin": stdin, "stdout": stdout, "encoding": encoding}
        return python(JOB, *command[3:], **streams, start_new_session=start_new_session)

    monkeypatch.setattr(jobs, "subprocess", SimpleNamespace(Popen=begin, PIPE=subprocess.PIPE))


class Fork(subprocess.Popen):
    """A process whose end is told by the one that has it as a child."""

    said = complaint = None

    def wait_for_all(self):
        self.said, self.complaint = self.communicate()
        return self.returncode

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest):
        assert (executable, preexec_fn, pass_fds) == (None, None, ())
        pipes = p2cread, _, _, c2pwrite, _, errwrite = rest[3:9]
        folder, environment = os.fspath(cwd or os.getcwd()), dict(os.environ if env is None else env)
        self._line, theirs = socket.socketpair()
        streams = [own if fd == -1 else fd for own, fd in enumerate((p2cread, c2pwrite, errwrite))]
        message = json.dumps([args, folder, environment, rest[14]]).encode()
        with theirs:
            socket.send_fds(home(), [message], [theirs.fileno(), *streams])
        self._told = self._line.makefile()
        self.pid, self._child_created = int(self._told.readline()), True
        self._close_pipe_fds(*pipes)

    def _ended(self, seconds):
        with self._waitpid_lock:
            if self.returncode is None and select.select([self._line], [], [], seconds)[0]:
                self.returncode = int(self._told.readline())
                self._told.close()
                self._line.close()
        return self.returncode

    def _internal_poll(self, *_, **__):
        return self._ended(0)

    def _wait(self, timeout):
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode


@functools.cache
def home():
    """The line to the process of which there are copies; it ends with this one."""
    line, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        fd, null = theirs.fileno(), subprocess.DEVNULL
        process = subprocess.Popen([sys.executable, "-c", HOME, str(fd)], pass_fds=[fd], stdin=null, stdout=null)
    atexit.register(process.wait)
    atexit.register(line.close)
    return line


def serve(fd):
    """Import the program, then begin a copy for each message; the copy gets the code that it is to run."""
    exec(IMPORTS, {})
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a parent
    with socket.socket(fileno=fd) as line:
        while True:
            message, given, *_ = socket.recv_fds(line, 1 << 20, 4)
            if not message:
                os._exit(0)
            told, *streams = given
            if not os.fork():
                break
            for one in given:
                os.close(one)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for one in (0, 1, 2, *streams):
            os.close(one)
        os.write(told, f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(told, f"{code}\n".encode())
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.close(told)
    for own, one in enumerate(streams):
        os.dup2(one, own)
        os.close(one)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    (code, *words), folder, environment, session = json.loads(message)
    if session:
        os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = ["-c", *words]
    return code


def end(error=None):
    """End as the interpreter does, but for taking torch apart, which takes half a second."""
    status = 0
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        status = error.code or 0
    elif error is not None:
        sys.stderr.write(f"{error.code}\n") if isinstance(error, SystemExit) else traceback.print_exception(error)
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)
