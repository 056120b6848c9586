#!/usr/bin/env python3
"""Writes tests/token/vectors/golden.json: a few texts and the reference tokenizers' ids for each vocabulary.

  python3 tests/conformance/token/make_golden.py --cache DIR
"""

import argparse
import json
import pathlib

import tiktoken
import tokenizers

import check

TEXTS = [
    "Hello, world! Don't panic: it's 2026-11-24.",
    "词元经济：每一次调用都有价格。今天天气很好，我们去公园吧！",
    "    def count(self, text):\n        return len(self.encode(text))\n\n\n    # 12345678 == 0xBC614E\r\n",
    "HTTPServer's XMLHttpRequest WE'LL I'VE rock'n'roll DON'T ǅungla ʰa ªº",
    "e\u0301 \u1100\u1161\u11a8 Å \u212b ﬁ a\u0323\u0307 が か\u3099",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇨🇳 1️⃣\u200d\ufe0f\u2028\u00ad\ufeff",
    "مرحبا بالعالم ١٢٣ שלום हिन्दी தமிழ் ไทย ქართული አማርኛ ½ ² Ⅷ 四五",
    "カタカナ・テスト ゛ 漢字かな交じり文、\n  \t \n \u3000x\u00a0y\n\n  ",
    "<|im_start|>user\n<think>2 < 3</think><|im_end|>\n<｜User｜>hi<|eot_id|><|endoftext|>",
    "\u0000\u0001\u0007a\u0378\u0379 \x7f\u0085",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa================----------",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    options = parser.parse_args()
    rows = []
    for name in check.importer.SOURCES:
        oracle = check.reference(name, options.cache)
        for text, plain, special in zip(TEXTS, oracle.plain(TEXTS), oracle.with_specials(TEXTS)):
            rows.append(dict(vocabulary=name, text=text, plain=plain, with_specials=special))
    target = check.ROOT / "tests/token/vectors/golden.json"
    source = f"tiktoken {tiktoken.__version__} (OpenAI's, llama4, tekken), tokenizers {tokenizers.__version__} (the others); " \
             "tests/conformance/token/make_golden.py"
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    target.write_text(f'{{"source":{json.dumps(source)},"vectors":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
