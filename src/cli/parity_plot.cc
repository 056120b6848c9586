#include "cli/internal/parity_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace ciyuan::cli {
namespace {

// Pixels.
constexpr double kWidth = 960, kLabels = 250, kRight = 90, kTop = 118, kBottom = 46, kBar = 13, kBarGap = 2,
                 kGroupGap = 11;
// Okabe and Ito's colours, which people who see few colours can tell apart.
constexpr std::array kColours = {"#0072B2", "#E69F00", "#009E73", "#CC79A7",
                                 "#56B4E9", "#D55E00", "#999999", "#F0E442"};

std::string escaped(std::string_view text) {
  std::string safe;
  for (char c : text) switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  return safe;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}
std::string px(double value) { return fixed(value, 1); }

// 1, 2 or 5 times a power of ten, so that the axis has some six of them.
double step_for(double largest) {
  const double raw = largest / 6, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

const Interval& figure(const ParityRow& row, ParityAxis axis) {
  return axis == ParityAxis::kCharacters ? row.per_1000_characters
         : axis == ParityAxis::kBytes    ? row.per_1000_bytes
                                         : row.relative;
}

struct Words {
  std::string en, zh;
};
Words title_of(const ParityReport& report, ParityAxis axis) {
  switch (axis) {
    case ParityAxis::kCharacters:
      return {"Tokens per 1,000 characters, by language and tokenizer", "每千字符词元数（按语言与分词器）"};
    case ParityAxis::kBytes:
      return {"Tokens per 1,000 bytes, by language and tokenizer", "每千字节词元数（按语言与分词器）"};
    case ParityAxis::kRelative:
      break;
  }
  return {"Tokens for the same text, " + report.base + " = 1",
          "同一文本的词元数（以 " + report.base + " 为 1）"};
}

class Drawing {
 public:
  Drawing(const ParityReport& report, ParityAxis axis)
      : report_(report), axis_(axis), decimals_(axis == ParityAxis::kRelative ? 2 : 0) {
    for (const ParityRow& row : report.rows) largest_ = std::max(largest_, figure(row, axis).high);
    step_ = step_for(largest_);
    largest_ = std::ceil(largest_ / step_) * step_;
    group_ = static_cast<double>(report.tokenizers.size()) * (kBar + kBarGap) + kGroupGap;
    bottom_ = kTop + group_ * static_cast<double>(report.texts.size());
  }

  std::string svg() {
    const Words title = title_of(report_, axis_);
    svg_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + px(kWidth) + " " +
           px(bottom_ + kBottom) + "\" width=\"" + px(kWidth) + "\" height=\"" + px(bottom_ + kBottom) +
           "\" role=\"img\" font-family=\"'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', "
           "system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n<title>" +
           escaped(title.en + " · " + title.zh) +
           "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    text(24, 30, title.en, "font-size=\"18\" font-weight=\"600\"");
    text(24, 52, title.zh, "font-size=\"15\"");
    const std::string lines = std::to_string(report_.lines), times = std::to_string(report_.resamples);
    text(24, 72,
         "Whiskers: 95 % intervals, bootstrap over " + lines + " parallel lines, " + times +
             " resamples · 须线：95% 置信区间，对 " + lines + " 行平行文本自助抽样 " + times + " 次",
         "font-size=\"11\" fill=\"#666\"");
    legend();
    axis();
    for (const ParityText& language : report_.texts) label(language);
    std::size_t bar = 0;
    for (const ParityRow& row : report_.rows) draw(row, bar++ % report_.tokenizers.size());
    return svg_ + "</svg>\n";
  }

 private:
  double x(double value) const { return kLabels + value / largest_ * (kWidth - kLabels - kRight); }

  void text(double at_x, double at_y, std::string_view words, const std::string& attributes) {
    svg_ += "<text x=\"" + px(at_x) + "\" y=\"" + px(at_y) + "\" " + attributes + ">" + escaped(words) +
            "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, const char* colour) {
    svg_ += "<path d=\"M" + px(x1) + " " + px(y1) + "L" + px(x2) + " " + px(y2) + "\" stroke=\"" + colour +
            "\"/>\n";
  }
  void rectangle(double at_x, double at_y, double width, double height, const char* colour) {
    svg_ += "<rect x=\"" + px(at_x) + "\" y=\"" + px(at_y) + "\" width=\"" + px(width) + "\" height=\"" +
            px(height) + "\" fill=\"" + colour + "\"/>\n";
  }

  void legend() {
    double at = kLabels;
    for (std::size_t i = 0; i < report_.tokenizers.size(); ++i) {
      rectangle(at, 86, 12, 12, kColours[i % kColours.size()]);
      text(at + 17, 96, report_.tokenizers[i], "");
      at += 36 + 7.5 * static_cast<double>(report_.tokenizers[i].size());
    }
  }

  void axis() {
    const int decimals = step_ < 1 ? 1 : 0;
    for (double value = 0; value < largest_ + step_ / 2; value += step_) {
      line(x(value), kTop - 6, x(value), bottom_, value == 0 ? "#888" : "#e4e4e4");
      text(x(value), bottom_ + 18, fixed(value, decimals), "text-anchor=\"middle\" fill=\"#666\"");
    }
  }

  void label(const ParityText& language) {
    const double middle = kTop + group_ * static_cast<double>(labels_++) + (group_ - kGroupGap) / 2 + 4;
    std::string words = language.language;
    if (!language.name.empty()) words = language.name + " " + language.name_zh + " (" + words + ")";
    text(kLabels - 8, middle, words, "text-anchor=\"end\"");
  }

  void draw(const ParityRow& row, std::size_t tokenizer) {
    const Interval& value = figure(row, axis_);
    const double top = kTop + group_ * static_cast<double>(row.text) +
                       static_cast<double>(tokenizer) * (kBar + kBarGap),
                 middle = top + kBar / 2;
    rectangle(x(0), top, x(value.value) - x(0), kBar, kColours[tokenizer % kColours.size()]);
    line(x(value.low), middle, x(value.high), middle, "#222");
    for (double end : {value.low, value.high}) line(x(end), middle - 3, x(end), middle + 3, "#222");
    text(x(value.high) + 6, middle + 4, fixed(value.value, decimals_), "font-size=\"11\" fill=\"#444\"");
  }

  const ParityReport& report_;
  ParityAxis axis_;
  int decimals_;
  double largest_ = 0, step_ = 1, group_ = 0, bottom_ = 0;
  std::size_t labels_ = 0;
  std::string svg_;
};

}  // namespace

std::string parity_svg(const ParityReport& report, ParityAxis axis) { return Drawing(report, axis).svg(); }

}  // namespace ciyuan::cli
