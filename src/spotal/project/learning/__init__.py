"""Models of a project: from the name in spotal.toml to the items' inputs and a learner."""

from spotal.project.learning.base import Inputs, Progress, Recipe
from spotal.project.learning.choose import recipe_for, resolve

__all__ = ["Inputs", "Progress", "Recipe", "recipe_for", "resolve"]
