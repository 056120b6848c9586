import { Engine, VocabularyError, bytesOf } from "./engine.mjs";
import { decompress } from "./fzstd.mjs";

const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
const FILE_BYTES_MAX = 64 << 20; // as src/token/vocabulary_file.h
const TOKENS_MAX = 2 ** 53;
const WHY_BYTES = 512;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const counters = new FinalizationRegistry(({ engine, handle }) => {
  if (!engine.stopped) engine.call("ciyuan_counter_free", handle);
});

function unpack(file) {
  if (!ZSTD.every((byte, i) => file[i] === byte)) return file;
  let content;
  try {
    content = decompress(file);
  } catch (problem) {
    throw new VocabularyError(`vocabulary: zstd: ${problem.message}`, { cause: problem });
  }
  if (content.length > FILE_BYTES_MAX) throw new VocabularyError("vocabulary: over the size limit");
  return content;
}

/** UTF-16 units of well-formed UTF-8. */
function unitsOf(bytes) {
  let units = 0;
  for (const byte of bytes) units += (byte & 0xc0) === 0x80 ? 0 : byte < 0xf0 ? 1 : 2;
  return units;
}

function limitOf(tokens) {
  if (typeof tokens !== "number" || Number.isNaN(tokens)) throw new TypeError("a limit is a number of tokens");
  return BigInt(Math.floor(Math.max(-1, Math.min(tokens, TOKENS_MAX))));
}

/** The beginning of `text` that is the first `size` of its bytes. */
function beginning(text, size) {
  return typeof text === "string" ? text.slice(0, unitsOf(bytesOf(text).subarray(0, size))) : text.subarray(0, size);
}

const isHigh = (unit) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit) => unit >= 0xdc00 && unit < 0xe000;

export class Vocabulary {
  #engine;
  #handle;

  constructor(engine, handle) {
    this.#engine = engine;
    this.#handle = handle;
  }

  static async parse(module, file) {
    if (!(file instanceof Uint8Array)) throw new TypeError("a vocabulary file is a Uint8Array");
    const content = unpack(file);
    const engine = await Engine.create(module);
    const handle = engine.withBytes(content, (at, size) => engine.withRoom(WHY_BYTES, (why) => {
      const parsed = engine.call("ciyuan_vocabulary_parse", at, size, why, WHY_BYTES);
      if (parsed) return parsed;
      const text = engine.text(why, WHY_BYTES);
      throw new VocabularyError(text.slice(0, text.indexOf("\0")));
    }));
    return new Vocabulary(engine, handle);
  }

  get name() {
    const at = this.#engine.call("ciyuan_vocabulary_name", this.#handle) >>> 0;
    return this.#engine.text(at, this.#engine.bytes().indexOf(0, at) - at);
  }

  get digest() {
    return this.#engine.withRoom(32, (at) => {
      this.#engine.call("ciyuan_vocabulary_digest", this.#handle, at);
      return Array.from(this.#engine.bytes().subarray(at, at + 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
    });
  }

  get size() {
    return this.#engine.call("ciyuan_vocabulary_size", this.#handle) >>> 0;
  }

  get memoryBytes() {
    return this.#engine.memoryBytes;
  }

  count(text) {
    return this.#engine.withText(text, (at, size) => Number(this.#engine.call("ciyuan_count", this.#handle, at, size)));
  }

  countWithSpecials(text) {
    return this.#engine.withText(text, (at, size) =>
      Number(this.#engine.call("ciyuan_count_with_specials", this.#handle, at, size)));
  }

  encode(text) {
    return this.#engine.withText(text, (at, size) => {
      const number = Number(this.#engine.call("ciyuan_count", this.#handle, at, size));
      return this.#engine.withRoom(4 * number, (ids) => {
        this.#engine.call("ciyuan_encode", this.#handle, at, size, ids, 0, number);
        return this.#engine.words(ids, number).slice();
      });
    });
  }

  encodeWithSpecials(text) {
    return this.#engine.withText(text, (at, size) => {
      const number = Number(this.#engine.call("ciyuan_count_with_specials", this.#handle, at, size));
      return this.#engine.withRoom(4 * number, (ids) => {
        this.#engine.call("ciyuan_encode_with_specials", this.#handle, at, size, ids, number);
        return this.#engine.words(ids, number).slice();
      });
    });
  }

  offsets(text) {
    return this.#engine.withText(text, (at, size) => {
      const number = Number(this.#engine.call("ciyuan_count", this.#handle, at, size));
      return this.#engine.withRoom(8 * number, (room) => {
        this.#engine.call("ciyuan_encode", this.#handle, at, size, room, room + 4 * number, number);
        const ends = this.#engine.words(room + 4 * number, number).slice();
        return Array.from(ends, (end, i) => [i === 0 ? 0 : ends[i - 1], end]);
      });
    });
  }

  decode(ids) {
    return decoder.decode(this.decodeBytes(ids));
  }

  decodeBytes(ids) {
    const list = Array.from(ids);
    const unknown = () => new RangeError(`an id is not in the vocabulary ${this.name}`);
    if (list.some((id) => !Number.isInteger(id) || id < 0 || id > 0xffffffff)) throw unknown();
    return this.#engine.withRoom(4 * list.length, (at) => {
      this.#engine.words(at, list.length).set(list);
      const size = this.#engine.call("ciyuan_decode", this.#handle, at, list.length, 0, 0);
      if (size < 0) throw unknown();
      return this.#engine.withRoom(size, (out) => {
        this.#engine.call("ciyuan_decode", this.#handle, at, list.length, out, size);
        return this.#engine.bytes().slice(out, out + size);
      });
    });
  }

  longestPrefix(text, limit) {
    const tokens = limitOf(limit);
    return beginning(text, this.#engine.withText(text, (at, size) =>
      this.#engine.call("ciyuan_longest_prefix", this.#handle, at, size, tokens) >>> 0));
  }

  counter() {
    return new Counter(this, this.#engine, this.#handle);
  }
}

export class Counter {
  #vocabulary; // kept alive: the handle is in its instance
  #engine;
  #handle;
  // A string may be cut between the surrogates of a character. The first one already says the character's first two
  // bytes of four, which count as U+FFFD while the others are not there; so the counter is exact in between as well.
  #high = 0;

  constructor(vocabulary, engine, vocabularyHandle) {
    this.#vocabulary = vocabulary;
    this.#engine = engine;
    this.#handle = engine.call("ciyuan_counter_new", vocabularyHandle);
    counters.register(this, { engine, handle: this.#handle }, this);
  }

  #open() {
    if (this.#handle === 0) throw new Error("this counter was freed");
    return this.#handle;
  }

  #append(text) {
    this.#engine.withText(text, (at, size) => this.#engine.call("ciyuan_counter_append", this.#open(), at, size));
  }

  /** The rest of the character whose first half waits, if `text` begins with it. */
  #secondHalf(text) {
    const low = this.#high && typeof text === "string" ? text.charCodeAt(0) : 0;
    return isLow(low) ? bytesOf(String.fromCharCode(this.#high, low)).subarray(2) : null;
  }

  append(text) {
    this.#open();
    if (typeof text !== "string") {
      bytesOf(text);
      this.#high = text.length > 0 ? 0 : this.#high;
      return this.#append(text);
    }
    if (text === "") return;
    const rest = this.#secondHalf(text);
    if (rest) this.#append(rest);
    this.#high = 0;
    const last = text.charCodeAt(text.length - 1);
    this.#append(text.slice(rest ? 1 : 0, isHigh(last) ? -1 : undefined));
    if (!isHigh(last)) return;
    this.#append(bytesOf(String.fromCharCode(last, 0xdc00)).subarray(0, 2));
    this.#high = last;
  }

  count() {
    return Number(this.#engine.call("ciyuan_counter_count", this.#open()));
  }

  longestPrefix(text, limit) {
    const tokens = limitOf(limit);
    const longest = (bytes) => this.#engine.withText(bytes, (at, size) =>
      this.#engine.call("ciyuan_counter_longest_prefix", this.#open(), at, size, tokens) >>> 0);
    const rest = this.#secondHalf(text);
    if (!rest) return beginning(text, longest(text));
    const bytes = new Uint8Array([...rest, ...bytesOf(text.slice(1))]);
    const size = longest(bytes);
    return size < rest.length ? "" : text[0] + beginning(text.slice(1), size - rest.length);
  }

  free() {
    if (this.#handle === 0) return;
    counters.unregister(this);
    if (!this.#engine.stopped) this.#engine.call("ciyuan_counter_free", this.#handle);
    this.#handle = 0;
  }
}
