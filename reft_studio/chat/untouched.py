"""Proof that a base model is as it came, and says beside a bot what it says where there is none of us."""

from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.model_source import weight_files
from reft_studio.prompts import Message, render
from reft_studio.score import Untouched

PROMPT = "Tell me something about the sea."
TOKENS = 40


def look_whether_untouched(base: BaseModel, bot: Bot) -> Untouched:
    """Compare the weights with their files, and a greedy reply with that of transformers alone."""
    messages: list[Message] = [{"role": "user", "content": PROMPT}]
    sampling = Sampling(max_new_tokens=TOKENS)
    beside, _ = final_replies(base, [ChatRequest(messages), ChatRequest(messages, bot)], sampling)
    numbers, changed = _compare(base)
    return Untouched(numbers, changed, beside == _alone(base, messages))


def _compare(base: BaseModel) -> tuple[int | None, tuple[str, ...]]:
    """How many weights lie in memory as in the files, and which tensors do not.

    None where what was read is kept in another form, as in fewer bits, so that nothing can be said.
    """
    state: dict[str, Tensor] = base.model.state_dict()
    numbers, changed, compared = 0, [], set()
    if base.quantization:
        return None, ()
    for path in weight_files(base.folder):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  # it is no dictionary
                # Some are saved without the head's name for them.
                own = state.get(name, state.get(f"{base.model.base_model_prefix}.{name}"))
                saved: Tensor = file.get_tensor(name)
                if own is None or own.shape != saved.shape:
                    return None, ()
                compared.add(own.data_ptr())
                numbers += own.numel()
                if not torch.equal(own.cpu(), saved.to(own.dtype)):
                    changed.append(name)
    if any(parameter.data_ptr() not in compared for parameter in base.model.parameters()):
        return None, ()
    return numbers, tuple(changed)


def _alone(base: BaseModel, messages: list[Message]) -> str:
    ids = render(base.tokenizer, messages).token_ids
    # Two rows, as beside a bot: for other shapes processors compute in another order.
    prompts = torch.tensor([ids, ids], device=base.device)
    generate: Any = base.model.generate
    replies = generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=False,
        max_new_tokens=TOKENS,
        pad_token_id=base.tokenizer.pad_token_id,
        eos_token_id=list(base.end_tokens),
    )
    said = base.tokenizer.decode(
        replies[0, len(ids) :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return str(said).lstrip(" ")
