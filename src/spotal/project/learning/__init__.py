"""What a project's model is: from the word in spotal.toml to inputs of the items and a learner on them."""

from spotal.project.learning.base import Inputs, Progress, Recipe
from spotal.project.learning.choose import check_model, recipe_for

__all__ = ["Inputs", "Progress", "Recipe", "check_model", "recipe_for"]
