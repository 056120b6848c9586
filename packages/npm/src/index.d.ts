/**
 * How many tokens a text is, exactly as the model's own tokenizer counts them: the ids of tiktoken (OpenAI's vocabularies),
 * mistral-common and SentencePiece (Mistral's) and Hugging Face tokenizers (the others), with no beginning-of-text token.
 *
 * Texts are strings or UTF-8. Every text has a count: bytes that are not UTF-8 count as U+FFFD, one for each maximal
 * ill-formed part, as does each lone surrogate of a string.
 *
 *     const qwen = await get("qwen3");
 *     qwen.count("词元经济"); // 3
 */

export type Text = string | Uint8Array;

/** A vocabulary inside the package. */
export interface Listing {
  name: string;
  aliases: string[];
  licence: string;
  /** SHA-256 of the unpacked file. */
  digest: string;
}

/** By name or alias, any case ("o200k_base", "qwen3"); loaded the first time, then shared. Rejects with
 * UnknownVocabularyError if there is none of that name here. In browsers it is fetched from beside the module. */
export function get(name: string): Promise<Vocabulary>;

/** The vocabularies inside this package. */
export function list(): Promise<Listing[]>;

/** From the content of a *.ciyuan-vocab file, packed with zstd or not: what tools/import_vocabulary.py and
 * `ciyuan vocab add` make. Rejects with VocabularyError if it is none, contradicts itself, or brings its own expressions
 * ("regex"), for which this build has no engine. */
export function load(file: Uint8Array): Promise<Vocabulary>;

/** The message says what is wrong. */
export class VocabularyError extends Error {}
/** The message lists the names that there are. */
export class UnknownVocabularyError extends VocabularyError {}

/** A model's tokenizer, from get() or load(). */
export class Vocabulary {
  private constructor();
  readonly name: string;
  /** SHA-256 of the unpacked vocabulary file, in hexadecimal: names the vocabulary in records for good. */
  readonly digest: string;
  /** One more than the largest id. */
  readonly size: number;
  /** WebAssembly memory held: some 20 MB after loading, and no more than the longest text needs after that. */
  readonly memoryBytes: number;
  /** The number of tokens; what looks like a special token counts as the text that it is. */
  count(text: Text): number;
  /** The number of tokens, where special tokens count as themselves: for rendered chat templates. */
  countWithSpecials(text: Text): number;
  /** The ids; what looks like a special token is the text that it is. */
  encode(text: Text): Uint32Array;
  /** The ids, with special tokens as themselves. Never give it what a user wrote without a template. */
  encodeWithSpecials(text: Text): Uint32Array;
  /** For each token of encode(text), the bytes [begin, end) it stands for in the text as it is tokenized, which is
   * decodeBytes(encode(text)): the text as UTF-8, with U+FFFD where it was ill-formed, in form NFC where the vocabulary
   * normalises (Qwen), with a space for U+2581 where the vocabulary takes it for one (Mistral's first). The tokens lie in
   * it one behind the other; one may be a part of a character, and empty: a space that a vocabulary puts before a text is
   * not in it. (SmolLM2 lacks tokens for 21 rare bytes, which belong to the token behind them.) */
  offsets(text: Text): Array<[begin: number, end: number]>;
  /** The tokens' text; bytes that are no whole character become U+FFFD. Throws RangeError: an id is not in the vocabulary. */
  decode(ids: Iterable<number>): string;
  /** The tokens' bytes, which need not be UTF-8. Throws RangeError: an id is not in the vocabulary. */
  decodeBytes(ids: Iterable<number>): Uint8Array;
  /** The longest beginning of the text, in whole characters, that is at most `limit` tokens. More characters can be fewer
   * tokens; it is looked for no further than 16 tokens past the limit. */
  longestPrefix<T extends Text>(text: T, limit: number): T;
  /** A new Counter, of an empty text. */
  counter(): Counter;
}

/** Counts a text that arrives in pieces, cut anywhere, between surrogates too: at any moment the count of the whole so far. */
export class Counter {
  private constructor();
  append(text: Text): void;
  /** The tokens of the text so far; a character that is not whole yet counts as U+FFFD. */
  count(): number;
  /** The longest beginning of `text` after which the count is at most `limit`. Appends nothing. */
  longestPrefix<T extends Text>(text: T, limit: number): T;
  /** Gives its memory back at once, instead of when it is collected. It cannot be used after that. */
  free(): void;
}
