"""The model card published with the weights."""

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from f2a.config import GeneratorConfig, TrainConfig

TASK = "image-to-image"
"""What the model does, as the Hub calls it."""
PICTURE = "validation.png"
"""File with the last validation's picture, beside the card."""

METRICS = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "flash_psnr": "PSNR of the untouched flash photo, dB",
    "flash_ssim": "SSIM of the untouched flash photo",
}
"""Titles of the scores in the card, by their names in ``config.json``."""

BODY = """
# {name}

Relights a flash photograph: a {encoder} encoder and its decoder ({upsampling}), with the head "{head}", trained with
[f2a](https://arxiv.org/abs/1912.08813) for {steps} steps. Licence of the weights: {license}.

{scores}
{picture}
## Use

```
f2a relight photo.jpg -o relit/ --weights {repo_id}
```

```python
from PIL import Image

from f2a import Relighter

Relighter.from_pretrained("{repo_id}")(Image.open("photo.jpg")).save("relit.png")
```

## Training

Data: {data}.

```
{command}
```
"""
"""The card below its front matter; :func:`model_card` fills it in."""


def repo_id(config: TrainConfig) -> str:
    """Return the id of the model's repository on the Hub."""
    return config.hub_model_id or Path(config.output_dir).resolve().name


def model_card(
    config: TrainConfig, architecture: GeneratorConfig, training: dict[str, Any], *, has_picture: bool
) -> str:
    """Return the text of the card.

    Args:
        config: the run's config.
        architecture: the generator's architecture.
        training: as in ``config.json``: ``command``, ``data``, ``steps``, ``validation`` (scores, including those of
            the flash photo; empty without validation pairs).
        has_picture: whether ``validation.png`` is in the same folder.
    """
    repository, scores = repo_id(config), training["validation"]
    name = repository.rpartition("/")[2]
    held_out = Path(config.validation_dir or config.validation_split or "held-out pairs of the training data").name
    body = BODY.format(
        name=name,
        repo_id=repository,
        license=config.license,
        steps=training["steps"],
        scores=_table(scores, held_out, config.normalize_exposure),
        picture=f"\n![Flash, ours, truth and attention of held-out pairs]({PICTURE})\n" if has_picture else "",
        data=", ".join(training["data"]),
        command=training["command"],
        encoder=architecture.encoder,
        upsampling=architecture.upsampling,
        head=architecture.head,
    )
    return f"---\n{_front_matter(config, name, held_out, scores).to_yaml()}\n---\n{body}"


def _front_matter(config: TrainConfig, name: str, held_out: str, scores: dict[str, Any]) -> ModelCardData:
    results = [
        EvalResult(
            task_type=TASK,
            dataset_type="flash-ambient-pairs",
            dataset_name=held_out,
            metric_type=metric,
            metric_name=title,
            metric_value=round(scores[metric], 4),
        )
        for metric, title in METRICS.items()
        if metric in scores
    ]
    return ModelCardData(
        license=config.license,
        library_name="f2a",
        pipeline_tag=TASK,
        tags=["relighting", "flash-photography"],
        datasets=[config.dataset_name] if config.dataset_name else None,
        model_name=name,
        eval_results=results or None,
    )


def _table(scores: dict[str, Any], held_out: str, normalized: bool) -> str:
    if not scores:
        return "Not measured: there were no validation pairs."
    truth = "the truth at the standard exposure" if normalized else "the truth"
    return (
        f"On {held_out}, at working size, against {truth}:\n\n"
        "| | PSNR, dB | SSIM |\n|---|---|---|\n"
        f"| this model | {scores['psnr']:.2f} | {scores['ssim']:.3f} |\n"
        f"| the flash photo as it is | {scores['flash_psnr']:.2f} | {scores['flash_ssim']:.3f} |"
    )
