"""The public verb that spans training and chat; the other verbs live with what they act on."""

from collections.abc import Callable, Sequence

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.probes import record_probes
from reft_studio.demonstrations import Demonstration
from reft_studio.recipe import Recipe
from reft_studio.train.events import Event
from reft_studio.train.loop import Training

_PROBES = 3


def train_bot(
    base: BaseModel,
    demonstrations: Sequence[Demonstration],
    recipe: Recipe | None = None,
    *,
    name: str = "My bot",
    system_prompt: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Bot:
    """Train a bot to the end and record its self-test; without a recipe, with the model's default one.

    Raises DemonstrationsError, RecipeError or TrainingError.
    """
    training = Training(base, demonstrations, recipe, system_prompt=system_prompt)
    for event in training.events():
        if on_event:
            on_event(event)
    prompts = [row.prompt for row in demonstrations if row.prompt.strip()][:_PROBES]
    return record_probes(base, training.bot(name), prompts)
