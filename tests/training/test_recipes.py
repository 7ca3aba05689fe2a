"""The recipes: the paper's, and what is said of a name that is none."""

import pytest

from edgedigits.errors import UnknownNameError
from edgedigits.training.networks import NETWORKS
from edgedigits.training.recipes import RECIPES, find_recipe


def test_the_papers_recipe():
    recipe = find_recipe("paper")
    assert (recipe.dataset, recipe.network, recipe.batch_size, recipe.epochs) == ("mnist", "paper", 64, 8)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_go_by_their_own_name_and_train_a_network_that_exists(name):
    assert find_recipe(name).name == name
    assert find_recipe(name).network in NETWORKS


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown recipe 'papre': did you mean 'paper'"):
        find_recipe("papre")
