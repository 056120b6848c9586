/// method diff: two methods, model by model and kind by kind.

#include <algorithm>
#include <ostream>

#include "cli/internal/methods.h"

namespace ciyuan::cli {
namespace {

using measure::MediaPart;
using measure::Medium;
using measure::Method;

constexpr std::int64_t kUsageMax = 1'000'000'000'000;

struct Difference {
  std::string model, what, first, second;
};

struct Sample {
  std::string words;
  MediaPart part;
};
// One part of each medium, of a size that tells the formulas apart.
const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = {
      {"image 1024×1024", {.medium = Medium::kImage, .size = measure::ImageSize{1024, 1024}}},
      {"image, size unseen", {.medium = Medium::kImage}},
      {"audio 60 s", {.medium = Medium::kAudio, .duration = measure::Duration{60, 1}}},
      {"video 60 s", {.medium = Medium::kVideo, .duration = measure::Duration{60, 1}}},
      {"file 10 pages", {.medium = Medium::kFile, .pages = 10}},
      {"tools 1", {.medium = Medium::kTools, .tools = 1}}};
  return all;
}

Result<KindCounts> read_usage(const std::string& text) {
  KindCounts counts;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    const auto kind = kind_named(one.substr(0, equals));
    const auto number = parse_decimal(one.substr(std::min(equals + 1, one.size())), 0);
    if (!kind || !number || number->is_negative() || *number > Amount(kUsageMax))
      return invalid("--usage", "\"" + std::string(one) + "\" is not KIND=N, with N from 0 to " +
                                    std::to_string(kUsageMax));
    counts[*kind] = static_cast<std::int64_t>(number->units());
  }
  return counts;
}

std::vector<std::string> models_of_both(const Method& first, const Method& second) {
  std::vector<std::string> models = {std::string(kOtherModels)};
  for (const Method* method : {&first, &second})
    for (const std::string& model : method->models())
      if (std::find(models.begin(), models.end(), model) == models.end()) models.push_back(model);
  return models;
}

std::string counted(const std::vector<CountedThing>& things, const std::string& what, std::string& figures) {
  for (const CountedThing& thing : things) {
    if (thing.what != what) continue;
    figures = thing.figures;
    return thing.by;
  }
  figures.clear();
  return "nothing, unverified";
}

std::string pin(const std::string& digest) { return digest.empty() ? "any" : digest; }

class Comparison {
 public:
  Comparison(const Method& first, const Method& second) : first_(first), second_(second) {
    for (const std::string& model : models_of_both(first, second)) compare(model);
  }
  std::vector<Difference> found;

 private:
  void note(const std::string& model, std::string what, std::string first, std::string second) {
    if (first != second) found.push_back({model, std::move(what), std::move(first), std::move(second)});
  }

  void compare(const std::string& model) {
    const bool both = first_.covers(model).ok() && second_.covers(model).ok();
    note(model, "counted", first_.covers(model).ok() ? "yes" : "refused",
         second_.covers(model).ok() ? "yes" : "refused");
    if (!both) return;
    compare_things(model);
    for (Kind kind : kAllKinds)
      note(model, "weight of " + std::string(name_of(kind)),
           format_decimal(first_.ciyuan_per_token(model)[index_of(kind)], 6),
           format_decimal(second_.ciyuan_per_token(model)[index_of(kind)], 6));
    auto reasons = first_.control_tokens(model);
    reasons.merge(second_.control_tokens(model));
    for (const auto& [reason, tokens] : reasons)
      note(model, "control tokens at " + reason, std::to_string(first_.control_tokens(model, reason)),
           std::to_string(second_.control_tokens(model, reason)));
    note(model, "tokenizer", pin(first_.pins(model).tokenizer_sha256),
         pin(second_.pins(model).tokenizer_sha256));
    note(model, "template", pin(first_.pins(model).template_sha256),
         pin(second_.pins(model).template_sha256));
  }

  // By their figures: a rule of another name that counts the same is no difference.
  void compare_things(const std::string& model) {
    const auto ours = counted_things(first_, model), theirs = counted_things(second_, model);
    for (const char* what : {"text", "image", "audio", "video", "file", "other", "tools"}) {
      std::string figures, other_figures;
      std::string by = counted(ours, what, figures), other_by = counted(theirs, what, other_figures);
      const bool rules = !figures.empty() || !other_figures.empty();
      if (rules && figures == other_figures) continue;
      if (rules && by == other_by) by = figures, other_by = other_figures;
      note(model, what, by, other_by);
    }
  }

  const Method& first_;
  const Method& second_;
};

// What the sample comes to, for each model that both count.
std::vector<Difference> weigh(const Method& first, const Method& second, const KindCounts& usage,
                              const std::string& words) {
  std::vector<Difference> weighed;
  auto ciyuan = [&](const Method& method, const std::string& model) {
    Amount sum;
    for (Kind kind : kAllKinds) sum += method.ciyuan_per_token(model)[index_of(kind)] * usage[kind];
    return format_decimal(sum, 6) + " Ciyuan";
  };
  auto tokens = [](const measure::MediaCount& count) {
    return std::to_string(count.tokens) + " " + std::string(record::name_of(count.level));
  };
  for (const std::string& model : models_of_both(first, second)) {
    if (!first.covers(model).ok() || !second.covers(model).ok()) continue;
    const std::string one = ciyuan(first, model), other = ciyuan(second, model);
    if (one != other || model == kOtherModels) weighed.push_back({model, words, one, other});
    if (first.basis() == measure::Basis::kCalls || second.basis() == measure::Basis::kCalls) continue;
    for (const Sample& sample : samples()) {
      // The declarations of tools count as texts; a rule is what a service writes round them.
      if (sample.part.medium == Medium::kTools && first.modality_rule(model, Medium::kTools) == nullptr &&
          second.modality_rule(model, Medium::kTools) == nullptr)
        continue;
      const std::string here = tokens(first.count_media(model, sample.part)),
                        there = tokens(second.count_media(model, sample.part));
      if (here != there) weighed.push_back({model, sample.words, here, there});
    }
  }
  return weighed;
}

Json json_of(const std::vector<Difference>& rows) {
  Json list = Json::array();
  for (const Difference& row : rows)
    list.push_back({{"model", row.model}, {"what", row.what}, {"a", row.first}, {"b", row.second}});
  return list;
}

void print(Session& session, const char* head, const MethodFile& first, const MethodFile& second,
           const std::vector<Difference>& rows) {
  Table table({"MODEL", head, first.method.name(), second.method.name()});
  for (const Difference& row : rows) table.add({row.model, row.what, row.first, row.second});
  if (!table.empty()) table.print(session.out());
}

}  // namespace

void diff_methods(Session& session, const DiffOptions& options) {
  const auto first = read_method(options.first, "A"), second = read_method(options.second, "B");
  if (!first.ok()) return session.fail(first.error());
  if (!second.ok()) return session.fail(second.error());
  const auto usage = read_usage(options.usage);
  if (!usage.ok()) return session.fail(usage.error());
  const std::vector<Difference> found = Comparison(first->method, second->method).found;
  const auto weighed = weigh(first->method, second->method, *usage, options.usage);
  session.exit_code = found.empty() ? kDone : kFailed;
  if (options.json) {
    auto side = [](const MethodFile& file) {
      return Json{{"name", file.method.name()}, {"digest", file.digest_hex()}};
    };
    session.out() << Json{{"a", side(*first)},
                          {"b", side(*second)},
                          {"equal", found.empty()},
                          {"differences", json_of(found)},
                          {"sample", json_of(weighed)}}
                         .dump()
                  << '\n';
    return;
  }
  if (found.empty()) {
    session.out() << "the two count the same\n";
    return;
  }
  print(session, "DIFFERS", *first, *second, found);
  session.out() << '\n';
  print(session, "SAMPLE", *first, *second, weighed);
}

}  // namespace ciyuan::cli
