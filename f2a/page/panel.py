"""A panel of settings: presets, one row for each control, the ticks, and undo. Everything but the picture is done in
the browser; page.js keeps each panel's history."""

import json
from collections.abc import Sequence
from dataclasses import astuple, fields
from importlib.util import find_spec
from typing import Any, NamedTuple

import gradio as gr

from f2a.page import text
from f2a.relight.controls import NEUTRAL, PRESETS, Controls

DEFAULTS: list[Any] = [*astuple(NEUTRAL), False]
"""Default values of all settings, in order: the controls, then whether to keep the location."""


class Panel(NamedTuple):
    """The components of a panel: the controls, the ticks for location and settings, and the undo and redo buttons."""

    controls: list[Any]
    keep_location: gr.Checkbox
    keep_settings: gr.Checkbox
    steps: list[gr.Button]

    @property
    def settings(self) -> list[Any]:
        """The components that determine how a photo is relit, in the order of :data:`DEFAULTS`."""
        return [*self.controls, self.keep_location]


def settings_panel(name: str, for_one: bool = True) -> Panel:
    """Lay out the panel with the id ``name``; ``for_one`` photo at a time, with a tick that keeps the settings for the
    next photo, or for a batch."""
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
    """Name under the slider's label the light that its position stands for, as it moves."""
    low, step = slider.minimum, slider.step
    names = [text.name_light(low + step * place) for place in range(round((slider.maximum - low) / step) + 1)]
    slider.info = text.name_light(0)
    name = f"{json.dumps(names)}[Math.round(((mireds ?? 0) - {low}) / {step})]"
    in_browser([slider.change], [slider], [slider], f"(mireds) => ({{ __type__: 'update', info: {name} }})")


def in_browser(events: Any, inputs: Sequence[Any] | None, outputs: Sequence[Any], js: str) -> None:
    """Handle events with JavaScript alone."""
    gr.on(events, None, inputs, outputs, js=js, show_progress="hidden", api_visibility="private")


def control(field: Any) -> Any:
    """Make the slider or tick for a field of :class:`Controls`."""
    label, limits = text.label(field), field.metadata
    if "low" not in limits:
        return gr.Checkbox(field.default, label=label)
    works = field.name != "red_eyes" or find_spec("cv2") is not None
    slider = gr.Slider(limits["low"], limits["high"], field.default, step=limits["step"], label=label, visible=works)
    slider.preprocess = lambda payload: payload  # type: ignore[method-assign]  # Gradio's fails on an empty field
    return slider
