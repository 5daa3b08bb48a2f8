"""Which settings a run keeps for as long as it goes on. Knows paths of settings, no values."""

_FIXED = (
    "data.dataset", "data.batch_size", "data.drop_last", "data.shuffle", "data.image_size", "data.normalization",
    "model", "initializer", "training.seed",
)  # fmt: skip


def is_fixed(path: str) -> bool:
    """Whether a run that goes on keeps the setting: with another value it would be another run.

    Which optimizer it has is fixed, because of what that remembers; the optimizer's options are not.
    """
    return path == "optimizer" or any(f"{path}.".startswith(f"{fixed}.") for fixed in _FIXED)
