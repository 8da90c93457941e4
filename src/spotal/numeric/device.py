"""The device for work in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["find_device"]


def find_device(device: str | torch.device | None = None) -> torch.device:
    """Return the torch device with this name; a CUDA device gets its number.

    Parameters
    ----------
    device : None or "auto" for CUDA if available, otherwise the CPU; or what ``torch.device`` takes

    Raises
    ------
    InputError
        torch knows no such device, or finds no CUDA device.
    """
    import torch

    if device is None or device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError("device", must="be 'auto', 'cpu', 'cuda' or 'cuda:<number>'", found=repr(device)) from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device", f"is {str(device)!r}, but torch finds no CUDA device here", "use 'auto' or 'cpu'")
    if str(chosen) == "cuda":  # without a number
        return torch.device("cuda", torch.cuda.current_device())
    return chosen
