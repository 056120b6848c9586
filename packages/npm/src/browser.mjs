import { packageOf } from "./set.mjs";

export { VocabularyError } from "./engine.mjs";
export { UnknownVocabularyError } from "./set.mjs";
export { Counter, Vocabulary } from "./vocabulary.mjs";

// Written out, so that bundlers find the file and take it along.
const MODULE = new URL("./ciyuan.wasm", import.meta.url);

async function read(name) {
  const url = name === "ciyuan.wasm" ? MODULE : new URL(name, import.meta.url);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

export const { get, list, load } = packageOf(read);
