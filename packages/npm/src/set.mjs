import { VocabularyError } from "./engine.mjs";
import { Vocabulary } from "./vocabulary.mjs";

/** No vocabulary of that name is in this package; the message lists those that are. */
export class UnknownVocabularyError extends VocabularyError {}

/** The package's functions; `read(name)` gives the bytes of one of its files. */
export function packageOf(read) {
  const loaded = new Map();
  let module, manifest;

  // What failed is tried again the next time: the network may be back.
  const once = (promise, forget) => promise.catch((problem) => { forget(); throw problem; });

  function theModule() {
    module ??= once(read("ciyuan.wasm").then((bytes) => WebAssembly.compile(bytes)), () => { module = undefined; });
    return module;
  }

  function theManifest() {
    manifest ??= once(read("vocabularies/manifest.json").then((bytes) => JSON.parse(new TextDecoder().decode(bytes))),
      () => { manifest = undefined; });
    return manifest;
  }

  async function entryOf(name) {
    const { vocabularies, not_shipped: withheld } = await theManifest();
    const wanted = String(name).toLowerCase();
    const named = (each) => each.name === wanted || each.aliases.includes(wanted);
    const entry = vocabularies.find(named);
    if (entry) return entry;
    const other = withheld.find(named);
    if (other)
      throw new UnknownVocabularyError(`the vocabulary "${other.name}" (${other.licence}) may not be shipped here; ` +
        `ciyuan's tools/import_vocabulary.py --only ${other.name} fetches it, and load(bytes) takes its file`);
    throw new UnknownVocabularyError(
      `there is no vocabulary "${name}"; there are ${vocabularies.map((each) => each.name).join(", ")}`);
  }

  async function load(file) {
    return Vocabulary.parse(await theModule(), file);
  }

  async function loadEntry(entry) {
    const vocabulary = await load(await read(`vocabularies/${entry.file}`));
    if (vocabulary.digest !== entry.digest) throw new VocabularyError(`${entry.file}: its digest is not the one in the manifest`);
    return vocabulary;
  }

  async function get(name) {
    const entry = await entryOf(name);
    if (!loaded.has(entry.name)) loaded.set(entry.name, once(loadEntry(entry), () => loaded.delete(entry.name)));
    return loaded.get(entry.name);
  }

  async function list() {
    const { vocabularies } = await theManifest();
    return vocabularies.map(({ name, aliases, licence, digest }) => ({ name, aliases: [...aliases], licence, digest }));
  }

  return { get, list, load };
}
