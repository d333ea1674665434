"""The page's text."""

import html
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from string import Template
from typing import Any

from f2a.errors import counted
from f2a.hub import parse_repo_id
from f2a.page.clipping import BLACK_COLOR, BURNT_COLOR, Clipping
from f2a.page.gallery import PairPreview, PairScore
from f2a.photo import PhotoError
from f2a.relight.controls import Controls

TITLE = "Flash to ambient"
INTRODUCTION = f"# {TITLE}\nGives a flash photo the room's light and keeps the rest, including size and format."
DESCRIPTION = (
    "A photograph taken with flash, as the light of the room would have shown it. At full size, in its own format."
)
CHOOSE, CHANGE = "Choose, drop or paste a photo", "Change photo"
WELCOME = "This is an example: move the sliders, pick another one, or choose your own photo."
SAVING = '<p class="note waiting" role="status">Relighting at full size …</p>'
FALLS_SHORT = """Here f2a falls short: the room's lamp is warm and bright (right: the truth), but the flash photo shows
neither. The relit picture (left) keeps the flash photo's colours, and the doll burnt out by the flash stays white. The
scene is a rendering."""

CHANGES = "Red areas are brighter than in the flash photo, blue ones darker, white ones equal. The scale is in stops."

PRESETS = {"natural": "Natural", "soft": "Soft", "warm-room": "Warm room", "hot-spots": "Only tame hot spots"}
"""Labels of the library's presets."""

SHOW_CLIPPING = "Show clipping"
KEEP_LOCATION, KEEP_SETTINGS = "Keep location data in the file", "Keep settings for the next photo"
LABELS = {"keep_colors": "Keep the photo's colours"}
"""Labels of controls whose names do not say enough."""


def head_tags(url: str) -> str:
    """HTML tags that name the page, for browsers and for previews of its link.

    Args:
        url: the page's address, without a trailing slash.
    """
    url = html.escape(url)
    tags = {
        "og:type": "website",
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:url": f"{url}/",
        "og:image": f"{url}/share.jpg",
        "og:image:alt": "Coats in a dark cupboard, with flash and relit",
        "twitter:card": "summary_large_image",  # the rest comes from the og: tags
    }
    lines = [f'<meta property="{name}" content="{content}">' for name, content in tags.items()]
    head = f'<title>{TITLE}</title><meta name="description" content="{DESCRIPTION}">'
    return head + "".join(lines) + '<link rel="icon" href="favicon.ico">'


NO_BREAK = "\N{NO-BREAK SPACE}"

DAYLIGHT = 5500
"""Colour temperature, in kelvin, at a warmth of 0: flash is made to match it, and cameras balance white for it."""

LIGHTS = (
    (9_000, "blue sky"),
    (7_000, "open shade"),
    (6_000, "cloudy sky"),
    (5_000, "daylight"),
    (4_200, "low sun"),
    (0, "evening sun"),
)
"""Names of lights, each with the lowest colour temperature in kelvin to which it applies."""


def name_light(mireds: float) -> str:
    """Name daylight that is warmed by this many mireds, rounded to 50 kelvin: 50 gives ``"4300 K, low sun"``, which
    breaks only after the comma."""
    kelvin = 1e6 / (1e6 / DAYLIGHT + mireds)
    word = next(word for low, word in LIGHTS if kelvin >= low)
    return f"{50 * round(kelvin / 50)}{NO_BREAK}K, {word.replace(' ', NO_BREAK)}"


def label(control: Field[Any]) -> str:
    """Label of a field of :class:`Controls`, with its unit."""
    unit = control.metadata.get("unit")
    name = LABELS.get(control.name, control.name.replace("_", " ").capitalize())
    return f"{name} ({unit})" if unit else name


def controls_help() -> str:
    """What each control does, as HTML with one line for each."""
    lines = (f"<b>{label(control)}</b>: {html.escape(control.metadata['help'])}" for control in fields(Controls))
    return "".join(f'<p class="note">{line}.</p>' for line in lines)


def explain(control: Field[Any]) -> str:
    """Help text of a control, with its range."""
    metadata = control.metadata
    bounds = f", {metadata['low']} to {metadata['high']}" if "low" in metadata else ""
    return f"{metadata['help']}{bounds}"


SETTINGS = {control.name: explain(control) for control in fields(Controls)} | {
    "keep_location": "keep the location where the photo was taken in the file's metadata"
}
"""The API's parameters for how a photo is relit, in order, with their help texts."""

ADDRESS = "The page is at {0} (Ctrl-C stops it); its API is described at {0}?view=api"
PUBLIC_ADDRESS = "For a week, it is also at {0}"
TOOLS_ADDRESS = "The MCP tools are at {0}gradio_api/mcp/"
"""Lines printed once the page is served."""

BUNDLED_INSTEAD = "The weights {} are not available at the moment; the bundled ones are used instead."

ABOUT = Path(__file__).with_name("about.html")


def as_html(*sentences: str, error: bool = False) -> str:
    """Lines on the page, as HTML; sentences are escaped, never taken as markup."""
    kind, role = ("note error", "alert") if error else ("note", "status")
    return "".join(f'<p class="{kind}" role="{role}">{html.escape(sentence)}</p>' for sentence in sentences)


def waiting(before: int = 0, begun: int = 0, of: int = 0) -> str:
    """Status line, as HTML: ``before`` photos are ahead in line or, if 0, a photo is being relit, or in a batch, photo
    ``begun`` of ``of``."""
    number = f"photo {begun} of {of} " if begun else ""
    sentence = f"In line, {counted(before, 'photo')} before yours." if before else f"Relighting {number}…"
    return f'<p class="note waiting" role="status">{sentence}</p>'


def clipping(both: tuple[Clipping, Clipping] | None = None) -> str:
    """How much of the flash photo and of the relit one is burnt and black, with the colours of the marks, as HTML; for
    None, what the warning does."""
    if not both:
        return '<p class="clipping">Marks burnt and black areas.</p>'
    flash, relit = both
    lines = [
        (BURNT_COLOR, f"burnt {_percent(relit.burnt)} (flash {_percent(flash.burnt)})"),
        (BLACK_COLOR, f"black {_percent(relit.black)} (flash {_percent(flash.black)})"),
    ]
    spans = [f'<span style="border-color: rgb{color}">{html.escape(line)}</span>' for color, line in lines]
    return f'<p class="clipping" role="status">{"".join(spans)}</p>'


def _percent(share: float) -> str:
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def user_message(error: Exception) -> str:
    """An error's message; a file is given by its name, without the server's folders."""
    return f"{error.path.name}: {error.reason}" if isinstance(error, PhotoError) else str(error)


def as_errors(*errors: Exception) -> str:
    """Messages of errors, as HTML with one line for each."""
    return as_html(*map(user_message, errors), error=True)


def describe(pair: PairPreview) -> str:
    """A sentence with an example's name and scores."""
    name = Path(pair.name).name.replace("_", " ")
    scores = f"flash {_spoken(pair.flash_score)}; relit {_spoken(pair.our_score)}"
    return f"{name}. Compared with the truth: {scores} (higher is closer)."


def _spoken(score: PairScore) -> str:
    return f"{score.psnr_db:.1f} dB, SSIM {score.ssim:.2f}"


def origin(title: str, bundled: bool) -> str:
    """A sentence that says what the examples are."""
    ours = "Six photographs from the Multi-Illumination dataset (CC BY 4.0) and two renderings"
    whose = ours if bundled else f"Photographs from {title}"
    return f"{whose}: with flash, relit by f2a, and without flash (the truth)."


def about(source: str | None, training: Mapping[str, Any]) -> str:
    """The text of the About tab, as HTML.

    Args:
        source: the Hub id of the weights, ``user/model`` or ``user/model@revision``; None for the bundled ones.
        training: what the weights record of their training.
    """
    licence = f"Their licence: {html.escape(str(training.get('licence', 'not stated')))}."
    if source:
        repo_id = html.escape(parse_repo_id(source).name)
        weights = f'The weights are <a href="https://huggingface.co/{repo_id}">{repo_id}</a>. {licence}'
    else:
        weights = f"The weights are those that ship with f2a. {licence}"
    return Template(ABOUT.read_text(encoding="utf-8")).substitute(weights=weights)
