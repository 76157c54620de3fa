"""What mkdocs does besides: pages of the repository outside docs/, links to them, the API's pages.

README.md is the first page. Recipes' pages and their pictures keep their paths, so that a link that
works in the repository works on the site.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PUBLISHED = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "egs/*/README.md",
    "egs/*/study/*",
    "tests/bench/*.md",
    "tests/bench/*.png",
    "fad/**/schema.json",
)
API = "fad"
# Of [text](target), ![text](target) and [text](target#anchor); not of an address.
LINK = re.compile(r"(\]\()(?!\w+:|#|/)([^)#\s]+)")


def site_path(path: str) -> str:
    """Where a file of the repository is on the site, both with `/` between."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def repository_path(file: File) -> str:
    """The inverse, for a page."""
    if file.src_uri == "index.md":
        return "README.md"
    return file.src_uri if (ROOT / file.src_uri).is_file() else f"docs/{file.src_uri}"


def packages() -> list[str]:
    """Packages that have modules, by their dotted names; entry points are no library."""
    found = {path.parent for path in (ROOT / API).rglob("[a-z]*.py")}
    names = sorted(".".join(folder.relative_to(ROOT).parts) for folder in found)
    return [name for name in names if name not in (API, f"{API}.bin")]


def api_page(name: str) -> str:
    """Every module of a package, from its docstrings."""
    folder = ROOT / Path(*name.split("."))
    modules = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    return f"# {name}\n\n" + "\n\n".join(f"::: {name}.{module}" for module in modules) + "\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the API's pages into the navigation, which is written before they are known."""
    for entry in config.nav:
        if "API" in entry:
            entry["API"] += [{name: f"api/{name}.md"} for name in packages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds pages that do not lie in docs/."""
    for pattern in PUBLISHED:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, site_path(name), abs_src_path=str(path)))
    for name in packages():
        files.append(File.generated(config, f"api/{name}.md", content=api_page(name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turns links between files of the repository into links between pages of the site."""
    here = repository_path(page.file)

    def move(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), match[2]))
        folder = posixpath.dirname(page.file.src_uri)
        return match[1] + posixpath.relpath(site_path(target), folder or ".")

    return LINK.sub(move, markdown)
