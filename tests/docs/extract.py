#!/usr/bin/env python3
"""Makes a C++ file of the example in a library's README, so that the compiler reads what people read.

  extract.py README.md SCENE.h TARGET.cc

SCENE.h declares in the namespace `reader` what the example takes as given. The file is compiled, not run.
"""
import re
import sys

readme, scene, target = sys.argv[1:]
with open(readme, encoding="utf-8") as file:
    blocks = re.findall(r"(?m)^```cpp\n(.*?)^```$", file.read(), re.DOTALL)
if len(blocks) != 1:
    sys.exit(f"{readme}: {len(blocks)} examples in C++, expected one")
with open(target, "w", encoding="utf-8") as file:
    file.write(f'#include "{scene}"\n\nnamespace reader {{\nciyuan::Status example() {{\n'
               f'#line 1 "{readme} (its example)"\n{blocks[0]}\nreturn {{}};\n}}\n}}\n')
