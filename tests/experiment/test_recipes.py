"""The recipes that come with the program are the tutorials' programs."""

import pytest

from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.experiment.recipes import recipe, recipes, texts


@pytest.mark.parametrize("name", list(recipes()))
def test_every_recipe_is_an_experiment_with_words(name: str) -> None:
    item = recipe(name)
    assert item.name == name
    assert parse_experiment(item.experiment).data.train_plan.batches > 0
    assert item.title in texts()
    assert item.explanation in texts()


def test_an_unknown_recipe_lists_the_known() -> None:
    with pytest.raises(ExperimentError, match=r"recipe: There is no 'x'\. Known are: digits_first_steps, .*lenet_adam"):
        recipe("x")


@pytest.mark.parametrize("name", ["lenet_adam", "lenet_sgd", "softmax_regression"])
def test_the_tutorials_have_235_batches_the_last_of_96_and_40_test_batches(name: str) -> None:
    data = parse_experiment(recipe(name).experiment).data
    assert (data.train_plan.batches, data.train_plan.last_batch_size, data.test_plan.batches) == (235, 96, 40)


@pytest.mark.parametrize(
    ("name", "model", "activation", "initializer", "optimizer", "lr", "epochs"),
    [
        ("lenet_adam", "lenet", "sigmoid", "default", "adam", 0.001, 5),
        ("lenet_sgd", "lenet", "sigmoid", "xavier_uniform", "sgd", 0.9, 10),
        ("softmax_regression", "softmax", None, "normal", "sgd", 0.1, 10),
    ],
)
def test_the_tutorials_settings(
    name: str, model: str, activation: str | None, initializer: str, optimizer: str, lr: float, epochs: int
) -> None:
    made = parse_experiment(recipe(name).experiment)
    assert (made.model.name, getattr(made.model, "activation", None)) == (model, activation)
    assert (made.initializer.name, made.loss.name) == (initializer, "cross_entropy")
    assert (made.optimizer.name, made.optimizer.lr, made.training.epochs) == (optimizer, lr, epochs)
