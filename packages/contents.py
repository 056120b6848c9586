"""What the packages for other languages have in common: version, vocabularies that may be shipped, licences."""
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VOCABULARIES = os.path.join(ROOT, "data", "vocabularies")
EPOCH = 315532800  # 1980-01-01, the first day that a zip file knows
KEPT = ("name", "aliases", "licence", "digest", "file", "file_sha256")


def read(*path, mode="rb"):
    with open(os.path.join(ROOT, *path), mode) as file:
        return file.read()


def version():
    """That of the project, in CMakeLists.txt."""
    return re.search(r"project\(ciyuan VERSION ([0-9.]+)", read("CMakeLists.txt").decode()).group(1)


def when():
    """Seconds of the files' times: SOURCE_DATE_EPOCH, or a constant, so that equal input makes equal packages."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))


def manifest():
    """The shipped part of data/vocabularies/manifest.json. What is not kept in the tree is not shipped either: its
    licence asks for more than a notice (data/vocabularies/NOTICE)."""
    every = json.loads(read("data", "vocabularies", "manifest.json"))["vocabularies"]
    shipped = [{key: each[key] for key in KEPT} for each in every if each["in_tree"]]
    withheld = [{key: each[key] for key in ("name", "aliases", "licence")} for each in every if not each["in_tree"]]
    return {"vocabularies": shipped, "not_shipped": withheld}


def licences(linked):
    """Name to content: ours, the vocabularies', that of the character tables, and those of the libraries `linked` in, which Debian keeps by package."""
    files = {"LICENSE": read("LICENSE"), "NOTICE": read("data", "vocabularies", "NOTICE"),
             "MIT.txt": read("packages", "licences", "MIT.txt"), "Unicode.txt": read("packages", "licences", "Unicode.txt")}
    for package in linked:
        path = f"/usr/share/doc/{package}/copyright"
        if not os.path.exists(path):
            raise SystemExit(f"{path} is missing: a package must carry the licence of what is linked into it")
        files[f"{package}.copyright"] = read(path)
    return files
