// One instance of the WebAssembly module: the C interface (src/token/c_api.h) and its memory. Each vocabulary has one
// of its own, so that its memory goes when the vocabulary does, and a failure while one is read touches no other.

const SCRATCH_BYTES = 1 << 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A vocabulary file that contradicts itself, or is none; or a build that cannot run it. The message says what is wrong. */
export class VocabularyError extends Error {
  get name() {
    return this.constructor.name;
  }
}

export class Engine {
  #exports;
  #scratch;
  #stopped = null;
  #said = "";

  constructor(exports, link) {
    this.#exports = exports;
    link.engine = this;
    this.call("_initialize");
    this.#scratch = this.allocate(SCRATCH_BYTES);
  }

  static async create(module) {
    const link = {};
    const instance = await WebAssembly.instantiate(module, {
      ciyuan: { fail: (at, size) => { throw new VocabularyError(`vocabulary: ${link.engine.text(at, size)}`); } },
      // What the C library wants for standard error; nothing else is ever written.
      wasi_snapshot_preview1: {
        fd_write: (_, parts, number, written) => link.engine.#write(parts, number, written),
        fd_close: () => 0,
        fd_seek: () => 0,
      },
    });
    return new Engine(instance.exports, link);
  }

  #write(parts, number, written) {
    const view = new DataView(this.#exports.memory.buffer);
    let total = 0;
    for (let i = 0; i < number; ++i) {
      const size = view.getUint32(parts + 8 * i + 4, true);
      this.#said += this.text(view.getUint32(parts + 8 * i, true), size);
      total += size;
    }
    view.setUint32(written, total, true);
    return 0;
  }

  get stopped() {
    return this.#stopped !== null;
  }

  get memoryBytes() {
    return this.#exports.memory.buffer.byteLength;
  }

  /** The memory as it is now: to be asked for anew after each call. */
  bytes() {
    return new Uint8Array(this.#exports.memory.buffer);
  }

  text(at, size) {
    return decoder.decode(this.bytes().subarray(at, at + size));
  }

  words(at, number) {
    return new Uint32Array(this.#exports.memory.buffer, at, number);
  }

  /** Calls a function of the C interface. What unwinds out of it leaves the instance as it happened to be: it is not called again. */
  call(name, ...values) {
    if (this.#stopped) throw new Error("this vocabulary has stopped", { cause: this.#stopped });
    try {
      return this.#exports[name](...values);
    } catch (problem) {
      this.#stopped = problem;
      if (problem instanceof VocabularyError) throw problem;
      throw new Error(`ciyuan stopped: ${this.#said.trim() || problem.message}`, { cause: problem });
    }
  }

  allocate(size) {
    const at = this.call("malloc", Math.max(1, size)) >>> 0;
    if (at === 0) throw new RangeError(`no memory for ${size} bytes`);
    return at;
  }

  free(at) {
    if (!this.stopped) this.call("free", at);
  }

  /** Calls use(at, size) with the text in memory, and gives what that gives. */
  withText(text, use) {
    if (typeof text === "string" && text.length * 3 <= SCRATCH_BYTES) {
      const { written } = encoder.encodeInto(text, this.bytes().subarray(this.#scratch, this.#scratch + SCRATCH_BYTES));
      return use(this.#scratch, written);
    }
    return this.withBytes(bytesOf(text), use);
  }

  withBytes(bytes, use) {
    const at = bytes.length <= SCRATCH_BYTES ? this.#scratch : this.allocate(bytes.length);
    this.bytes().set(bytes, at);
    try {
      return use(at, bytes.length);
    } finally {
      if (at !== this.#scratch) this.free(at);
    }
  }

  /** Calls use(at) with so much memory, which is not the text's. */
  withRoom(size, use) {
    const at = this.allocate(size);
    try {
      return use(at);
    } finally {
      this.free(at);
    }
  }
}

/** As UTF-8: of a string each lone surrogate becomes U+FFFD; bytes are what they are. */
export function bytesOf(text) {
  if (typeof text === "string") return encoder.encode(text);
  if (text instanceof Uint8Array) return text;
  throw new TypeError(`a text is a string or a Uint8Array, not ${text === null ? "null" : typeof text}`);
}
