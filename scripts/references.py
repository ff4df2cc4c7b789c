"""What the generated references know: commands, variables and keys. Files that name others are refused.

docs/cli.md and docs/config.md are made from the program, and tests keep them so.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def commands():
    """`topics create`, `process`, … as docs/cli.md has them."""
    return set(re.findall(r"^#+ `quartermaster ([a-z -]+)`$", (ROOT / "docs/cli.md").read_text(encoding="utf-8"), re.M))


def config_rows():
    """(`section.key`, `QM_SECTION__KEY`) of docs/config.md."""
    section = None
    for line in (ROOT / "docs/config.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## `\[+([a-z_.]+)\]+`", line):
            section = heading[1]
        elif row := re.match(r"\| `([a-z_]+)` \| (?:`(QM_[A-Z_]+)`)?", line):
            yield f"{section}.{row[1]}", row[2]


def command_faults(where, words):
    """A command line that docs/cli.md does not know."""
    verbs = [word for word in words if not word.startswith("-")]
    known = commands()
    if not any(" ".join(verbs[:n]) in known for n in (2, 1)):
        yield f"{where}: quartermaster {' '.join(words)}: docs/cli.md has no such command"


def variable_faults(where, names):
    known = {variable for _, variable in config_rows() if variable}
    for name in names:
        if name.startswith("QM_") and name not in known:
            yield f"{where}: {name}: docs/config.md has no such variable"


def keys_of(table, prefix=""):
    for name, value in table.items():
        path = f"{prefix}{name}"
        yield path
        if isinstance(value, dict):
            yield from keys_of(value, f"{path}.")


def config_faults(where, text):
    """Keys of a TOML file that docs/config.md does not know. Below a known key everything is its own."""
    known = {key for key, _ in config_rows()}
    sections = {key.rsplit(".", 1)[0] for key in known}
    for key in keys_of(tomllib.loads(text)):
        parents = {key[:at] for at, letter in enumerate(key) if letter == "."}
        if key not in known | sections and not parents & known:
            yield f"{where}: {key}: docs/config.md has no such key"
