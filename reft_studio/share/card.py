"""The model card of a published bot. Whatever people or models wrote is shown as text, never as markup."""

import re
import string
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reft_studio.manifest import BaseRecord, Manifest, Score, Suite
from reft_studio.model_source import EMBEDDED_ID

OUR_TAG = "reft-studio"
_TEMPLATE = "model_card.md"
_HUB_ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?", re.ASCII)
_REVISION = re.compile(r"[\w./-]{1,200}", re.ASCII)
_SAMPLES = 3
_SAMPLE_CHARACTERS = 600
_SUITES = {
    Suite.UNSEEN: "everyday messages it had never seen",
    Suite.ATTACKS: "attempts to talk it out of its role",
    Suite.LONG: "requests for a long answer",
    Suite.SECOND: "the second message of a chat",
}
_ENTITIES = {ord(sign): f"&#{ord(sign)};" for sign in string.punctuation}


@dataclass(frozen=True)
class License:
    """Of the base model, as its own card gives it."""

    name: str
    """The Hub's short name, such as "apache-2.0"; "other" for one of its own."""
    own_name: str | None = None
    link: str | None = None


EMBEDDED_LICENSE = License("apache-2.0")


def write_card(manifest: Manifest, repo_id: str, rows: int | None, base_license: License | None) -> str:
    """The README.md of a bot that goes to `repo_id`, made from so many rows (None: nobody knows).

    `base_license` is the base model's: the bot is of use with that model only.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=False,  # `text` does it: HTML escapes alone would leave Markdown alive
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["text"] = as_text
    on_hub, score = is_on_hub(manifest.base), manifest.score
    data = ModelCardData(
        license=base_license.name if base_license else None,
        license_name=base_license.own_name if base_license else None,
        license_link=base_license.link if base_license else None,
        base_model=manifest.base.id if on_hub else None,
        base_model_relation="adapter" if on_hub else None,
        library_name="reft-studio",
        pipeline_tag="text-generation",
        model_name=repo_id if score else None,  # not the bot's name: that is anybody's text
        eval_results=_eval_results(score) if score else None,
        tags=["reft", manifest.recipe.method.lower(), OUR_TAG, "representation-finetuning"],
    )
    return environment.get_template(_TEMPLATE).render(
        metadata=data.to_yaml(),
        manifest=manifest,
        embedded=manifest.base.id == EMBEDDED_ID,
        on_hub=on_hub,
        repo_id=repo_id,
        rows=rows,
        license=base_license,
        suites=_SUITES,
        instructed=score is not None and all(count.instructed is not None for count in score.counts),
        samples=[probe for probe in manifest.probes if probe.base is not None][:_SAMPLES],
    )


def _eval_results(score: Score) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="text-generation",
            dataset_type=f"reft-studio-{count.suite}",
            dataset_name=f"ReFT Studio: {_SUITES[count.suite]}",
            metric_type="accuracy",
            metric_name="share of replies that meet the rules",
            metric_value=round(count.bot / count.of, 4),
        )
        for count in score.counts
    ]


def is_on_hub(base: BaseRecord) -> bool:
    """Whether others can load this base model by its id; one from a folder has no revision."""
    return bool(base.revision and _REVISION.fullmatch(base.revision) and _HUB_ID.fullmatch(base.id))


def as_text(text: str) -> str:
    """Text that means nothing to Markdown and HTML: entities cannot form structure (CommonMark 6.2)."""
    if len(text) > _SAMPLE_CHARACTERS:
        text = text[:_SAMPLE_CHARACTERS] + "…"
    return "<br>".join(text.translate(_ENTITIES).splitlines())
