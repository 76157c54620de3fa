"""The templates of the page, and how they are rendered.

Jinja2 escapes every value that Python hands over (`autoescape`), and a template that names a value
it was not given is an error (`StrictUndefined`).
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Content security policy: the browser refuses scripts, and everything that is not in the file."""


def _keep_percent(text: str) -> str:
    """Never a line break between a number and its percent sign."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _breakable(name: str) -> Markup:
    """The name, escaped; a line may break after its underscores, since tags are long."""
    return Markup("_<wbr>").join(_keep_percent(name).split("_"))


def make_environment() -> Environment:
    """The environment of the templates, with the filters `keep_percent` and `breakable`."""
    environment = Environment(
        loader=PackageLoader("fad.evaluation.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"keep_percent": _keep_percent, "breakable": _breakable}
    return environment


def render(**values: Any) -> str:
    """`page.html.j2` with these values; the same values give the same text."""
    return make_environment().get_template("page.html.j2").render(policy=POLICY, **values)
