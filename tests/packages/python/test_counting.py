"""Counts, ids and prefixes: against published vectors, the C++ program, and slow twins."""
import json
import os
import random
import subprocess
import unittest

import ciyuan
import texts

ROOT = os.environ["CIYUAN_ROOT"]
SHIPPED = [each.name for each in ciyuan.list()]


def vectors(file):
    with open(os.path.join(ROOT, "data", "vectors", file), encoding="utf-8") as opened:
        return json.load(opened)["vectors"]


class Vectors(unittest.TestCase):
    def test_the_ids_are_the_references(self):
        rows = [row for row in vectors("golden.json") if row["vocabulary"] in SHIPPED]
        for row in rows:
            vocabulary = ciyuan.get(row["vocabulary"])
            with self.subTest(vocabulary=row["vocabulary"], text=row["text"]):
                self.assertEqual(vocabulary.encode(row["text"]), row["plain"])
                self.assertEqual(vocabulary.count(row["text"]), len(row["plain"]))
                self.assertEqual(vocabulary.encode_with_specials(row["text"]), row["with_specials"])
                self.assertEqual(vocabulary.count_with_specials(row["text"]), len(row["with_specials"]))
        self.assertEqual(len(rows), 11 * len(SHIPPED))

    def test_the_ids_are_those_that_others_published(self):
        rows = [row for row in vectors("published.json") if row["vocabulary"] in SHIPPED]
        for row in rows:
            vocabulary = ciyuan.get(row["vocabulary"])
            encode = vocabulary.encode if row["mode"] == "plain" else vocabulary.encode_with_specials
            with self.subTest(vocabulary=row["vocabulary"], text=row["text"]):
                self.assertEqual(encode(row["text"]), row["ids"])
        self.assertGreater(len(rows), 400)

    def test_counts_are_those_of_the_program(self):
        files = texts.parity()
        command = [os.environ["CIYUAN_PROGRAM"], "count", "--json", "-t", ",".join(SHIPPED), *(path for path, _ in files)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        counts = {row["file"]: row["tokens"] for row in map(json.loads, lines)}
        for path, text in files:
            self.assertEqual({name: ciyuan.get(name).count(text) for name in SHIPPED}, counts[path], path)
        self.assertEqual(len(files), 26)


class Twins(unittest.TestCase):
    def each(self):
        return [(name, ciyuan.get(name)) for name in SHIPPED]

    def test_count_is_the_number_of_ids(self):
        for name, vocabulary in self.each():
            for text in [*texts.random_texts(1, 100), *texts.random_bytes(2, 100)]:
                self.assertEqual(vocabulary.count(text), len(vocabulary.encode(text)), (name, text))

    def test_str_and_its_utf8_are_the_same(self):
        for name, vocabulary in self.each():
            for text in texts.random_texts(3, 50):
                for form in (text.encode(), bytearray(text.encode()), memoryview(text.encode())):
                    self.assertEqual(vocabulary.encode(text), vocabulary.encode(form), (name, text))

    def test_bytes_that_are_not_utf8_count_as_pythons_own_replacement(self):
        for name, vocabulary in self.each():
            for data in texts.random_bytes(4, 200):
                self.assertEqual(vocabulary.encode(data), vocabulary.encode(data.decode(errors="replace")), (name, data))

    def test_what_arrives_in_pieces_counts_as_the_whole(self):
        draw = random.Random(5)
        for name, vocabulary in self.each():
            for text in [*texts.random_texts(5, 60), *texts.random_bytes(6, 60)]:
                counter, so_far = vocabulary.counter(), text[:0]
                for piece in texts.cut(draw, text):
                    counter.append(piece)
                    so_far += piece
                    self.assertEqual(counter.count(), vocabulary.count(so_far), (name, text, so_far))

    def test_the_longest_prefix_is_the_longest(self):
        for name, vocabulary in self.each():
            for text in texts.random_texts(7, 12):
                counts = [vocabulary.count(text[:size]) for size in range(len(text) + 1)]
                for limit in (0, 1, 2, 5, counts[-1], 10**30):
                    longest = max(size for size, count in enumerate(counts) if count <= limit)
                    self.assertEqual(vocabulary.longest_prefix(text, limit), text[:longest], (name, text, limit))
                    self.assertEqual(vocabulary.longest_prefix(text.encode(), limit), text[:longest].encode())

    def test_a_counters_longest_prefix_goes_on_where_it_stands(self):
        for name, vocabulary in self.each():
            for first, second in zip(texts.random_texts(8, 12), texts.random_texts(9, 12)):
                counter = vocabulary.counter()
                counter.append(first)
                counts = [vocabulary.count(first + second[:size]) for size in range(len(second) + 1)]
                for limit in (counts[0], counts[0] + 3, counts[-1]):
                    longest = max(size for size, count in enumerate(counts) if count <= limit)
                    self.assertEqual(counter.longest_prefix(second, limit), second[:longest], (name, first, second, limit))
                self.assertEqual(counter.count(), counts[0], "nothing was appended")

    def test_offsets_are_where_the_tokens_are(self):
        for name, vocabulary in self.each():
            for text in [*texts.random_texts(10, 60), *texts.random_bytes(11, 60)]:
                ids, offsets = vocabulary.encode(text), vocabulary.offsets(text)
                self.assertEqual(len(offsets), len(ids))
                self.assertEqual([begin for begin, _ in offsets], [0, *(end for _, end in offsets)][:len(ids)], (name, text))
                if name == "smollm2":  # the only one that lacks tokens for some bytes
                    continue
                whole = vocabulary.decode_bytes(ids)
                self.assertEqual([whole[:end] for _, end in offsets],
                                 [vocabulary.decode_bytes(ids[:number + 1]) for number in range(len(ids))], (name, text))

    def test_ids_decode_to_their_text(self):
        for name, vocabulary in self.each():
            for path, text in texts.parity()[:5]:
                if name not in ("qwen2.5", "qwen3", "qwen3.5"):  # these normalise
                    self.assertEqual(vocabulary.decode(vocabulary.encode(text)), text, (name, path))


if __name__ == "__main__":
    unittest.main()
