// What the package promises beside its figures: errors, memory, what is in it, and its documents.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import * as ciyuan from "ciyuan";

import { test } from "./harness.mjs";

const { get, list, load, UnknownVocabularyError, VocabularyError } = ciyuan;
const ROOT = process.env.CIYUAN_ROOT;
const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = join(HERE, "node_modules/ciyuan");
const fileOf = (name) => new Uint8Array(readFileSync(join(PACKAGE, "vocabularies", `${name}.ciyuan-vocab.zst`)));
const ascii = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** A vocabulary file with this header and no tokens' data. */
function withHeader(header) {
  const size = header.length;
  return ascii("CIYUANV1" + String.fromCharCode(size & 255, size >> 8 & 255, 0, 0) + header);
}

test("an_unknown_name_lists_the_names", async () => {
  await assert.rejects(get("gpt-9"), (problem) => problem instanceof UnknownVocabularyError && problem instanceof VocabularyError &&
    problem.name === "UnknownVocabularyError" && /no vocabulary "gpt-9"; there are o200k, cl100k/.test(problem.message));
});

test("a_vocabulary_that_may_not_be_shipped_says_how_to_get_it", async () => {
  for (const name of ["llama3", "Llama-4"])
    await assert.rejects(get(name), /Community License.*import_vocabulary.py --only llama/);
});

test("a_broken_vocabulary_is_refused_with_the_reason", async () => {
  const file = fileOf("r50k"), torn = file.slice();
  torn.fill(0, 5000, 5004);
  const cases = [[new Uint8Array(0), /not a vocabulary/], [ascii("hello"), /not a vocabulary/], [file.slice(0, -1), /zstd/], [file.slice(0, 1000), /zstd/],
    [torn, /./], [ascii("CIYUANV1\xff\xff\xff\xff"), /truncated/], [withHeader("{}"), /key 'name' not found/], [withHeader("{"), /parse error/],
    [withHeader('{"name":1}'), /type must be string/], [withHeader('{"name":"a","name":"b"}'), /the key "name" twice/],
    [withHeader("[".repeat(200)), /nested deeper/],
    [withHeader('{"name":"x","pretokenizer":"regex","expressions":["a"],"normalizer":"none","priority":"token","whole_piece":false,' +
      '"added_tokens":[],"tokens":1}') , /truncated/]];
  for (const [broken, why] of cases)
    await assert.rejects(load(broken), (problem) => problem instanceof VocabularyError && why.test(problem.message), String(why));
  await assert.rejects(load("text"), TypeError);
  assert.equal((await load(file)).count("Hello world"), 2, "and the next one is read");
});

test("a_vocabulary_with_its_own_expressions_is_refused_by_name", async () => {
  const head = withHeader('{"name":"x","pretokenizer":"regex","expressions":["a"],"normalizer":"none","priority":"token","whole_piece":false,' +
    '"added_tokens":[],"tokens":1}');
  const file = new Uint8Array([...head, 1, 0, 0, 97]); // one token, "a"
  await assert.rejects(load(file), (problem) => problem instanceof VocabularyError && /own expressions.*no engine/.test(problem.message));
});

test("random_damage_is_refused_or_harmless", async () => {
  const whole = (await import(pathToFileURL(join(PACKAGE, "fzstd.mjs")))).decompress(fileOf("r50k"));
  for (let round = 0; round < 25; ++round) {
    const file = whole.slice(0, round % 2 ? whole.length : (round * 7919) % whole.length);
    for (let i = 0; i < 3; ++i) file[(round * 104729 + i * 15485863) % file.length] ^= 1 + (round * 37 + i) % 255;
    try {
      (await load(file)).count("Hello world, 词元");
    } catch (problem) {
      assert.ok(problem instanceof VocabularyError, String(problem.stack));
    }
  }
});

test("what_is_no_text_or_limit_is_a_type_error", async () => {
  const o200k = await get("o200k");
  for (const wrong of [null, undefined, 3, ["a"]])
    for (const call of [() => o200k.count(wrong), () => o200k.encode(wrong), () => o200k.counter().append(wrong), () => o200k.longestPrefix(wrong, 3)])
      assert.throws(call, TypeError);
  for (const wrong of [NaN, "3", undefined]) assert.throws(() => o200k.longestPrefix("abc", wrong), TypeError);
  assert.equal(o200k.count("abc"), 1, "and it goes on");
});

test("an_id_that_is_not_in_the_vocabulary_is_a_range_error", async () => {
  const o200k = await get("o200k");
  for (const id of [-1, 0.5, NaN, o200k.size, 2 ** 32 - 1, 2 ** 32])
    assert.throws(() => o200k.decode([1, id]), (problem) => problem instanceof RangeError && /not in the vocabulary o200k/.test(problem.message));
  assert.equal(o200k.decode([]), "");
});

test("names_and_aliases_give_one_shared_object_with_the_manifests_digest", async () => {
  assert.equal(await get("O200K_base"), await get("o200k"));
  const [one, two] = await Promise.all([get("gpt2"), get("r50k")]);
  assert.equal(one, two);
  for (const { name, digest, licence } of await list()) {
    assert.equal((await get(name)).digest, digest);
    assert.equal((await get(name)).name, name);
    assert.ok(!licence.includes("Community"));
  }
});

test("a_long_text_and_an_empty_one_are_counted", async () => {
  const r50k = await get("r50k"), line = "The quick brown fox, 词元。\n";
  assert.equal(r50k.count(line.repeat(100_000)), 100_000 * r50k.count(line));
  assert.deepEqual([r50k.count(""), r50k.encode("").length, r50k.offsets("").length, r50k.longestPrefix("", 3)], [0, 0, 0, ""]);
});

test("counting_ten_thousand_times_keeps_no_memory", async () => {
  const vocabulary = await load(fileOf("r50k")), text = "The quick brown fox, 词元经济。 ".repeat(100);
  const rounds = (number) => {
    for (let i = 0; i < number; ++i) {
      vocabulary.count(text);
      vocabulary.longestPrefix(text, 50);
      const counter = vocabulary.counter();
      counter.append(text);
      counter.count();
      counter.free();
      vocabulary.decode(vocabulary.encode(text.slice(0, 200)));
      vocabulary.offsets("Hello world");
    }
  };
  rounds(100);
  const before = vocabulary.memoryBytes;
  rounds(10_000);
  assert.equal(vocabulary.memoryBytes, before);
});

test("counting_long_texts_keeps_no_memory", async () => {
  const vocabulary = await load(fileOf("r50k")), text = "The quick brown fox\n".repeat(20_000);
  vocabulary.count(text);
  const before = vocabulary.memoryBytes;
  for (let i = 0; i < 200; ++i) vocabulary.count(text); // 80 MB, were they kept
  assert.equal(vocabulary.memoryBytes, before);
});

test("counters_that_are_forgotten_give_their_memory_back", async () => {
  const vocabulary = await load(fileOf("r50k"));
  const open = "a".repeat(30_000); // one word: a counter keeps it, and eight bytes for each of its own
  const rounds = async (number) => {
    for (let i = 0; i < number; ++i) {
      const counter = vocabulary.counter();
      counter.append(open);
      counter.count();
      if (i % 10 !== 9) continue;
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await rounds(40);
  const before = vocabulary.memoryBytes;
  await rounds(200); // 54 MB, were they kept
  assert.ok(vocabulary.memoryBytes - before < 16 << 20, `${before} ${vocabulary.memoryBytes}`);
});

test("vocabularies_that_are_forgotten_give_their_memory_back", async () => {
  const file = fileOf("r50k");
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 60; ++i) {
    (await load(file)).count("abc");
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.ok(process.memoryUsage.rss() - before < 300 << 20, "60 vocabularies of 17 MB were not kept");
});

test("a_freed_counter_says_so", async () => {
  const counter = (await get("o200k")).counter();
  counter.free();
  counter.free();
  assert.throws(() => counter.count(), /freed/);
  assert.throws(() => counter.append("a"), /freed/);
});

test("the_module_asks_for_nothing_but_a_voice", () => {
  const module = new WebAssembly.Module(readFileSync(join(PACKAGE, "ciyuan.wasm")));
  assert.deepEqual(WebAssembly.Module.imports(module).map((each) => `${each.module}.${each.name}`).sort(),
    ["ciyuan.fail", "wasi_snapshot_preview1.fd_close", "wasi_snapshot_preview1.fd_seek", "wasi_snapshot_preview1.fd_write"]);
  assert.ok(!readFileSync(join(PACKAGE, "ciyuan.wasm")).includes(ROOT), "no path of the machine that built it");
});

test("the_browsers_entry_fetches_and_counts_the_same", async () => {
  const fetched = [];
  const own = globalThis.fetch;
  globalThis.fetch = async (url) => {
    fetched.push(String(url).split("/").pop());
    const path = fileURLToPath(url);
    return existsSync(path) ? new Response(readFileSync(path)) : new Response("", { status: 404, statusText: "Not Found" });
  };
  try {
    const browser = await import(pathToFileURL(join(PACKAGE, "browser.mjs")));
    assert.deepEqual(Object.keys(browser).sort(), Object.keys(ciyuan).sort());
    assert.equal((await browser.get("qwen3")).count("词元经济"), 3);
    assert.deepEqual(fetched.sort(), ["ciyuan.wasm", "manifest.json", "qwen3.ciyuan-vocab.zst"]);
    await assert.rejects(browser.get("none"), UnknownVocabularyError);
  } finally {
    globalThis.fetch = own;
  }
});

test("it_carries_types_licences_and_the_vocabularies_of_the_manifest", async () => {
  const described = readFileSync(join(PACKAGE, "index.d.ts"), "utf8");
  const declared = [...described.matchAll(/^export (?:function|class) (\w+)/gm)].map((match) => match[1]);
  assert.deepEqual(declared.sort(), Object.keys(ciyuan).sort());
  for (const type of [ciyuan.Vocabulary, ciyuan.Counter])
    for (const member of Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor"))
      assert.match(described, new RegExp(`^  (readonly )?${member}[(<:]`, "m"), member);
  const manifest = JSON.parse(readFileSync(join(PACKAGE, "vocabularies/manifest.json"), "utf8"));
  for (const { file, file_sha256 } of manifest.vocabularies)
    assert.equal(createHash("sha256").update(readFileSync(join(PACKAGE, "vocabularies", file))).digest("hex"), file_sha256);
  for (const name of ["LICENSE", "NOTICE", "licences/MIT.txt", "licences/Unicode.txt", "licences/fzstd.txt", "licences/wasi-libc.copyright"])
    assert.ok(existsSync(join(PACKAGE, name)), name);
  const tree = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  assert.deepEqual([tree.dependencies, tree.devDependencies], [undefined, undefined]);
});

/** The examples of a document as one module, and what their comments say is printed. */
function examplesOf(document) {
  const text = readFileSync(join(ROOT, document), "utf8").split("## JavaScript").pop();
  const code = [...text.matchAll(/(?:^    .*\n?)+/gm)].map((match) => match[0].replace(/^    /gm, "")).join("\n");
  return { code, said: [...code.matchAll(/console\.log.*; \/\/ (.*)$/gm)].map((match) => match[1]) };
}

test("what_the_documents_show_is_what_is_printed", () => {
  for (const document of ["docs/packages.md", "packages/npm/README.md"]) {
    const { code, said } = examplesOf(document);
    writeFileSync(join(HERE, "example.mjs"), code);
    const printed = execFileSync(process.execPath, [join(HERE, "example.mjs")], { encoding: "utf8" });
    assert.deepEqual(printed.trimEnd().split("\n"), said, document);
    assert.ok(said.length > 1, document);
  }
});
