"""The datasets. Importing this fills the registry; it knows no torch until one is loaded."""

from desktop_trainer.catalog.datasets import digits, image_folder, images, synthetic

__all__ = ["digits", "image_folder", "images", "synthetic"]
