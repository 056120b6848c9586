import { readFile } from "node:fs/promises";

import { packageOf } from "./set.mjs";

export { VocabularyError } from "./engine.mjs";
export { UnknownVocabularyError } from "./set.mjs";
export { Counter, Vocabulary } from "./vocabulary.mjs";
export const { get, list, load } = packageOf(async (name) => new Uint8Array(await readFile(new URL(name, import.meta.url))));
