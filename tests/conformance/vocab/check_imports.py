"""What the checks of imported vocabularies share."""

import base64
import subprocess


def add(programs, file, name, environment, *more):
    """`ciyuan vocab add`, into the folder that the environment names."""
    subprocess.run([f"{programs}/ciyuan", "vocab", "add", str(file), "--name", name, *more], env=environment, check=True,
                   capture_output=True)


def verdict(differences, absent=(), compared=True):
    """Says it; the exit code. `absent`: what could not be compared."""
    if not differences and (absent or not compared):
        print(f"skipped: not compared: {', '.join(absent)}")
        return 77
    print(f"FAILED: {differences} differences" if differences else "passed: no differences")
    return 1 if differences else 0


def answers(program, name, texts, environment):
    lines = "\n".join("p " + base64.b64encode(text.encode()).decode() for text in texts) + "\n"
    done = subprocess.run([program, name], input=lines, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")


def compare(program, name, texts, expected, environment):
    """The number of texts whose ids are not the reference's; shows the first."""
    ours = answers(program, name, texts, environment)
    different = [(text, ids, line) for text, ids, line in zip(texts, expected, ours) if line != " ".join(map(str, ids))]
    for text, ids, line in different[:3]:
        print(f"{name}: {text!r}\n  reference {ids}\n  ours      {line}")
    print(f"{name}: {len(texts)} strings, {len(different)} different", flush=True)
    return len(different)
