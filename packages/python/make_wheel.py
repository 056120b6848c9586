#!/usr/bin/env python3
"""Makes the wheel: for any Python 3.8 or later, and any Linux with the C library that the library asks for.

  packages/python/make_wheel.py --library build/release/wheel/libciyuan_token.so --output FOLDER

Prints the wheel's path. The same input makes the same bytes; SOURCE_DATE_EPOCH sets the files' times.
"""
import argparse
import base64
import hashlib
import json
import os
import platform
import re
import sys
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import contents

# Linked into libciyuan_token.so, as Debian names what they came from.
LINKED = ("libstdc++-12-dev", "libzstd-dev", "libpcre2-dev", "nlohmann-json3-dev")


def platform_tag(library):
    """PEP 600: the newest symbol version of the C library that is asked for."""
    asked = max(tuple(map(int, found)) for found in re.findall(rb"GLIBC_(\d+)\.(\d+)", library))
    return f"manylinux_{asked[0]}_{asked[1]}_{platform.machine()}"


def metadata(version, licences):
    readme = contents.read(HERE, "README.md").decode()
    files = "".join(f"License-File: {name}\n" for name in sorted(licences))
    return f"""Metadata-Version: 2.4
Name: ciyuan
Version: {version}
Summary: How many tokens a text is, exactly as the model's own tokenizer counts them
License-Expression: Apache-2.0 AND MIT
{files}Keywords: tokenizer,tokens,bpe,tiktoken
Classifier: Intended Audience :: Developers
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{readme}""".encode()


def files_of(version, library, tag):
    """Path in the wheel to content."""
    info = f"ciyuan-{version}.dist-info"
    files = {"ciyuan/libciyuan_token.so": library}
    for name in sorted(os.listdir(os.path.join(HERE, "ciyuan"))):
        if name.endswith((".py", ".typed")):
            files[f"ciyuan/{name}"] = contents.read(HERE, "ciyuan", name).replace(b"@VERSION@", version.encode())
    manifest = contents.manifest()
    files["ciyuan/vocabularies/manifest.json"] = json.dumps(manifest, indent=1).encode()
    for each in manifest["vocabularies"]:
        files[f"ciyuan/vocabularies/{each['file']}"] = contents.read(contents.VOCABULARIES, each["file"])
    licences = contents.licences(LINKED)
    files.update({f"{info}/licenses/{name}": content for name, content in licences.items()})
    files[f"{info}/METADATA"] = metadata(version, licences)
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: ciyuan\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode()
    record = "".join(f"{path},sha256={url_base64(hashlib.sha256(content).digest())},{len(content)}\n"
                     for path, content in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    return files


def url_base64(digest):
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def write_zip(path, files):
    date = time.gmtime(max(contents.when(), contents.EPOCH))[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            packed = zipfile.ZIP_STORED if name.endswith(".zst") else zipfile.ZIP_DEFLATED
            out.writestr(entry, content, packed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--output", required=True, help="a folder")
    options = parser.parse_args()
    version = contents.version()
    library = contents.read(os.path.abspath(options.library))
    tag = platform_tag(library)
    os.makedirs(options.output, exist_ok=True)
    path = os.path.join(options.output, f"ciyuan-{version}-py3-none-{tag}.whl")
    write_zip(path, files_of(version, library, tag))
    print(path)


if __name__ == "__main__":
    main()
