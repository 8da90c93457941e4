"""Client: Label Studio's official SDK, with each error as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from spotal.errors import InputError, LabelStudioError, one_line

__all__ = ["ONCE", "TOKEN", "URL", "Client"]

URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
ONCE: Any = {"max_retries": 0}
"""Options of requests that add something: do not repeat a failed one, since the server may have done it."""


class Client:
    """A server with a token of either kind. ``sdk`` is the SDK's client; use it only in a block of :meth:`asking`.

    Arguments and errors are those of :class:`~spotal.annotate.LabelStudio`.
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
            # without types, since these differ between versions of the SDK
            self.sdk: Any = cast(Any, LabelStudio)(base_url=self.url, api_key=token, timeout=timeout)

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turn errors in the block into a LabelStudioError; ``what`` names the request."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        where = f"Label Studio at {self.url}"
        try:
            yield
        except httpx.TimeoutException:
            raise LabelStudioError(
                f"{where} did not answer within {self.timeout:g} s when asked for {what}; check whether it is busy, or "
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
        """Upload files (name, content, media type) to a project, without tasks. The SDK has no call for this."""
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

    def has(self, path: str) -> bool:
        """Return whether the server has something at a path."""
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
            f"{where} does not have {what}; it was deleted, or {URL} names another server. Labels that were pulled are "
            "kept; spotal push --project new makes another project there"
        )
    if status >= 500 or status in (408, 429):
        return LabelStudioError(
            f"{where} failed when asked for {what} (status {status}); look into its log and run the command again",
            temporary=True,
        )
    if status == 400:
        return LabelStudioError(f"{where} refuses {what} ({_detail(body)}); correct that and run the command again")
    return LabelStudioError(
        f"{where} is not Label Studio, or does not answer as expected when asked for {what} (status {status}); correct "
        f"{URL}"
    )


def _detail(body: Any) -> str:
    """Return the server's message in one line."""
    if not isinstance(body, dict):
        return " ".join(str(body or "").split())[:200]
    errors = body.get("validation_errors")
    if not isinstance(errors, dict):
        return str(body.get("detail") or body)[:300]
    flat = [str(text) for value in errors.values() for text in (value if isinstance(value, list) else [value])]
    return " ".join(" ".join(flat).split())[:300]
