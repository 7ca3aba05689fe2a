"""The recipes: the paper's, and what is said of a name that is none."""

import pytest

from edgedigits.errors import UnknownNameError
from edgedigits.training.networks import NETWORKS, LineNetwork, build_network
from edgedigits.training.recipes import RECIPES, LineRecipe, find_recipe


def test_the_papers_recipe():
    recipe = find_recipe("paper")
    assert (recipe.dataset, recipe.network, recipe.batch_size, recipe.epochs) == ("mnist", "paper", 64, 8)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_go_by_their_own_name_and_train_a_network_that_exists(name):
    assert find_recipe(name).name == name
    assert find_recipe(name).network in NETWORKS


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_asks_for_goes_together(name):
    recipe = find_recipe(name)
    classes = build_network(recipe.network).classes
    assert recipe.augmented or not recipe.views
    assert recipe.schedule == "constant" or recipe.epochs > 1
    assert (recipe.nondigits, recipe.letters) == (0, 0) or classes == 11
    assert recipe.teachers or not recipe.label_nondigits
    for run in recipe.teachers:
        teacher = find_recipe(run.removeprefix("runs/").rpartition("-")[0])
        assert build_network(teacher.network).classes == classes
        assert (teacher.pendigits, teacher.hold_out) == (recipe.pendigits, recipe.hold_out)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_for_lines_train_a_network_for_lines_on_lines_and_hold_digits_out(name):
    recipe = find_recipe(name)
    is_of_lines = isinstance(recipe, LineRecipe)
    assert isinstance(build_network(recipe.network), LineNetwork) == is_of_lines
    if is_of_lines:
        assert recipe.lines > recipe.batch_size
        assert recipe.hold_out
        assert recipe.begins_with or not recipe.averaged
        # What of a recipe is for frames alone is left as it is.
        for_frames = (recipe.augmented, recipe.views, recipe.teachers, recipe.synthetic, recipe.momentum)
        assert not any(for_frames)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown recipe 'papre': did you mean 'paper'"):
        find_recipe("papre")
