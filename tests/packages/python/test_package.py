"""What the package promises beside its figures: errors, threads, memory, what is in the wheel, and its documents."""
import base64
import doctest
import gc
import glob
import hashlib
import importlib.metadata
import os
import pickle
import resource
import subprocess
import sys
import threading
import time
import unittest
import zipfile

import ciyuan

ROOT = os.environ["CIYUAN_ROOT"]
PACKAGE = os.path.dirname(ciyuan.__file__)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def file_of(name):
    with open(os.path.join(PACKAGE, "vocabularies", name + ".ciyuan-vocab.zst"), "rb") as file:
        return file.read()


class Texts(unittest.TestCase):
    def test_a_lone_surrogate_counts_as_the_replacement_character(self):
        o200k = ciyuan.get("o200k")
        for text in ("\ud83d", "a\udc00b", "\ud83d\ude00", "x\udfff"):
            repaired = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
            self.assertEqual(o200k.encode(text), o200k.encode(repaired))
            counter = o200k.counter()
            for character in text:
                counter.append(character)
            self.assertEqual(counter.count(), o200k.count(text))
            self.assertEqual(o200k.longest_prefix(text, 100), text, "the caller's own characters come back")

    def test_half_a_character_waits_for_the_other_half(self):
        counter = ciyuan.get("o200k").counter()
        counter.append("世".encode()[:2])
        counter.append("世".encode()[2:] + "界".encode())
        self.assertEqual(counter.count(), ciyuan.get("o200k").count("世界"))

    def test_what_is_no_text_is_a_type_error(self):
        o200k = ciyuan.get("o200k")
        for call in (o200k.count, o200k.encode, o200k.offsets, o200k.counter().append):
            for wrong in (None, 3, ["a"]):
                with self.assertRaisesRegex(TypeError, "a text is str or bytes"):
                    call(wrong)

    def test_empty_texts_are_no_tokens(self):
        o200k = ciyuan.get("o200k")
        self.assertEqual((o200k.count(""), o200k.encode(b""), o200k.offsets(""), o200k.decode([]), o200k.longest_prefix("", 3)),
                         (0, [], [], "", ""))
        self.assertEqual(o200k.longest_prefix("abc", -5), "")


class Errors(unittest.TestCase):
    def test_an_unknown_name_lists_the_names(self):
        with self.assertRaisesRegex(ciyuan.UnknownVocabularyError, 'no vocabulary "gpt-9"; there are o200k, cl100k'):
            ciyuan.get("gpt-9")
        self.assertTrue(issubclass(ciyuan.UnknownVocabularyError, LookupError))

    def test_a_vocabulary_that_may_not_be_shipped_says_how_to_get_it(self):
        for name in ("llama3", "Llama-4"):
            with self.assertRaisesRegex(ciyuan.UnknownVocabularyError, "Community License.*import_vocabulary.py --only llama"):
                ciyuan.get(name)

    def test_a_broken_vocabulary_is_refused_with_the_reason(self):
        file = file_of("r50k")
        for broken, why in ((b"", "not a vocabulary"), (b"hello", "not a vocabulary"), (file[:-1], "zstd"), (file[:1000], "zstd"),
                            (file[:5000] + b"\0\0\0\0" + file[5004:], ""), (b"CIYUANV1\xff\xff\xff\xff", "truncated"),
                            (b"CIYUANV1\2\0\0\0{}", "header"), (b"CIYUANV1\1\0\0\0{", "JSON")):
            with self.assertRaisesRegex(ciyuan.VocabularyError, why):
                ciyuan.load(broken)

    def test_a_missing_file_is_an_os_error(self):
        with self.assertRaises(FileNotFoundError):
            ciyuan.load(os.path.join(PACKAGE, "none"))

    def test_an_id_that_is_not_in_the_vocabulary_is_a_value_error(self):
        o200k = ciyuan.get("o200k")
        for id in (-1, o200k.size, 2**32 - 1, 2**32, 2**70):
            with self.assertRaisesRegex(ValueError, "not in the vocabulary o200k"):
                o200k.decode([1, id])

    def test_handles_are_not_pickled(self):
        for handle in (ciyuan.get("o200k"), ciyuan.get("o200k").counter()):
            with self.assertRaisesRegex(TypeError, "cannot be pickled"):
                pickle.dumps(handle)


class Vocabularies(unittest.TestCase):
    def test_names_and_aliases_give_one_shared_object(self):
        self.assertIs(ciyuan.get("O200K_base"), ciyuan.get("o200k"))
        self.assertEqual(ciyuan.get("qwen-3").name, "qwen3")

    def test_each_has_the_digest_and_licence_of_the_manifest(self):
        for each in ciyuan.list():
            self.assertEqual(ciyuan.get(each.name).digest, each.digest)
            self.assertNotIn("Community", each.licence)
        self.assertGreaterEqual(len(ciyuan.list()), 12)

    def test_a_file_can_be_loaded_by_path_and_by_content(self):
        path = os.path.join(PACKAGE, "vocabularies", "r50k.ciyuan-vocab.zst")
        for loaded in (ciyuan.load(path), ciyuan.load(file_of("r50k"))):
            self.assertEqual(loaded.encode("Hello world"), ciyuan.get("r50k").encode("Hello world"))


class Threads(unittest.TestCase):
    def test_the_interpreter_goes_on_while_a_text_is_counted(self):
        text = "".join(chr(0x4E00 + i * 7919 % 20000) for i in range(300_000)).encode() * 8
        vocabulary, edges = ciyuan.get("r50k"), []

        def count():
            edges.append(time.monotonic())
            vocabulary.count(text)
            edges.append(time.monotonic())

        # With the lock held, nothing of this thread could run in the call's middle half.
        for _ in range(10):
            edges.clear()
            thread, ticks = threading.Thread(target=count), []
            thread.start()
            while thread.is_alive():
                ticks.append(time.monotonic())
            thread.join()
            begin, end = edges
            if any(begin + (end - begin) / 4 < tick < end - (end - begin) / 4 for tick in ticks):
                return
        self.fail("this thread stood still in each of ten calls")

    def test_many_threads_share_a_vocabulary_and_a_counter(self):
        vocabulary = ciyuan.load(file_of("r50k"))
        counter, wrong = vocabulary.counter(), []
        wanted = {word: ciyuan.get("r50k").count(word) for word in ("alpha beta", "词元经济", "x = [1, 2]")}

        def work():
            for _ in range(300):
                wrong.extend(word for word, count in wanted.items() if vocabulary.count(word) != count)
                counter.append("ab\n")
                counter.count()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(counter.count(), vocabulary.count("ab\n" * 1200))


class Memory(unittest.TestCase):
    LEAK_BYTES = 16 << 20  # what a leak of the loops below would be over by far

    def test_counting_keeps_nothing(self):
        vocabulary, text = ciyuan.get("o200k"), "The quick brown fox, 词元经济。 " * 100

        def rounds(number):
            for _ in range(number):
                vocabulary.count(text)
                vocabulary.longest_prefix(text, 50)
                counter = vocabulary.counter()
                counter.append(text)
                counter.count()
                vocabulary.decode(vocabulary.encode(text[:300]))

        rounds(200)
        before = peak_bytes()
        rounds(10_000)
        self.assertLess(peak_bytes() - before, self.LEAK_BYTES)

    def test_a_vocabulary_is_freed_with_its_last_reference(self):
        file = file_of("r50k")
        for _ in range(3):
            ciyuan.load(file).counter().append("abc")
        gc.collect()
        before = peak_bytes()
        for _ in range(20):
            ciyuan.load(file).counter().append("abc")
        self.assertLess(peak_bytes() - before, 2 * self.LEAK_BYTES)

    def test_a_counter_keeps_its_vocabulary_alive(self):
        counter = ciyuan.load(file_of("r50k")).counter()
        gc.collect()
        counter.append("Hello world")
        self.assertEqual(counter.count(), 2)


class Wheel(unittest.TestCase):
    def test_the_record_names_every_file_with_its_digest(self):
        with zipfile.ZipFile(os.environ["CIYUAN_WHEEL"]) as wheel:
            record = next(name for name in wheel.namelist() if name.endswith("/RECORD"))
            rows = [line.split(",") for line in wheel.read(record).decode().splitlines()]
            self.assertEqual([row[0] for row in rows], wheel.namelist())
            for path, digest, size in rows:
                if path == record:
                    continue
                content = wheel.read(path)
                packed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                self.assertEqual((digest, size), ("sha256=" + packed, str(len(content))), path)

    def test_it_carries_types_licences_and_its_metadata(self):
        package = importlib.metadata.distribution("ciyuan")
        names = {str(path) for path in package.files}
        self.assertEqual(package.version, ciyuan.__version__)
        self.assertIn("ciyuan/py.typed", names)
        self.assertEqual(package.requires, None)
        licences = package.metadata.get_all("License-File")
        self.assertTrue({"LICENSE", "NOTICE", "MIT.txt", "Unicode.txt", "libpcre2-dev.copyright"} <= set(licences))
        for licence in licences:
            self.assertIn(f"ciyuan-{package.version}.dist-info/licenses/{licence}", names)
        self.assertEqual([path for path in names if "llama" in path], [])

    def test_the_library_needs_the_c_library_alone_and_shows_its_interface_alone(self):
        library = os.path.join(PACKAGE, "libciyuan_token.so")
        needed = subprocess.run(["readelf", "-dW", library], check=True, capture_output=True, text=True).stdout
        found = {line.split("[")[1].rstrip("]") for line in needed.splitlines() if "(NEEDED)" in line}
        self.assertLessEqual(found, {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"})
        shown = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
        names = [line.split()[-1] for line in shown.splitlines()]
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in names if not name.startswith("ciyuan_")], [])

    def test_importing_takes_no_other_package(self):
        code = "import sys, ciyuan; print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
        out = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({os.path.dirname(PACKAGE)!r}); {code}"],
                             check=True, capture_output=True, text=True).stdout
        self.assertEqual(out.strip(), "['__main__', 'ciyuan']")


class Documents(unittest.TestCase):
    def test_what_the_documents_show_is_what_is_printed(self):
        documents = [os.path.join(ROOT, "docs", "packages.md"), os.path.join(ROOT, "packages", "python", "README.md")]
        for document in documents:
            failed, tried = doctest.testfile(document, module_relative=False, optionflags=doctest.ELLIPSIS)
            self.assertEqual(failed, 0, document)
            self.assertGreater(tried, 1, document)
        failed, tried = doctest.testmod(ciyuan)
        self.assertEqual((failed, tried), (0, 4))


if __name__ == "__main__":
    unittest.main()
