/// vocab: the tokenizers there are, and adding one from its publisher's file. Needs no server.

#include <cstdlib>
#include <fstream>
#include <ostream>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "cli/internal/commands.h"
#include "token/importer.h"
#include "token/user_vocabularies.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kVectorsBytesMax = 256 << 20;

struct AddOptions {
  std::string file, vectors;
  token::ImportOptions import;
  std::vector<std::string> specials;
  bool json = false;
};

/// A GGUF holds a whole model: its metadata are at the front.
Result<std::string> read_tokenizer(const std::string& path) {
  auto whole = read_file(path, token::kImportBytesMax);
  if (whole.ok() || whole.error().code != ErrorCode::kTooLarge) return whole;
  std::ifstream file(path, std::ios::binary);
  std::string front(token::kImportBytesMax, '\0');
  file.read(front.data(), static_cast<std::streamsize>(front.size()));
  front.resize(static_cast<std::size_t>(file.gcount()));
  return front.starts_with("GGUF") ? Result<std::string>(std::move(front)) : whole;
}

// Of the whole file, as its publisher tells it, also where only its front is read.
Result<Digest> digest_of(const std::string& path) {
  constexpr std::size_t kBlockBytes = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  Sha256 digest;
  for (std::string block(kBlockBytes, '\0'); file;) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    digest.update(bytes_of(std::string_view(block).substr(0, static_cast<std::size_t>(file.gcount()))));
  }
  if (!file.eof()) return Error{ErrorCode::kUnavailable, "it could not be read to its end", path};
  return digest.digest();
}

Status read_specials(const std::vector<std::string>& words, token::ImportOptions& options) {
  for (const std::string& word : words) {
    const std::size_t equals = word.rfind('=');
    char* end = nullptr;
    const unsigned long id = equals == word.npos ? 0 : std::strtoul(word.c_str() + equals + 1, &end, 10);
    if (equals == word.npos || equals == 0 || equals + 1 == word.size() || *end != '\0' || id >= 1u << 20)
      return invalid("--special", "\"" + word + "\" is not TEXT=ID");
    options.specials.emplace_back(word.substr(0, equals), static_cast<token::TokenId>(id));
  }
  return {};
}

Result<Json> add(AddOptions& options) {
  CIYUAN_TRY_STATUS(read_specials(options.specials, options.import));
  const auto folder = token::user_vocabulary_folder();
  if (folder.empty()) return invalid("HOME", "it is not set: say where in CIYUAN_VOCABULARIES");
  CIYUAN_TRY(const std::string file, read_tokenizer(options.file));
  std::string vectors;
  if (!options.vectors.empty()) {
    CIYUAN_TRY(vectors, read_file(options.vectors, kVectorsBytesMax));
    if (vectors.empty()) return invalid(options.vectors, "it is empty");
  }
  CIYUAN_TRY(const std::string content, token::import_vocabulary(file, options.import));
  CIYUAN_TRY(const auto vocabulary, token::Vocabulary::parse(content));
  CIYUAN_TRY(const token::Proof proof, token::prove_vocabulary(*vocabulary, vectors));
  CIYUAN_TRY(const Digest source, digest_of(options.file));
  CIYUAN_TRY_STATUS(token::add_vocabulary(content, to_hex(source), proof, folder));
  return Json{{"name", vocabulary->name()},
              {"digest", to_hex(vocabulary->digest())},
              {"source_sha256", to_hex(source)},
              {"tokens", proof.tokens},
              {"special_tokens", proof.specials},
              {"vectors", proof.vectors},
              {"level", proof.vectors > 0 ? "proved" : "estimated"},
              {"left_out", token::left_out(file)},
              {"folder", folder.string()}};
}

void run_add(Session& session, AddOptions& options) {
  const Result<Json> added = add(options);
  if (!added.ok()) return session.fail(added.error());
  if (options.json) {
    session.out() << added->dump() << '\n';
    return;
  }
  session.out() << text_at(*added, "name") << ": " << text_at(*added, "tokens") << " tokens and "
                << text_at(*added, "special_tokens") << " special tokens agree with themselves, "
                << text_at(*added, "vectors") << " vectors with their publisher\n";
  for (const Json& line : (*added)["left_out"]) session.note(line.get<std::string>());
  if ((*added)["vectors"] == 0)
    session.note(
        "no vectors were given: whether the ids are the publisher's was not tried, and what it counts is "
        "of level estimated; add it again with --vectors to prove it");
}

const char* whether_here(const token::VocabularySet::Listing& vocabulary) {
  if (!vocabulary.present) return "no";
  if (!vocabulary.added) return "yes";
  return vocabulary.proved ? "added" : "added, not proved";
}

void run_list(Session& session, bool json) {
  const auto listings = token::VocabularySet::standard().list();
  if (!listings.ok()) return session.fail(listings.error());
  Table table({"NAME", "ALIASES", "HERE", "LICENCE"});
  for (const auto& each : *listings) {
    std::string aliases;
    for (const std::string& alias : each.aliases) aliases += (aliases.empty() ? "" : ", ") + alias;
    if (json)
      session.out() << Json{{"name", each.name},   {"aliases", each.aliases}, {"present", each.present},
                            {"added", each.added}, {"proved", each.proved},   {"licence", each.licence}}
                           .dump()
                    << '\n';
    else
      table.add({each.name, aliases, whether_here(each), each.licence});
  }
  if (!json) table.print(session.out());
}

}  // namespace

void add_vocab_command(CLI::App& app, Session& session) {
  auto* vocab = app.add_subcommand("vocab", "The tokenizers there are, and adding others");
  vocab->require_subcommand(1);
  auto* add_command =
      vocab->add_subcommand("add", "Add a tokenizer from its publisher's file, if it proves exact");
  auto options = std::make_shared<AddOptions>();
  add_command
      ->add_option("FILE", options->file,
                   "tokenizer.json, tekken.json, *.tiktoken, SentencePiece's *.model or a GGUF model")
      ->required();
  add_command->add_option("--name", options->import.name, "What ciyuan calls it")
      ->required()
      ->type_name("NAME");
  add_command
      ->add_option(
          "--pretokenizer", options->import.pretokenizer,
          "How text is cut, where the file does not tell: o200k, cl100k, gpt2, qwen2, qwen35, llama3, "
          "deepseek_v3, smollm2, tekken, kimi_k2")
      ->type_name("NAME");
  add_command->add_option("--special", options->specials, "A special token of a *.tiktoken; may be repeated")
      ->type_name("TEXT=ID");
  add_command
      ->add_option("--vectors", options->vectors,
                   "Texts and the publisher's ids, which ours must be: lines of {\"text\": …, \"ids\": […]}; "
                   "with \"mode\": \"plain\" special tokens are text, with \"framed\" there is what is put "
                   "round a text")
      ->type_name("FILE");
  add_command->add_flag("--whole-texts", options->import.whole_texts,
                        "Count texts to their end where the file would truncate them");
  add_command->add_flag("--json", options->json, "One JSON object on a line");
  add_command->footer(
      "Example:\n  ciyuan vocab add tokenizer.json --name glm4 --vectors glm4.jsonl\n  ciyuan count -t glm4 "
      "README.md\n\n"
      "Every token and special token is decoded and encoded, and every vector compared, before anything is "
      "written; what\n"
      "could not be counted exactly is refused with its place in the file. Kept in ~/.local/share/ciyuan, or "
      "where\n"
      "CIYUAN_VOCABULARIES says.");
  add_command->callback([&session, options] { run_add(session, *options); });
  auto* list = vocab->add_subcommand("list", "The tokenizers there are");
  list->footer("Example:\n  ciyuan vocab list --json");
  auto json = std::make_shared<bool>(false);
  list->add_flag("--json", *json, "One JSON object a line");
  list->callback([&session, json] { run_list(session, *json); });
}

}  // namespace ciyuan::cli
