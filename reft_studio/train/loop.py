"""Training: AdamW on the interventions, with the base model frozen and the loss on the reply tokens."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.errors import RecipeError, TrainingError
from reft_studio.intervention import build_interventions, learned, parameter_groups, reference_model
from reft_studio.positions import parse_positions
from reft_studio.recipe import Recipe
from reft_studio.train.events import Event, Finished, Started, Step
from reft_studio.train.examples import IGNORED, Batch, Example, build_examples, collate


def training_events(
    base: BaseModel,
    demonstrations: Sequence[Demonstration],
    recipe: Recipe | None = None,
    *,
    name: str = "My bot",
    system_prompt: str | None = None,
    limits: Limits | None = None,
) -> Iterator[Event]:
    """Train step by step; to cancel, stop iterating. The same seed gives the same losses.

    Raises DemonstrationsError or RecipeError before the first event, TrainingError if the loss is lost.
    """
    recipe = recipe or Recipe.for_depth(base.num_layers)
    check_recipe(recipe, base)
    examples = build_examples(base, demonstrations, parse_positions(recipe.positions), system_prompt, limits)
    interventions = build_interventions(recipe, base.width)
    for intervention in interventions.values():
        intervention.to(base.device)
    model = reference_model(base, interventions)
    groups = parameter_groups(interventions, recipe.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    total = recipe.epochs * math.ceil(len(examples) / recipe.batch_size)
    schedule = LambdaLR(optimizer, lambda step: 1 - step / total)

    yield Started(total)
    begun = time.monotonic()
    for step, (epoch, batch) in enumerate(_batches(examples, base, recipe), start=1):
        optimizer.zero_grad()
        loss = _backward(model, batch, layers=len(interventions))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The training became unstable in step {step} of {total}: the loss is no longer a number. "
                f"Set a lower learning rate (it is {recipe.learning_rate:g}) and train again."
            )
        optimizer.step()
        schedule.step()
        yield Step(step, epoch, loss, (time.monotonic() - begun) / step * (total - step))

    weights = learned(interventions)
    yield Finished(Bot.from_training(base, recipe, weights, name=name, system_prompt=system_prompt))


def check_recipe(recipe: Recipe, base: BaseModel) -> None:
    """Raises RecipeError where a recipe asks for what this base model does not have."""
    parse_positions(recipe.positions)
    if (highest := max(recipe.layers)) >= base.num_layers:
        raise RecipeError(
            f"There is no layer {highest}: this model has layers 0 to {base.num_layers - 1}. "
            "Choose one of them."
        )
    if recipe.rank > base.width:
        raise RecipeError(
            f"The rank {recipe.rank} is too high: this model allows 1 to {base.width}. Lower it."
        )


def _batches(examples: Sequence[Example], base: BaseModel, recipe: Recipe) -> Iterator[tuple[int, Batch]]:
    """Batches of every epoch, in a fresh order each time, with the epoch counted from 1."""
    if len(examples) <= recipe.batch_size:
        whole = collate(examples, base)
        yield from ((epoch, whole) for epoch in range(1, recipe.epochs + 1))
        return
    generator = torch.Generator().manual_seed(recipe.seed)
    for epoch in range(1, recipe.epochs + 1):
        order = torch.randperm(len(examples), generator=generator)
        for chosen in torch.split(order, recipe.batch_size):
            yield epoch, collate([examples[i] for i in chosen.tolist()], base)


def _backward(model: Any, batch: Batch, layers: int) -> float:
    """Mean cross-entropy per reply token, with its gradients left in the interventions."""
    # The caller may itself stand in a no_grad block, and a generator must not change that between steps.
    with torch.enable_grad():
        _, outputs = model(
            {"input_ids": batch.token_ids, "attention_mask": batch.attention_mask},
            unit_locations={"base": [batch.positions] * layers},
            use_cache=False,
        )
        logits: Tensor = outputs.logits[:, :-1].flatten(0, 1).float()
        loss = cross_entropy(logits, batch.labels[:, 1:].flatten(), ignore_index=IGNORED)
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()
