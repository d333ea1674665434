"""The page's colours and fonts, as a Gradio theme."""

import gradio as gr

AMBER = gr.themes.Color(
    "#fdf6ec", "#f9e9cf", "#f0d3a5", "#e6bb79", "#dba352", "#c4852c", "#9a6316", "#7a4d0f", "#5c3a0c", "#40290a",
    "#2a1b07",
)  # fmt: skip
THEME = gr.themes.Base(
    primary_hue=AMBER,
    secondary_hue=AMBER,
    neutral_hue="stone",
    radius_size="sm",
    font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
    font_mono=("ui-monospace", "Consolas", "monospace"),
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_title_text_color="*neutral_800",
    block_title_text_color_dark="*neutral_100",
    checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
    checkbox_border_color_selected_dark="*primary_300",
    input_border_color="*neutral_500",
    input_border_color_dark="*neutral_400",
    button_border_width="1px",
    button_secondary_border_color="*neutral_500",
    button_secondary_border_color_dark="*neutral_400",
    button_secondary_border_color_hover="*neutral_500",
    button_secondary_border_color_hover_dark="*neutral_400",
    button_secondary_background_fill="*neutral_100",
    button_secondary_background_fill_dark="*neutral_800",
    color_accent="*primary_700",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    slider_color="*primary_600",
    slider_color_dark="*primary_400",
    button_primary_background_fill="*neutral_900",
    button_primary_background_fill_hover="*neutral_700",
    button_primary_border_color="*neutral_900",
    button_primary_border_color_dark="*neutral_100",
    button_primary_background_fill_dark="*neutral_100",
    button_primary_background_fill_hover_dark="*neutral_300",
    button_primary_text_color_dark="*neutral_900",
)
