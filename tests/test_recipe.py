import pytest

from reft_studio.errors import RecipeError
from reft_studio.recipe import Recipe, default_layer, default_learning_rate


def test_the_default_layer_is_a_quarter_of_the_way_up():
    assert [default_layer(depth) for depth in (1, 2, 6, 12, 32)] == [0, 0, 1, 3, 8]


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 80])
def test_the_default_recipe_fits_a_model_of_any_depth(depth):
    assert max(Recipe.for_model(depth, 256).layers) < depth


def test_the_default_learning_rate_is_higher_in_narrow_models():
    assert [default_learning_rate(width) for width in (4096, 1024, 256)] == [0.003, 0.006, 0.012]
    assert Recipe.for_model(6, 256).learning_rate == 0.012
    assert Recipe.for_model(6, 256, learning_rate=0.01).learning_rate == 0.01


def test_changes_reach_the_recipe_and_layers_are_sorted():
    recipe = Recipe.for_model(6, 256, layers=(3, 1), rank=8)
    assert recipe.layers == (1, 3)
    assert recipe.rank == 8


def test_a_recipe_survives_json():
    recipe = Recipe.for_model(6, 256, learning_rate=0.01, positions="f1+l1")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rank": 0}, '"rank"'),
        ({"rank": 1.5}, '"rank"'),
        ({"epochs": 0}, '"epochs"'),
        ({"learning_rate": 0}, '"learning rate"'),
        ({"learning_rate": float("nan")}, '"learning rate"'),
        ({"batch_size": 0}, '"batch size"'),
        ({"weight_decay": -1}, '"weight decay"'),
        ({"seed": -1}, '"seed"'),
        ({"layers": ()}, '"layers"'),
        ({"layers": (-1,)}, '"layers"'),
        ({"layers": (1, 1)}, "name each layer once"),
        ({"method": "lora"}, '"method"'),
        ({"learning": 1}, 'no setting "learning"'),
    ],
)
def test_a_bad_setting_is_named_in_plain_words(changes, said):
    with pytest.raises(RecipeError) as problem:
        Recipe.for_model(6, 256, **changes)
    assert said in str(problem.value)
    assert "validation error" not in str(problem.value)


def test_a_missing_setting_is_named():
    with pytest.raises(RecipeError, match='"layers" is missing'):
        Recipe.model_validate({})


def test_a_recipe_cannot_be_changed_afterwards():
    recipe = Recipe.for_model(6, 256)
    with pytest.raises((RecipeError, ValueError)):
        recipe.rank = 2
    assert recipe.rank == 16
