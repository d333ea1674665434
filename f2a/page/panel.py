"""A panel of settings: presets, undo, one row for each control, and the ticks. All but the picture happens in the
browser; the history of each panel is in page.js."""

import json
from collections.abc import Sequence
from dataclasses import astuple, fields
from importlib.util import find_spec
from typing import Any, NamedTuple

import gradio as gr

from f2a.page import text
from f2a.relight.controls import NEUTRAL, PRESETS, Controls

DEFAULTS: list[Any] = [*astuple(NEUTRAL), False]
"""Of all settings, in their order: the controls, and whether to keep the location."""


class Panel(NamedTuple):
    """The components of the controls, the ticks that keep the location and the settings, and undo and redo."""

    controls: list[Any]
    keep_location: gr.Checkbox
    keep_settings: gr.Checkbox
    steps: list[gr.Button]

    @property
    def settings(self) -> list[Any]:
        """What says how a photo is relit, in the order of :data:`DEFAULTS`."""
        return [*self.controls, self.keep_location]


def settings_panel(name: str, for_one: bool = True) -> Panel:
    """The panel called ``name``, which is its id on the page, too; ``for_one`` photo after another, or for many."""
    with gr.Column(elem_id=name):
        with gr.Row():
            presets = [gr.Button(text.PRESETS[preset]) for preset in PRESETS]
        controls = [control(field) for field in fields(Controls)]
        with gr.Row():
            keep_location = gr.Checkbox(False, label=text.KEEP_LOCATION)
            keep_settings = gr.Checkbox(False, label=text.KEEP_SETTINGS, visible=for_one)
        with gr.Row():
            undo = gr.Button("Undo", interactive=False, elem_classes="undo")
            redo = gr.Button("Redo", interactive=False, elem_classes="redo")
            reset = gr.Button("Reset all")
    panel = Panel(controls, keep_location, keep_settings, [undo, redo])
    name_warmth(controls[[field.name for field in fields(Controls)].index("warmth")])
    for button, preset in zip(presets, PRESETS.values(), strict=True):
        in_browser(button.click, None, panel.controls, f"() => {json.dumps(astuple(preset))}")
    in_browser(reset.click, None, panel.settings, f"() => {json.dumps(DEFAULTS)}")
    changes = [component.change for component in panel.settings]
    record = f"(...values) => window.f2a_record({name!r}, values, {json.dumps(DEFAULTS)})"
    in_browser(changes, panel.settings, [undo, redo], record)
    in_browser(undo.click, None, panel.settings, f"() => window.f2a_step({name!r}, -1)")
    in_browser(redo.click, None, panel.settings, f"() => window.f2a_step({name!r}, 1)")
    return panel


def name_warmth(slider: gr.Slider) -> None:
    """Say under the slider's name which light it stands for, as it moves."""
    low, step = slider.minimum, slider.step
    names = [text.name_light(low + step * place) for place in range(round((slider.maximum - low) / step) + 1)]
    slider.info = text.name_light(0)
    name = f"{json.dumps(names)}[Math.round(((mireds ?? 0) - {low}) / {step})]"
    in_browser([slider.change], [slider], [slider], f"(mireds) => ({{ __type__: 'update', info: {name} }})")


def in_browser(events: Any, inputs: Sequence[Any] | None, outputs: Sequence[Any], js: str) -> None:
    """Answer events by JavaScript alone."""
    gr.on(events, None, inputs, outputs, js=js, show_progress="hidden", api_visibility="private")


def control(field: Any) -> Any:
    """The slider or tick of one of the library's controls."""
    label, limits = text.label(field), field.metadata
    if "low" not in limits:
        return gr.Checkbox(field.default, label=label)
    works = field.name != "red_eyes" or find_spec("cv2") is not None
    slider = gr.Slider(limits["low"], limits["high"], field.default, step=limits["step"], label=label, visible=works)
    slider.preprocess = lambda payload: payload  # type: ignore[method-assign]  # Gradio's fails on an emptied field
    return slider
