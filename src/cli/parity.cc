#include "cli/internal/parity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <random>

#include "base/bytes.h"
#include "base/file.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kManifestBytesMax = 1 << 20;

/// ---- Texts

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == line.npos; }

Result<ParityText> read_text(const std::string& language, const std::string& path) {
  ParityText text{language, "", "", {}};
  const std::string where = language + "=" + path;
  if (language.empty() || language.find_first_of(" \t/<>&\"'") != language.npos)
    return invalid("TEXT", "\"" + where + "\": before the = stands a language tag, like en or zh-Hans");
  Result<std::string> content = read_file(path, kParityTextBytesMax);
  if (!content.ok()) return invalid("TEXT", where + ": " + content.error().message);
  for (std::string_view rest = *content; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_utf8(line))
      return invalid("TEXT", where + ": line " + std::to_string(text.lines.size() + 1) + " is not UTF-8");
    text.lines.emplace_back(line);
  }
  return text;
}

// Names for people; a folder need not say them.
void read_names(const fs::path& folder, std::vector<ParityText>& texts) {
  Result<std::string> content = read_file(folder / "manifest.json", kManifestBytesMax);
  if (!content.ok()) return;
  Result<Json> manifest = parse_json(*content);
  if (!manifest.ok() || !manifest->is_object()) return;
  for (const Json& entry : manifest->value("languages", Json::array())) {
    if (!entry.is_object()) continue;
    auto text_of = [&](const char* member) {
      auto found = entry.find(member);
      return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    for (ParityText& text : texts)
      if (text.language == text_of("language"))
        text.name = text_of("name"), text.name_zh = text_of("name_zh");
  }
}

Status add_folder(const fs::path& folder, std::vector<ParityText>& texts) {
  std::error_code code;
  std::vector<fs::path> files;
  for (fs::directory_iterator at(folder, code); !code && at != fs::directory_iterator(); at.increment(code))
    if (at->path().extension() == ".txt") files.push_back(at->path());
  if (code) return invalid("TEXT", folder.string() + ": " + code.message());
  if (files.empty()) return invalid("TEXT", folder.string() + " has no file named LANGUAGE.txt");
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    CIYUAN_TRY(ParityText text, read_text(file.stem().string(), file.string()));
    texts.push_back(std::move(text));
  }
  read_names(folder, texts);
  return {};
}

/// ---- Figures

std::int64_t characters_in(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

/// What is added up over lines: a figure for each line.
struct Series {
  std::vector<std::int64_t> lines;
  std::int64_t total() const { return std::accumulate(lines.begin(), lines.end(), std::int64_t{0}); }
  std::int64_t total(const LineWeights& weights) const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) sum += weights[i] * lines[i];
    return sum;
  }
};

Interval interval(double value, std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const double last = static_cast<double>(samples.size() - 1), tail = (1 - kConfidence) / 2;
  return {value, samples[static_cast<std::size_t>(std::floor(tail * last))],
          samples[static_cast<std::size_t>(std::ceil((1 - tail) * last))]};
}

/// The ratio of two sums, and its interval over the resamples.
class Ratio {
 public:
  Ratio(double scale, std::int64_t above, std::int64_t below) : scale_(scale), value_(of(above, below)) {}
  void add(std::int64_t above, std::int64_t below) { samples_.push_back(of(above, below)); }
  Interval result() { return interval(value_, samples_); }

 private:
  double of(std::int64_t above, std::int64_t below) const {
    return scale_ * static_cast<double>(above) / static_cast<double>(below);
  }
  double scale_, value_;
  std::vector<double> samples_;
};

struct Measured {
  Series characters, bytes;
  std::vector<Series> tokens;  // one for each vocabulary
};

Measured measure(const ParityText& text,
                 const std::vector<std::shared_ptr<const token::Vocabulary>>& vocabularies) {
  Measured measured;
  measured.tokens.resize(vocabularies.size());
  for (const std::string& line : text.lines) {
    measured.characters.lines.push_back(characters_in(line));
    measured.bytes.lines.push_back(static_cast<std::int64_t>(line.size()));
    for (std::size_t i = 0; i < vocabularies.size(); ++i)
      measured.tokens[i].lines.push_back(vocabularies[i]->count(line).value);
  }
  return measured;
}

// The rows of one tokenizer, text by text.
std::vector<ParityRow> rows_of(const std::vector<ParityText>& texts, const std::vector<Measured>& measured,
                               std::size_t vocabulary, std::size_t base, const ParityOptions& options) {
  std::vector<ParityRow> rows(texts.size());
  std::vector<std::array<Ratio, 3>> ratios;
  const Series& base_tokens = measured[base].tokens[vocabulary];
  for (std::size_t t = 0; t < texts.size(); ++t) {
    ParityRow& row = rows[t];
    row.text = t, row.language = texts[t].language;
    row.tokens = measured[t].tokens[vocabulary].total();
    row.characters = measured[t].characters.total(), row.bytes = measured[t].bytes.total();
    ratios.push_back({Ratio(1000, row.tokens, row.characters), Ratio(1000, row.tokens, row.bytes),
                      Ratio(1, row.tokens, base_tokens.total())});
  }
  std::mt19937_64 random(options.seed);  // anew for each tokenizer: all see the same resamples
  LineWeights weights(texts.front().lines.size());
  for (unsigned i = 0; i < options.resamples; ++i) {
    draw_lines(random, weights);
    const std::int64_t below = base_tokens.total(weights);
    for (std::size_t t = 0; t < texts.size(); ++t) {
      const std::int64_t tokens = measured[t].tokens[vocabulary].total(weights);
      ratios[t][0].add(tokens, measured[t].characters.total(weights));
      ratios[t][1].add(tokens, measured[t].bytes.total(weights));
      ratios[t][2].add(tokens, below);
    }
  }
  for (std::size_t t = 0; t < texts.size(); ++t) {
    rows[t].per_1000_characters = ratios[t][0].result();
    rows[t].per_1000_bytes = ratios[t][1].result();
    rows[t].relative = ratios[t][2].result();
  }
  return rows;
}

Result<std::size_t> place_of_base(const std::vector<ParityText>& texts, const std::string& wanted) {
  std::string known;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].language == (wanted.empty() ? "en" : wanted)) return i;
    known += (i == 0 ? "" : ", ") + texts[i].language;
  }
  if (wanted.empty()) return std::size_t{0};
  return invalid("--base", "\"" + wanted + "\" is none of the languages: " + known);
}

Json json_of(const Interval& interval) {
  auto rounded = [](double value) { return std::round(value * 1e6) / 1e6; };
  return {
      {"value", rounded(interval.value)}, {"low", rounded(interval.low)}, {"high", rounded(interval.high)}};
}

}  // namespace

// Not std::uniform_int_distribution: what that draws is each library's own affair.
void draw_lines(std::mt19937_64& random, LineWeights& weights) {
  std::fill(weights.begin(), weights.end(), 0);
  __extension__ using Wide = unsigned __int128;
  for (std::size_t i = 0; i < weights.size(); ++i)
    ++weights[static_cast<std::size_t>((static_cast<Wide>(random()) * weights.size()) >> 64)];
}

std::size_t leave_out_blank_lines(std::vector<ParityText>& texts) {
  std::vector<std::size_t> kept;
  const std::size_t lines = texts.front().lines.size();
  for (std::size_t i = 0; i < lines; ++i)
    if (std::none_of(texts.begin(), texts.end(),
                     [&](const ParityText& text) { return is_blank(text.lines[i]); }))
      kept.push_back(i);
  for (ParityText& text : texts)
    for (std::size_t i = 0; i < kept.size(); ++i) std::swap(text.lines[i], text.lines[kept[i]]);
  for (ParityText& text : texts) text.lines.resize(kept.size());
  return lines - kept.size();
}

Result<std::vector<ParityText>> read_parity_texts(const std::vector<std::string>& inputs) {
  std::vector<ParityText> texts;
  for (const std::string& input : inputs) {
    const std::size_t equals = input.find('=');
    if (std::error_code code; fs::is_directory(input, code)) {
      CIYUAN_TRY_STATUS(add_folder(input, texts));
    } else if (equals != input.npos) {
      CIYUAN_TRY(ParityText text, read_text(input.substr(0, equals), input.substr(equals + 1)));
      texts.push_back(std::move(text));
    } else {
      return invalid("TEXT", "\"" + input + "\" is neither LANGUAGE=FILE nor a folder of LANGUAGE.txt files");
    }
  }
  if (texts.empty()) return invalid("TEXT", "give LANGUAGE=FILE or a folder");
  for (std::size_t i = 1; i < texts.size(); ++i) {
    const ParityText &first = texts.front(), &text = texts[i];
    if (text.lines.size() != first.lines.size())
      return invalid("TEXT", text.language + " has " + std::to_string(text.lines.size()) + " lines and " +
                                 first.language + " " + std::to_string(first.lines.size()) +
                                 ": line by line they must say the same");
    for (std::size_t k = 0; k < i; ++k)
      if (texts[k].language == text.language)
        return invalid("TEXT", "the language " + text.language + " is given twice");
  }
  return texts;
}

Result<ParityReport> measure_parity(std::vector<ParityText> texts,
                                    const std::vector<std::shared_ptr<const token::Vocabulary>>& vocabularies,
                                    const ParityOptions& options) {
  ParityReport report{.resamples = options.resamples, .seed = options.seed};
  CIYUAN_TRY(const std::size_t base, place_of_base(texts, options.base));
  report.base = texts[base].language;
  report.lines_left_out = leave_out_blank_lines(texts);
  report.lines = texts.front().lines.size();
  if (report.lines == 0) return invalid("TEXT", "no line has a text in every language");
  std::vector<Measured> measured;
  for (const ParityText& text : texts) measured.push_back(measure(text, vocabularies));

  std::vector<std::vector<ParityRow>> columns;
  for (std::size_t v = 0; v < vocabularies.size(); ++v) {
    const std::vector<std::int64_t>& lines = measured[base].tokens[v].lines;
    if (std::count(lines.begin(), lines.end(), 0) > 0)
      return invalid("--base", report.base + " has a line without a token under " + vocabularies[v]->name());
    columns.push_back(rows_of(texts, measured, v, base, options));
    report.tokenizers.push_back(vocabularies[v]->name());
  }
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return columns.front()[a].relative.value < columns.front()[b].relative.value;
  });
  for (std::size_t place = 0; place < order.size(); ++place) {
    for (std::size_t v = 0; v < vocabularies.size(); ++v) {
      ParityRow& row = columns[v][order[place]];
      row.text = place, row.tokenizer = report.tokenizers[v];
      report.rows.push_back(std::move(row));
    }
    report.texts.push_back(std::move(texts[order[place]]));
  }
  return report;
}

Json parity_json(const ParityReport& report) {
  Json rows = Json::array();
  for (const ParityRow& row : report.rows)
    rows.push_back({{"language", row.language},
                    {"tokenizer", row.tokenizer},
                    {"tokens", row.tokens},
                    {"characters", row.characters},
                    {"bytes", row.bytes},
                    {"per_1000_characters", json_of(row.per_1000_characters)},
                    {"per_1000_bytes", json_of(row.per_1000_bytes)},
                    {"relative", json_of(row.relative)}});
  return {
      {"base", report.base},       {"lines", report.lines},         {"lines_left_out", report.lines_left_out},
      {"confidence", kConfidence}, {"resamples", report.resamples}, {"seed", report.seed},
      {"rows", std::move(rows)}};
}

}  // namespace ciyuan::cli
