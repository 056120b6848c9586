/// method recount: the calls of JSON lines under two methods, side by side.

#include <map>
#include <ostream>

#include "base/file.h"
#include "cli/internal/json_lines.h"
#include "cli/internal/methods.h"
#include "measure/call_count.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using measure::CallCount;
using measure::CallText;
using measure::Profile;
using record::Level;

/// How a model's tokens are found.
struct Counter {
  std::string name, tokenizer, chat_template;
  bool guessed = false;  ///< by its name: whether there is such a template is not known
};

/// The call of one line, with the texts that CallText points into.
struct Call {
  std::string model, request, output, reasoning, tool, finish_reason;
  measure::Endpoint endpoint = measure::Endpoint::kChat;
  bool is_text = false;

  CallText text() const {
    return {.endpoint = endpoint,
            .request = request,
            .output = output,
            .reasoning = reasoning,
            .tool = tool,
            .finish_reason = finish_reason};
  }
};

Result<std::string> text_member(const nlohmann::ordered_json& line, const char* name,
                                std::string otherwise = "") {
  auto found = line.find(name);
  if (found == line.end() || found->is_null()) return otherwise;
  if (!found->is_string()) return invalid(name, "must be a text");
  return found->get<std::string>();
}

// Members keep their order, which a template may write out. As a text a request keeps every byte.
Status read_request(const nlohmann::ordered_json& value, Call& call) {
  if (!value.is_object() && !value.is_string())
    return invalid("request", "must be an object, or a text with its JSON");
  call.request = value.is_string() ? value.get<std::string>() : value.dump();
  Result<Json> body = parse_json(call.request);
  if (!body.ok()) return invalid("request", body.error().message);
  if (!body->is_object()) return invalid("request", "must be an object");
  using measure::Endpoint;
  call.endpoint = body->contains("messages") ? Endpoint::kChat
                  : body->contains("prompt") ? Endpoint::kCompletions
                                             : Endpoint::kEmbeddings;
  if (call.model.empty()) call.model = text_at(*body, "model");
  return {};
}

Result<Call> read_call(std::string_view text) {
  Result<Json> strict = parse_json(text);  // refuses repeated keys
  if (!strict.ok()) return strict.error();
  const auto line = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!line.is_object()) return invalid("", "must be an object");
  Call call;
  CIYUAN_TRY(call.model, text_member(line, "model"));
  call.is_text = line.contains("text");
  if (call.is_text) {
    CIYUAN_TRY(call.output, text_member(line, "text"));
  } else {
    if (!line.contains("request")) return invalid("request", "is missing, and so is \"text\"");
    CIYUAN_TRY_STATUS(read_request(line["request"], call));
    CIYUAN_TRY(call.output, text_member(line, "answer"));
    CIYUAN_TRY(call.reasoning, text_member(line, "reasoning"));
    CIYUAN_TRY(call.tool, text_member(line, "tool"));
    CIYUAN_TRY(call.finish_reason, text_member(line, "finish_reason", line.contains("answer") ? "stop" : ""));
  }
  if (call.model.empty()) return invalid("model", "is missing");
  return call;
}

/// What one method makes of calls.
struct Sum {
  KindCounts counts;
  std::array<Level, kKinds> levels{};
  Amount ciyuan;
  Level level = Level::kProved;

  void add(const Sum& other) {
    for (Kind kind : kAllKinds) {
      counts[kind] += other.counts[kind];
      levels[index_of(kind)] = std::max(levels[index_of(kind)], other.levels[index_of(kind)]);
    }
    ciyuan += other.ciyuan;
    level = std::max(level, other.level);
  }
};
struct Pair {
  Sum first, second;
  std::int64_t calls = 0;
  void add(const Pair& other) { first.add(other.first), second.add(other.second), calls += other.calls; }
};

Sum sum_of(const Profile& profile, const CallCount& count, bool is_text) {
  Sum sum{.counts = count.counts, .ciyuan = count.ciyuan};
  for (Kind kind : kAllKinds)
    if (count.counts[kind] > 0)
      sum.levels[index_of(kind)] = is_generated(kind) ? count.output_level : count.input_level;
  sum.levels[index_of(Kind::kInput)] = count.input_level;
  sum.level = std::max(count.input_level, count.output_level);
  if (!is_text) return sum;
  // A text by itself is nobody's answer: it counts as input.
  sum.counts = {};
  sum.counts[Kind::kInput] = count.counts[Kind::kOutput];
  sum.levels.fill(Level::kProved);
  sum.levels[index_of(Kind::kInput)] = count.output_level;
  sum.ciyuan = measure::ciyuan_of(profile, sum.counts);
  return sum;
}

class Recounter {
 public:
  Recounter(Session& session, const RecountOptions& options, MethodFile first, MethodFile second)
      : session_(session),
        options_(options),
        first_(std::move(first)),
        second_(std::move(second)),
        profiles_("") {}

  Status read_models() {
    for (const std::string& text : options_.models) CIYUAN_TRY_STATUS(read_model(text));
    return options_.documents.empty() ? Status{} : read_documents();
  }

  void file(const std::string& name) {
    Result<ReadBlock> read = open_input(name, session_.console().in);
    if (!read.ok()) return complain(input_name(name), read.error());
    const std::string shown = input_name(name);
    Status done = for_each_line(
        *read, shown, [](std::size_t) {},
        [&](std::string_view text, std::uint64_t number) {
          if (text.find_first_not_of(" \t\r") == text.npos) return;
          line(text, shown + ":" + std::to_string(number));
        });
    if (!done.ok()) complain(shown, done.error());
  }

  void finish();

 private:
  Status read_model(const std::string& text);
  Status read_documents();
  Result<std::shared_ptr<const Profile>> profile(const MethodFile& method, const std::string& model);
  Result<Pair> count(const Call& call);
  void line(std::string_view text, const std::string& where);
  void add_rows(const std::string& name, const std::string& model, const Pair& pair);
  void complain(const std::string& where, const Error& error) {
    session_.console().err << "ciyuan method recount: " << where << ": " << error.text() << "\n";
    session_.exit_code = kBadUsage;
  }

  Session& session_;
  const RecountOptions& options_;
  const MethodFile first_, second_;
  measure::Profiles profiles_;
  std::map<std::string, Counter> counters_;  ///< by name and alias
  std::map<std::string, Pair> by_model_;
  Table table_ = Table({"CALLS", "MODEL", "KIND", first_.method.name(), "LEVEL", second_.method.name(),
                        "LEVEL", "DIFFERENCE"});
};

Status Recounter::read_model(const std::string& text) {
  const std::size_t equals = text.find('='), colon = text.rfind(':');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size())
    return invalid("--model", "\"" + text + "\" is not NAME=TOKENIZER or NAME=TOKENIZER:TEMPLATE");
  const bool has_template = colon != text.npos && colon > equals;
  Counter counter{text.substr(0, equals), text.substr(equals + 1), "", false};
  if (has_template) {
    counter.tokenizer = text.substr(equals + 1, colon - equals - 1);
    counter.chat_template = text.substr(colon + 1);
  }
  const std::string name = counter.name;
  counters_[name] = std::move(counter);
  return {};
}

Status Recounter::read_documents() {
  const Result<std::string> text = read_file(options_.documents, contract::kDocumentBytesMax);
  if (!text.ok()) return invalid("--documents", text.error().text());
  const contract::Reading reading = contract::read_documents(*text, options_.documents);
  if (!reading.errors.empty()) return invalid("--documents", reading.errors.front().text());
  for (const contract::Document& document : reading.documents) {
    if (document.kind != "Model") continue;
    const Counter counter{document.name, text_at(document.value, "tokenizer"),
                          text_at(document.value, "template"), false};
    counters_.emplace(document.name, counter);
    for (const Json& alias : document.value.value("aliases", Json::array()))
      counters_.emplace(alias.get<std::string>(), counter);
  }
  return {};
}

Result<std::shared_ptr<const Profile>> Recounter::profile(const MethodFile& method,
                                                          const std::string& model) {
  auto [entry, fresh] = counters_.try_emplace(model);
  if (fresh) entry->second = {model, model, model, true};
  Counter& counter = entry->second;
  auto found = profiles_.profile(method.method, method.document.digest, counter.name, counter.tokenizer,
                                 counter.chat_template);
  // A tokenizer of the model's name, but no template: the texts alone, which the level says.
  if (!found.ok() && counter.guessed && found.error().path == "template") {
    counter.chat_template.clear();
    return profile(method, model);
  }
  return found;
}

Result<Pair> Recounter::count(const Call& call) {
  Pair pair{.calls = 1};
  for (auto [method, sum] : {std::pair(&first_, &pair.first), std::pair(&second_, &pair.second)}) {
    CIYUAN_TRY(auto known, profile(*method, call.model));
    CIYUAN_TRY(const CallCount counted, measure::count_call(*known, call.text()));
    *sum = sum_of(*known, counted, call.is_text);
  }
  return pair;
}

void Recounter::line(std::string_view text, const std::string& where) {
  const Result<Call> call = read_call(text);
  if (!call.ok()) return complain(where, call.error());
  const Result<Pair> pair = count(*call);
  if (!pair.ok()) return complain(where, pair.error());
  by_model_[call->model].add(*pair);
  if (options_.each_line) add_rows(where, call->model, *pair);
}

Json side(const Sum& sum) {
  Json counts = Json::object(), levels = Json::object();
  for (Kind kind : kAllKinds) {
    if (sum.counts[kind] == 0) continue;
    counts[std::string(name_of(kind))] = sum.counts[kind];
    levels[std::string(name_of(kind))] = name_of(sum.levels[index_of(kind)]);
  }
  return {{"counts", counts},
          {"levels", levels},
          {"ciyuan", format_decimal(sum.ciyuan, 6)},
          {"level", name_of(sum.level)}};
}

void Recounter::add_rows(const std::string& name, const std::string& model, const Pair& pair) {
  const std::string difference = format_decimal(pair.second.ciyuan - pair.first.ciyuan, 6);
  if (options_.json) {
    session_.out() << Json{{"calls", options_.each_line ? Json(name) : Json(pair.calls)},
                           {"model", model},
                           {"a", side(pair.first)},
                           {"b", side(pair.second)},
                           {"difference", difference}}
                          .dump()
                   << '\n';
    return;
  }
  std::string calls = name, shown = model;
  for (Kind kind : kAllKinds) {
    const std::int64_t one = pair.first.counts[kind], other = pair.second.counts[kind];
    if (one == 0 && other == 0) continue;
    const std::size_t at = index_of(kind);
    table_.add({calls, shown, std::string(name_of(kind)), std::to_string(one),
                std::string(name_of(pair.first.levels[at])), std::to_string(other),
                std::string(name_of(pair.second.levels[at])), std::to_string(other - one)});
    calls.clear(), shown.clear();
  }
  table_.add({calls, shown, "Ciyuan", format_decimal(pair.first.ciyuan, 6),
              std::string(name_of(pair.first.level)), format_decimal(pair.second.ciyuan, 6),
              std::string(name_of(pair.second.level)), difference});
}

void Recounter::finish() {
  if (!options_.each_line)
    for (const auto& [model, pair] : by_model_) add_rows(std::to_string(pair.calls), model, pair);
  if (options_.json) return;
  Pair all;
  for (const auto& [model, pair] : by_model_) all.add(pair);
  if (all.calls == 0) return;
  table_.add({std::to_string(all.calls), "total", "Ciyuan", format_decimal(all.first.ciyuan, 6),
              std::string(name_of(all.first.level)), format_decimal(all.second.ciyuan, 6),
              std::string(name_of(all.second.level)),
              format_decimal(all.second.ciyuan - all.first.ciyuan, 6)});
  table_.align_right({3, 5, 7});
  table_.print(session_.out());
}

}  // namespace

void recount(Session& session, const RecountOptions& options) {
  auto first = read_method(options.method, "--method"), second = read_method(options.under, "--under");
  if (!first.ok()) return session.fail(first.error());
  if (!second.ok()) return session.fail(second.error());
  Recounter recounter(session, options, std::move(*first), std::move(*second));
  Status ready = recounter.read_models();
  if (!ready.ok()) return session.fail(ready.error());
  Inputs inputs(is_json_lines_file);
  for (const std::string& input : options.inputs) inputs.add(input);
  if (options.inputs.empty()) inputs.add("-");
  for (const Error& error : inputs.errors) {
    session.console().err << "ciyuan method recount: " << error.text() << "\n";
    session.exit_code = kBadUsage;
  }
  for (const std::string& file : inputs.files) recounter.file(file);
  recounter.finish();
}

}  // namespace ciyuan::cli
