"""What a run keeps, and what may change in its pauses, follows from how each setting is declared."""

import pytest

from desktop_trainer.experiment.fields import every_choice, settings_of
from desktop_trainer.experiment.keeping import changes_at_once, is_fixed

FIXED = {
    "data.dataset",
    "data.image_size",
    "data.batch_size",
    "data.drop_last",
    "data.shuffle",
    "data.normalization",
    "model",
    "initializer",
    "optimizer",
    "training.seed",
}
AT_ONCE = {"training.epochs", "training.patience"}
OF_EVERY_CHOICE = sorted({item.path for _, _, values in every_choice() for item in settings_of(values)})


@pytest.mark.parametrize("path", OF_EVERY_CHOICE)
def test_every_setting_is_kept_changed_at_once_or_changed_by_going_on(path: str) -> None:
    kept = path in FIXED or path.startswith(("data.dataset.", "model.", "initializer."))
    assert is_fixed(path) is (kept and path != "data.dataset.folder")
    optimizer = path.startswith("optimizer.") and path != "optimizer.fused"
    assert changes_at_once(path) is (path in AT_ONCE or path.startswith("augmentation.") or optimizer)


def test_an_entry_of_a_list_is_as_the_list_and_an_unknown_option_as_the_others_of_its_choice() -> None:
    assert is_fixed("model.hidden_sizes.1")
    assert is_fixed("model.option_of_a_newer_program")
    assert not is_fixed("optimizer.option_of_a_newer_program")
    assert not is_fixed("nothing.such")


def test_texts_of_settings_that_all_models_share_name_none_of_them() -> None:
    shared = [item for item in settings_of({}) if not item.path.startswith(("model.", "optimizer.", "data.dataset."))]
    names = ("LeNet", "ResNet", "MobileNet")
    assert [item.path for item in shared if any(name in item.explanation for name in names)] == []
