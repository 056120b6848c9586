// Counts, ids and prefixes: against published vectors, the C++ program, and slow twins.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { get, list } from "ciyuan";

import { test } from "./harness.mjs";
import { cut, drawFrom, randomBytes, randomText } from "./texts.mjs";

const ROOT = process.env.CIYUAN_ROOT;
const SHIPPED = (await list()).map((each) => each.name);
const vocabularies = new Map();
for (const name of SHIPPED) vocabularies.set(name, await get(name));
const vectors = (file) => JSON.parse(readFileSync(join(ROOT, "data/vectors", file), "utf8")).vectors
  .filter((row) => vocabularies.has(row.vocabulary));
const concat = (a, b) => typeof a === "string" ? a + b : new Uint8Array([...a, ...b]);

test("the_ids_are_the_references", () => {
  const rows = vectors("golden.json");
  for (const row of rows) {
    const vocabulary = vocabularies.get(row.vocabulary);
    assert.deepEqual([...vocabulary.encode(row.text)], row.plain, row.vocabulary);
    assert.equal(vocabulary.count(row.text), row.plain.length);
    assert.deepEqual([...vocabulary.encodeWithSpecials(row.text)], row.with_specials, row.vocabulary);
    assert.equal(vocabulary.countWithSpecials(row.text), row.with_specials.length);
  }
  assert.equal(rows.length, 11 * SHIPPED.length);
});

test("the_ids_are_those_that_others_published", () => {
  const rows = vectors("published.json");
  for (const { vocabulary: name, mode, text, ids, source } of rows) {
    const vocabulary = vocabularies.get(name);
    assert.deepEqual([...(mode === "plain" ? vocabulary.encode(text) : vocabulary.encodeWithSpecials(text))], ids, `${name} ${source}`);
  }
  assert.ok(rows.length > 400);
});

test("counts_are_those_of_the_program", () => {
  const folder = join(ROOT, "data/parity");
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt")).map((name) => join(folder, name));
  const printed = execFileSync(process.env.CIYUAN_PROGRAM, ["count", "--json", "-t", SHIPPED.join(","), ...files], { encoding: "utf8" });
  const rows = printed.trim().split("\n").map((line) => JSON.parse(line)).filter((row) => files.includes(row.file));
  for (const { file, tokens } of rows)
    for (const name of SHIPPED) {
      const bytes = readFileSync(file);
      assert.equal(vocabularies.get(name).count(bytes.toString()), tokens[name], `${name} ${file}`);
      assert.equal(vocabularies.get(name).count(bytes), tokens[name], `${name} ${file}`);
    }
  assert.equal(rows.length, 26);
});

test("count_is_the_number_of_ids", () => {
  const draw = drawFrom(1);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 100; ++round)
      for (const text of [randomText(draw), randomBytes(draw)])
        assert.equal(vocabulary.count(text), vocabulary.encode(text).length, `${name} ${JSON.stringify(text)}`);
});

test("ill_formed_texts_count_as_with_the_replacement_character", () => {
  const draw = drawFrom(2);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 100; ++round) {
      const text = randomText(draw), bytes = randomBytes(draw);
      assert.deepEqual(vocabulary.encode(text), vocabulary.encode(Buffer.from(text)), name);
      assert.deepEqual(vocabulary.encode(bytes), vocabulary.encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)), name);
    }
});

test("what_arrives_in_pieces_counts_as_the_whole", () => {
  const draw = drawFrom(3);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 80; ++round) {
      const text = round % 2 ? randomText(draw) : randomBytes(draw);
      const counter = vocabulary.counter();
      let soFar = text.slice(0, 0);
      for (const piece of cut(draw, text)) {
        counter.append(piece);
        soFar = concat(soFar, piece);
        assert.equal(counter.count(), vocabulary.count(soFar), `${name} ${JSON.stringify(text)} ${soFar.length}`);
      }
      counter.free();
    }
});

/** The longest beginning that counts at most `limit`, by trying each; a character is not cut. */
function slowPrefix(count, text, limit) {
  let longest = "", beginning = "";
  for (const character of text) {
    beginning += character;
    if (count(beginning) <= limit) longest = beginning;
  }
  return longest;
}

test("the_longest_prefix_is_the_longest", () => {
  const draw = drawFrom(4);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 10; ++round) {
      const text = randomText(draw, 12), all = vocabulary.count(text);
      for (const limit of [0, 1, 2, 5, all, all + 0.5, Infinity]) {
        const wanted = slowPrefix((part) => vocabulary.count(part), text, limit);
        assert.equal(vocabulary.longestPrefix(text, limit), wanted, `${name} ${JSON.stringify(text)} ${limit}`);
        assert.deepEqual(Buffer.from(vocabulary.longestPrefix(Buffer.from(text), limit)), Buffer.from(wanted));
      }
      assert.equal(vocabulary.longestPrefix(text, -Infinity), "");
    }
});

test("a_counters_longest_prefix_goes_on_where_it_stands", () => {
  const draw = drawFrom(5);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 20; ++round) {
      // Every other time the cut is inside a character.
      const first = randomText(draw, 8) + (round % 2 ? "\ud83d" : ""), second = (round % 2 ? "\ude00" : "") + randomText(draw, 10);
      const counter = vocabulary.counter();
      counter.append(first);
      const now = counter.count();
      for (const limit of [now, now + 2, now + 4, Infinity]) {
        const wanted = slowPrefix((part) => vocabulary.count(first + part), second, limit);
        assert.equal(counter.longestPrefix(second, limit), wanted, `${name} ${JSON.stringify([first, second])} ${limit}`);
      }
      assert.equal(counter.count(), now, "nothing was appended");
    }
});

test("offsets_are_where_the_tokens_are", () => {
  const draw = drawFrom(6);
  for (const [name, vocabulary] of vocabularies)
    for (let round = 0; round < 60; ++round) {
      const text = round % 2 ? randomText(draw) : randomBytes(draw);
      const ids = vocabulary.encode(text), offsets = vocabulary.offsets(text), whole = vocabulary.decodeBytes(ids);
      assert.equal(offsets.length, ids.length);
      offsets.forEach(([begin, end], i) => {
        assert.equal(begin, i === 0 ? 0 : offsets[i - 1][1]);
        if (name === "smollm2") return; // the only one that lacks tokens for some bytes
        assert.deepEqual(whole.slice(0, end), vocabulary.decodeBytes(ids.slice(0, i + 1)), `${name} ${JSON.stringify(text)}`);
      });
    }
});

test("ids_decode_to_their_text", () => {
  const text = "\ufeff" + readFileSync(join(ROOT, "data/parity/zh-Hans.txt"), "utf8");
  for (const [name, vocabulary] of vocabularies) assert.equal(vocabulary.decode(vocabulary.encode(text)), text, name);
});
