"""The reference: every step through the whole model with pyvene. What the fast path is held against."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import cross_entropy

from reft_studio.base_model import BaseModel
from reft_studio.intervention import Interventions, reference_model
from reft_studio.train.examples import IGNORED, Example, collate


class Reference:
    """Losses of demonstrations, differentiable in the interventions, for any decoder."""

    def __init__(self, base: BaseModel, examples: Sequence[Example], interventions: Interventions) -> None:
        self._base, self._examples = base, examples
        self._model = reference_model(base, interventions)
        self._sites = list(interventions)

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Cross-entropy of the chosen demonstrations' reply tokens, summed, in nats."""
        examples = [self._examples[index] for index in chosen]
        located = [[example.positions.of(site.tokens) for example in examples] for site in self._sites]
        uneven = any(len(set(map(len, rows))) > 1 or not rows[0] for rows in located)
        # A row as long as the context has no room for more, where all is edited alike.
        batch = collate(examples, self._base, spare=int(uneven))
        padding = batch.token_ids.shape[1] - 1
        _, outputs = self._model(
            {"input_ids": batch.token_ids, "attention_mask": batch.attention_mask},
            unit_locations={"base": [_even(rows, padding) for rows in located]},
            use_cache=False,
        )
        logits: Tensor = outputs.logits[:, :-1].flatten(0, 1).float()
        return cross_entropy(logits, batch.labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum")


def _even(located: Sequence[list[int]], padding: int) -> list[list[int]]:
    """The edited tokens [row][unit], as many for every row: pyvene wants it so.

    Rows with fewer also edit a token of padding behind their end, where nothing reads it.
    """
    units = max(1, *map(len, located))
    return [own + [padding] * (units - len(own)) for own in located]
