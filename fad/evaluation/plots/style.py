"""The look of the plots, and their SVG or PNG with the same bytes each time.

Seven colours that colour-blind readers can distinguish (M. Okabe and K. Ito, "Color universal
design", 2008, without their yellow, which is too pale for lines on white). Each colour has its own
marker, so that colour is never the only sign. From the eighth system on, lines are dashed.
"""

import base64
import io
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fad.utils.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = "DejaVu Sans"  # comes with matplotlib
TITLE_SIZE, LEGEND_SIZE = 10.5, 9.0  # points
BONAFIDE, SPOOF = "#0072B2", "#D55E00"
INK, MUTED, RULE = "#222222", "#595959", "#DDDDDD"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
_STYLES = ("-", (0, (4, 1.5)), (0, (1, 1)))
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "fad",  # without it, the ids are random
    "svg.fonttype": "path",  # text looks the same on machines without the font
    "font.family": FONT,
    "font.size": 10,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.titlesize": TITLE_SIZE,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.fontsize": LEGEND_SIZE,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Look:
    """Colour, marker and line style of a system, the same in every plot of a page."""

    colour: str
    marker: str
    line: str | tuple[float, tuple[float, ...]]

    @property
    def mark(self) -> dict[str, Any]:
        """Colours of the marker; it is hollow if lines are dashed."""
        if self.line == "-":
            return {"markerfacecolor": self.colour, "markeredgecolor": "white"}
        return {"markerfacecolor": "white", "markeredgecolor": self.colour}

    @classmethod
    def of(cls, index: int) -> "Look":
        """The look of the system with this index, from 0."""
        turn, place = divmod(index, len(_COLOURS))
        return cls(_COLOURS[place], _MARKERS[place], _STYLES[turn % len(_STYLES)])


def label(name: str, most: int) -> str:
    """A name for a plot: a long one is shortened in its middle.

    A space goes before an underscore, since matplotlib hides labels that begin with one.
    """
    name = name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2) + 1 :]}"
    return f" {name}" if name.startswith("_") else name


def settings() -> AbstractContextManager[None]:
    """The context for making and writing figures."""
    import matplotlib

    return matplotlib.rc_context(_SETTINGS)


def new_figure(
    width: float, height: float, layout: Literal["constrained"] | None = "constrained"
) -> "Figure":
    """An empty figure, in inches; call it within `settings`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def svg(figure: "Figure") -> bytes:
    """The figure as SVG; call it within `settings`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": None})
    return file.getvalue()


def data_uri(image: bytes) -> str:
    """An SVG image as the `src` of an `img`."""
    return f"data:image/svg+xml;base64,{base64.b64encode(image).decode()}"


def write_png(figure: "Figure", path: str | Path) -> None:
    """Writes a PNG, replaced atomically; call it within `settings`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(200)
    with atomic_path(path) as part:
        FigureCanvasAgg(figure).print_png(str(part), metadata={"Software": None})
