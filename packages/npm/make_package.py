#!/usr/bin/env python3
"""Builds ciyuan.wasm and makes the npm package. After `npm ci` in this folder.

  packages/npm/make_package.py --build build/wasm --output FOLDER

Prints the path of the .tgz that `npm pack` makes. The same input makes the same bytes.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import contents

# In ciyuan.wasm, as Debian names what they came from; fzstd's licence comes with it.
LINKED = ("libc++-19-dev-wasm32", "libc++abi-19-dev-wasm32", "libclang-rt-19-dev-wasm32", "wasi-libc", "nlohmann-json3-dev")


def build(folder):
    """The module's path. Quiet where all is well."""
    native = os.path.join(HERE, "native")
    commands = [["ninja", "-C", folder]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        commands.insert(0, ["cmake", "-G", "Ninja", "-S", native, "-B", folder, f"-DCMAKE_TOOLCHAIN_FILE={native}/wasi.cmake"])
    for command in commands:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")
    return os.path.join(folder, "ciyuan.wasm")


def package_json():
    """Ours, with the version; fzstd is inside, so that browsers need no bundler to find it."""
    tree = json.loads(contents.read(HERE, "package.json"))
    tree["version"] = contents.version()
    del tree["devDependencies"]
    return json.dumps(tree, indent=2).encode() + b"\n"


def files_of(module):
    """Path in the package to content."""
    fzstd = os.path.join(HERE, "node_modules", "fzstd")
    if not os.path.isdir(fzstd):
        raise SystemExit(f"fzstd is missing: npm ci in {HERE}")
    manifest = contents.manifest()
    files = {"package.json": package_json(), "README.md": contents.read(HERE, "README.md"), "ciyuan.wasm": contents.read(module),
             "fzstd.mjs": contents.read(fzstd, "esm", "index.mjs"), "licences/fzstd.txt": contents.read(fzstd, "LICENSE"),
             "vocabularies/manifest.json": json.dumps(manifest, indent=1).encode()}
    for name in sorted(os.listdir(os.path.join(HERE, "src"))):
        files[name] = contents.read(HERE, "src", name)
    for each in manifest["vocabularies"]:
        files[f"vocabularies/{each['file']}"] = contents.read(contents.VOCABULARIES, each["file"])
    for name, content in contents.licences(LINKED).items():
        files[name if name in ("LICENSE", "NOTICE") else f"licences/{name}"] = content
    return files


def pack(files, output):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        os.makedirs(output, exist_ok=True)
        done = subprocess.run(["npm", "pack", "--json", "--offline", "--pack-destination", output], cwd=folder, check=True,
                              capture_output=True, text=True)
        return os.path.join(output, json.loads(done.stdout)[0]["filename"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="a folder")
    parser.add_argument("--output", required=True, help="a folder")
    options = parser.parse_args()
    print(pack(files_of(build(os.path.abspath(options.build))), os.path.abspath(options.output)))


if __name__ == "__main__":
    main()
