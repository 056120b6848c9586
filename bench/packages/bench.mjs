// Counts the same texts with the package `ciyuan`, tiktoken (WebAssembly) and gpt-tokenizer (JavaScript), in turns, and
// prints a table. Ends with an error where two counts differ. Run by run.py.
//
//   node bench.mjs NAME=FILE…
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { get, load } from "ciyuan";
import * as gptO200k from "gpt-tokenizer/encoding/o200k_base";
import * as gptCl100k from "gpt-tokenizer/encoding/cl100k_base";
import { get_encoding } from "tiktoken";

const ROUNDS = 12;
const BATCH_MS = 20;
const SMALL_UNITS = 4096; // of UTF-16: 4 KB of English, 12 of Chinese
const asText = { disallowedSpecial: new Set() };

/** Milliseconds of this process's processors, its collector of garbage included: others on the machine do not count. */
function milliseconds(call, times = 1) {
  const begin = process.cpuUsage();
  for (let i = 0; i < times; ++i) call();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1e3;
}

/** Best milliseconds of a call, over rounds in which all take turns. */
function best(calls) {
  const times = calls.map(() => Infinity);
  const repeats = calls.map((call) => {
    let number = 1;
    while (milliseconds(call, number) < BATCH_MS) number *= 2;
    return number;
  });
  for (let round = 0; round < ROUNDS; ++round)
    calls.forEach((call, i) => {
      times[i] = Math.min(times[i], milliseconds(call, repeats[i]) / repeats[i]);
    });
  return times;
}

const pick = (mine, peer) => `${(peer / mine).toFixed(1)} ×`;

function rows(name, ours, tiktoken, gpt, texts) {
  for (const [title, text] of texts) {
    const megabytes = Buffer.byteLength(text) / 1e6, small = text.slice(0, SMALL_UNITS);
    const calls = [() => ours.count(text), () => tiktoken.encode_ordinary(text).length, () => gpt.countTokens(text, asText)];
    const counts = [], first = [];
    for (const call of calls) first.push(milliseconds(() => counts.push(call())));
    assert.deepEqual(counts, Array(3).fill(counts[0]), `${name} ${title}`);
    const [count, encode, theirs, others] = best([calls[0], () => ours.encode(text), calls[1], calls[2]]);
    const [little, theirLittle, otherLittle] = best([() => ours.count(small), () => tiktoken.encode_ordinary(small),
      () => gpt.countTokens(small, asText)]);
    const speed = (ms) => (megabytes / ms * 1e3).toFixed(megabytes / ms < 0.01 ? 1 : 0);
    console.log(`| ${name} | ${title} | ${megabytes.toFixed(2)} | **${speed(count)}** | ${speed(encode)} | ${(little * 1e3).toFixed(0)} | ` +
      `${speed(theirs)} | **${pick(count, theirs)}** | ${pick(little, theirLittle)} | ${pick(first[0], first[1])} | ${speed(others)} | ` +
      `**${pick(count, others)}** | ${pick(little, otherLittle)} | ${pick(first[0], first[2])} |`);
  }
}

const texts = process.argv.slice(2).map((each) => each.split("=")).map(([title, file]) => [title, readFileSync(file, "utf8")]);
await load(readFileSync(new URL("node_modules/ciyuan/vocabularies/r50k.ciyuan-vocab.zst", import.meta.url))); // compiles the module
const begin = process.cpuUsage();
const o200k = await get("o200k");
const { user, system } = process.cpuUsage(begin);
let theirs;
const loading = milliseconds(() => { theirs = get_encoding("o200k_base"); });
console.log(`o200k loaded: ${((user + system) / 1e3).toFixed(0)} ms; tiktoken: ${loading.toFixed(0)} ms\n`);
console.log("| vocabulary | text | MB | count: MB/s | encode | 4,096 chars: µs | tiktoken: MB/s | count is | 4,096 | seen first | " +
  "gpt-tokenizer: MB/s | count is | 4,096 | seen first |");
console.log("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
rows("o200k", o200k, theirs, gptO200k, texts);
rows("cl100k", await get("cl100k"), get_encoding("cl100k_base"), gptCl100k, texts);
