"""Client: Label Studio's official SDK, and its failures as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from spotal.errors import InputError, LabelStudioError, one_line

__all__ = ["ONCE", "TOKEN", "URL", "Client"]

URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
ONCE: Any = {"max_retries": 0}
"""For requests that add something: the SDK repeats what failed, though the server may have done it."""


class Client:
    """A server and a token. ``sdk`` is the SDK's client; what is asked of it stands in a block of :meth:`asking`.

    Parameters
    ----------
    url : str; token : str, an access token of Label Studio, of either kind
    timeout : float, seconds to wait for an answer

    Raises
    ------
    InputError
        The url is none.
    LabelStudioError
        There is no token, it has expired, or the SDK is not installed.
    """

    def __init__(self, url: str, token: str | None, timeout: float = 60.0) -> None:
        self.url, self.timeout = url.rstrip("/"), timeout
        if not self.url.startswith(("http://", "https://")):
            raise InputError(
                "url", must="begin with http:// or https://", found=repr(url), remedy="give Label Studio's address"
            )
        if not token:
            raise LabelStudioError(
                f"Label Studio at {self.url} needs a token; copy one from its page Account & Settings into the "
                f"environment variable {TOKEN}"
            )
        try:
            from label_studio_sdk import LabelStudio
        except ImportError:
            raise LabelStudioError("Label Studio's SDK is not installed; pip install 'spotal[label-studio]'") from None
        with self.asking("the token"):
            # its types change between versions that all work
            self.sdk: Any = cast(Any, LabelStudio)(base_url=self.url, api_key=token, timeout=timeout)

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turn failures in the block into a LabelStudioError; ``what`` names what is asked for."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        where = f"Label Studio at {self.url}"
        try:
            yield
        except httpx.TimeoutException:
            raise LabelStudioError(
                f"{where} did not answer within {self.timeout:g} s when asked for {what}; look whether it is busy, or "
                "raise --timeout, and run the command again",
                temporary=True,
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if isinstance(error, LabelStudioError):
                raise
            reason = one_line(error, 1_000)
            raise LabelStudioError(
                f"{where} cannot be reached ({reason}); start it, or correct {URL}", temporary=True
            ) from None
        except ApiError as error:
            raise _sentence(where, what, error.status_code or 0, error.body) from None

    def upload(self, project: int, files: list[tuple[str, bytes, str]]) -> None:
        """Add files to a project, without tasks: (name, content, media type) of each. The SDK has no call for it."""
        parts: Any = {f"file{k}": file for k, file in enumerate(files)}
        with self.asking("an upload"):
            response = self.sdk._client_wrapper.httpx_client.request(
                f"api/projects/{project}/import",
                method="POST",
                params={"commit_to_project": False},
                files=parts,
                request_options=ONCE,
            )
        if not response.is_success:
            raise _sentence(f"Label Studio at {self.url}", "an upload", response.status_code, _body(response))

    def found(self, path: str) -> bool:
        """Whether the server shows us something at a path of its own."""
        with self.asking("an image"):
            response = self.sdk._client_wrapper.httpx_client.request(path, method="GET")
        return bool(response.is_success)


def _body(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _sentence(where: str, what: str, status: int, body: Any) -> LabelStudioError:
    if status in (401, 403):
        return LabelStudioError(
            f"{where} refuses the token when asked for {what} ({_detail(body) or status}); copy a valid one from its "
            f"page Account & Settings into {TOKEN}"
        )
    if status == 404:
        return LabelStudioError(
            f"{where} does not have {what}; it was deleted, or {URL} is another server's. Labels that were pulled are "
            "kept; spotal push --project new begins another project there",
        )
    if status >= 500 or status in (408, 429):
        return LabelStudioError(
            f"{where} failed when asked for {what} (status {status}); look into its log and run the command again",
            temporary=True,
        )
    if status == 400:
        return LabelStudioError(f"{where} refuses {what} ({_detail(body)}); correct that and run the command again")
    return LabelStudioError(
        f"{where} does not answer as Label Studio does when asked for {what} (status {status}); correct {URL}"
    )


def _detail(body: Any) -> str:
    """What the server says is wrong, in one line."""
    if not isinstance(body, dict):
        return " ".join(str(body or "").split())[:200]
    errors = body.get("validation_errors")
    if not isinstance(errors, dict):
        return str(body.get("detail") or body)[:300]
    flat = [str(text) for value in errors.values() for text in (value if isinstance(value, list) else [value])]
    return " ".join(" ".join(flat).split())[:300]
