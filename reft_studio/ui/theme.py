"""Colours, corners and letters of the page: what Gradio can be told. The rest is in assets/style.css."""

from pathlib import Path

from gradio.themes import Base

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLE, SCRIPTS = ASSETS / "style.css", tuple(ASSETS / f"{name}.js" for name in ("answers", "clocks", "table"))

SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> Base:
    """Warm paper and one deep green by day, slate and a lighter green by night; the system's own letters."""
    return Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        spacing_size="md",
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f8f6f1",
        body_background_fill_dark="#14181a",
        body_text_color="#22282b",
        body_text_color_dark="#e9e6df",
        body_text_color_subdued="#5b636a",
        body_text_color_subdued_dark="#a9b1b6",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1b2124",
        background_fill_secondary="#fbfaf7",
        background_fill_secondary_dark="#181d20",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b2124",
        block_border_color="#e0dcd2",
        block_border_color_dark="#343c41",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="#22282b",
        block_label_text_color_dark="#e9e6df",
        block_title_text_color="#22282b",
        block_title_text_color_dark="#e9e6df",
        block_title_text_weight="600",
        block_info_text_color="#5b636a",
        block_info_text_color_dark="#a9b1b6",
        border_color_primary="#d8d3c7",
        border_color_primary_dark="#3c454a",
        input_background_fill="#ffffff",
        input_background_fill_dark="#14181a",
        input_border_width="1px",
        input_border_color="#a39d8f",
        input_border_color_dark="#6b757b",
        input_placeholder_color="#6a7075",
        input_placeholder_color_dark="#98a1a6",
        button_primary_background_fill="#0d6455",
        button_primary_background_fill_dark="#5cc9b1",
        button_primary_background_fill_hover="#094a3f",
        button_primary_background_fill_hover_dark="#7ad9c4",
        button_primary_border_color="#0d6455",
        button_primary_border_color_dark="#5cc9b1",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0c201c",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#232a2e",
        button_secondary_background_fill_hover="#eef4f1",
        button_secondary_background_fill_hover_dark="#2c3539",
        button_secondary_border_color="#cfc9bc",
        button_secondary_border_color_dark="#465056",
        button_secondary_text_color="#22282b",
        button_secondary_text_color_dark="#e9e6df",
        button_border_width="1px",
        button_small_text_size="14px",
        button_small_padding="6px 12px",
        button_small_text_weight="500",
        block_info_text_size="13px",
        checkbox_border_radius="5px",
        checkbox_background_color_dark="#14181a",
        checkbox_border_color="#8b857a",
        checkbox_border_color_dark="#6b757b",
        color_accent="#0d6455",
        slider_color="#0d6455",
        slider_color_dark="#5cc9b1",
        table_border_color="#e0dcd2",
        table_border_color_dark="#343c41",
        table_even_background_fill="#ffffff",
        table_even_background_fill_dark="#1b2124",
        table_odd_background_fill="#fbfaf7",
        table_odd_background_fill_dark="#181d20",
        table_row_focus="#e8f2ee",
        table_row_focus_dark="#1f302c",
    )
