"""The datasets are tested on the same small folders of images as the files they are made of."""

from tests.files.conftest import grey, no_memory_of_other_tests, parted, picture, whole

__all__ = ["grey", "no_memory_of_other_tests", "parted", "picture", "whole"]
