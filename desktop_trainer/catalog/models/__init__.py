"""The models. Importing this fills the registry; it knows no torch until one is built."""

from desktop_trainer.catalog.models import dense, lenet, residual

__all__ = ["dense", "lenet", "residual"]
