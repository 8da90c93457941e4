"""What a project's model is: from the word in spotal.toml to inputs of the items and a learner on them."""

from spotal.project.learning.automatic import resolve
from spotal.project.learning.base import Inputs, Progress, Recipe
from spotal.project.learning.choose import recipe_for

__all__ = ["Inputs", "Progress", "Recipe", "recipe_for", "resolve"]
