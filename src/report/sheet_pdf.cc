/// The sheet on A4 pages, by Cairo and Pango. Everything that could differ between two runs is set: dates
/// come from the paper, metrics are not hinted to any screen, and the font is the named one or none.
///
/// A module of its own (sheet_module.cc loads it): what draws is forty shared libraries, and every start of
/// the program would pay for them.

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include <functional>
#include <memory>

#include "report/sheet.h"

namespace ciyuan::report {
namespace {

// Points: 1/72 inch.
constexpr double kWidth = 595.276, kHeight = 841.89;
constexpr double kMargin = 51, kTop = 51, kBottom = kHeight - 66;
constexpr double kInner = kWidth - 2 * kMargin;

struct Colour {
  double red, green, blue;
};
constexpr Colour kInk{0.106, 0.141, 0.188}, kSoft{0.365, 0.408, 0.459}, kRule{0.847, 0.871, 0.894},
    kAccent{0.059, 0.298, 0.361}, kPanel{0.945, 0.961, 0.969};

struct Style {
  double size = 8.5;
  bool bold = false;
  Colour colour = kInk;
};
constexpr Style kBody{}, kSmall{7, false, kSoft}, kStrong{8.5, true, kInk};

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* one) const {
    Free(one);
  }
};
using Surface = std::unique_ptr<cairo_surface_t, FreedBy<cairo_surface_destroy>>;
using Context = std::unique_ptr<cairo_t, FreedBy<cairo_destroy>>;
using Layout = std::unique_ptr<PangoLayout, FreedBy<g_object_unref>>;
using FontMap = std::unique_ptr<PangoFontMap, FreedBy<g_object_unref>>;

/// A pen on one page after the other. Text is laid out by Pango at a width, and takes the height it needs.
class Pages {
 public:
  Pages(cairo_surface_t* surface, PangoFontMap* fonts)
      : surface_(surface), cairo_(cairo_create(surface)), fonts_(fonts) {}

  cairo_t* cairo() { return cairo_.get(); }
  int page() const { return page_; }
  void new_page() {
    cairo_show_page(cairo_.get());
    ++page_;
  }

  enum class Align { kLeft, kRight };
  /// The height that the text takes; drawn at (x, y) where `draw`.
  double text(const std::string& words, double x, double y, double width, const Style& style,
              Align align = Align::kLeft, bool draw = true) {
    Layout layout = laid_out(words, width, style, align);
    int height = 0;
    pango_layout_get_size(layout.get(), nullptr, &height);
    if (draw) {
      set(style.colour);
      cairo_move_to(cairo_.get(), x, y);
      pango_cairo_show_layout(cairo_.get(), layout.get());
    }
    return static_cast<double>(height) / PANGO_SCALE;
  }
  /// The width of the text on one line.
  double width_of(const std::string& words, const Style& style) {
    Layout layout = laid_out(words, -1, style, Align::kLeft);
    int width = 0;
    pango_layout_get_size(layout.get(), &width, nullptr);
    return static_cast<double>(width) / PANGO_SCALE;
  }
  void rule(double x, double y, double width, double thickness, Colour colour) {
    box(x, y - thickness / 2, width, thickness, colour);
  }
  void box(double x, double y, double width, double height, Colour colour) {
    set(colour);
    cairo_rectangle(cairo_.get(), x, y, width, height);
    cairo_fill(cairo_.get());
  }

 private:
  void set(Colour colour) { cairo_set_source_rgb(cairo_.get(), colour.red, colour.green, colour.blue); }

  Layout laid_out(const std::string& words, double width, const Style& style, Align align) {
    std::unique_ptr<PangoContext, FreedBy<g_object_unref>> context(pango_font_map_create_context(fonts_));
    pango_cairo_context_set_resolution(context.get(), 72);
    std::unique_ptr<cairo_font_options_t, FreedBy<cairo_font_options_destroy>> options(
        cairo_font_options_create());
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context.get(), options.get());
    pango_context_set_language(context.get(), pango_language_from_string("zh-cn"));
    pango_context_set_round_glyph_positions(context.get(), FALSE);
    Layout layout(pango_layout_new(context.get()));
    std::unique_ptr<PangoFontDescription, FreedBy<pango_font_description_free>> font(
        pango_font_description_new());
    pango_font_description_set_family(font.get(), kPdfFont);
    pango_font_description_set_weight(font.get(), style.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font.get(), style.size * PANGO_SCALE);
    pango_layout_set_font_description(layout.get(), font.get());
    pango_layout_set_text(layout.get(), words.data(), static_cast<int>(words.size()));
    pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
    pango_layout_set_line_spacing(layout.get(), 0.95F);
    if (width >= 0) pango_layout_set_width(layout.get(), static_cast<int>(width * PANGO_SCALE));
    pango_layout_set_alignment(layout.get(), align == Align::kRight ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    return layout;
  }

  cairo_surface_t* surface_;
  Context cairo_;
  PangoFontMap* fonts_;
  int page_ = 1;
};

std::string both(const Words& words, const char* between = "  ") {
  if (words.zh.empty() || words.zh == words.en) return words.en;
  return words.en.empty() ? words.zh : words.en + between + words.zh;
}

/// Columns of the table, from the left.
constexpr double kAmountWidth = 100, kPriceWidth = 122, kQuantityWidth = 84;
constexpr double kAmountX = kMargin + kInner - kAmountWidth, kPriceX = kAmountX - kPriceWidth,
                 kQuantityX = kPriceX - kQuantityWidth;

/// Puts a sheet on pages. Run once to count them, and once more with the count in the footers.
class Setter {
 public:
  Setter(const Sheet& sheet, Pages& pages, int pages_in_all)
      : sheet_(sheet), pages_(pages), in_all_(pages_in_all) {}

  int run() {
    head();
    parties();
    facts();
    rows();
    totals();
    for (const SheetNote& note : sheet_.notes) set_note(note);
    footer();
    return pages_.page();
  }

 private:
  using Align = Pages::Align;

  void head() {
    pages_.box(0, 0, kWidth, 6, kAccent);
    double y = kTop;
    double title = pages_.width_of(sheet_.title.en, {24, true, kAccent});
    pages_.text(sheet_.title.en, kMargin, y, kInner, {24, true, kAccent});
    pages_.text(sheet_.title.zh, kMargin + title + 10, y + 8, kInner, {15, false, kAccent});
    Style large{16, true, kInk};
    double width = std::max(pages_.width_of(sheet_.amount.value, large),
                            pages_.width_of(both(sheet_.amount.label), kSmall)) +
                   28;
    double x = kMargin + kInner - width;
    pages_.box(x, y - 3, width, 46, kPanel);
    pages_.text(both(sheet_.amount.label), x, y + 3, width - 14, kSmall, Align::kRight);
    pages_.text(sheet_.amount.value, x, y + 13, width - 14, large, Align::kRight);
    y_ = y + 68;
  }

  double party(const PartyBlock& block, double x, double width) {
    double y = y_;
    y += pages_.text(both(block.role), x, y, width, kSmall) + 1;
    y += pages_.text(block.name.en, x, y, width, {11, true, kInk});
    if (block.name.zh != block.name.en) y += pages_.text(block.name.zh, x, y, width, kBody);
    for (const std::string& line : block.lines) y += pages_.text(line, x, y, width, kBody);
    y += block.facts.empty() ? 0 : 3;
    for (const Fact& fact : block.facts) y += labelled(fact, x, y, width);
    return y;
  }

  // The label, and the value behind it.
  double labelled(const Fact& fact, double x, double y, double width) {
    double label = pages_.width_of(both(fact.label), kSmall) + 8;
    pages_.text(both(fact.label), x, y + 1.5, label, kSmall);
    return pages_.text(fact.value, x + label, y, width - label, kBody);
  }

  void parties() {
    double half = (kInner - 30) / 2;
    double left = party(sheet_.from, kMargin, half), right = party(sheet_.to, kMargin + half + 30, half);
    y_ = std::max(left, right) + 16;
  }

  void facts() {
    constexpr int kColumns = 4;
    constexpr double kGap = 14, kColumn = (kInner - (kColumns - 1) * kGap) / kColumns;
    pages_.rule(kMargin, y_, kInner, 0.7, kRule);
    y_ += 8;
    for (std::size_t i = 0; i < sheet_.facts.size(); i += kColumns) {
      double height = 0;
      for (std::size_t k = i; k < std::min(sheet_.facts.size(), i + kColumns); ++k) {
        double x = kMargin + static_cast<double>(k - i) * (kColumn + kGap);
        // The last one may be long: it has the rest of its line.
        bool last = k + 1 == sheet_.facts.size();
        double width = last ? kMargin + kInner - x : kColumn;
        double used = pages_.text(both(sheet_.facts[k].label), x, y_, width, kSmall) + 0.5;
        used += pages_.text(sheet_.facts[k].value, x, y_ + used, width, kBody);
        height = std::max(height, used);
      }
      y_ += height + 7;
    }
    pages_.rule(kMargin, y_, kInner, 0.7, kRule);
    y_ += 18;
  }

  void footer() {
    double y = kHeight - 44;
    pages_.rule(kMargin, y - 7, kInner, 0.5, kRule);
    pages_.text(sheet_.from.name.en + "  ·  " + both(sheet_.title, " ") + "  " + sheet_.number, kMargin, y,
                kInner - 120, kSmall);
    std::string page = std::to_string(pages_.page()), all = std::to_string(in_all_);
    pages_.text("Page " + page + " of " + all + "  第 " + page + " 页，共 " + all + " 页", kMargin, y, kInner,
                kSmall, Align::kRight);
  }

  /// Room for `height` on this page, or a new one.
  bool room(double height) {
    if (y_ + height <= kBottom) return false;
    footer();
    pages_.new_page();
    pages_.box(0, 0, kWidth, 6, kAccent);
    y_ = kTop - 14;
    y_ += pages_.text(both(sheet_.title, " ") + "  " + sheet_.number, kMargin, y_, kInner, kSmall) + 10;
    return true;
  }

  void table_head() {
    pages_.text(both({"Use", "用量"}), kMargin, y_, 150, kSmall);
    pages_.text(both({"Quantity", "数量"}), kQuantityX, y_, kQuantityWidth, kSmall, Align::kRight);
    pages_.text(both(sheet_.unit_price_label), kPriceX, y_, kPriceWidth, kSmall, Align::kRight);
    pages_.text(both({"Amount", "金额"}), kAmountX, y_, kAmountWidth, kSmall, Align::kRight);
    y_ += 14;
    pages_.rule(kMargin, y_, kInner, 1.2, kAccent);
    y_ += 4;
  }

  void rows() {
    if (sheet_.rows.empty()) return;
    table_head();
    for (std::size_t i = 0; i < sheet_.rows.size(); ++i) {
      const SheetRow& row = sheet_.rows[i];
      double width = row.heading ? kInner - 150 : kQuantityX - kMargin - 8;
      std::string first = row.heading && row.first.en == row.first.zh ? row.first.en : both(row.first);
      double height = pages_.text(first, 0, 0, width, row.heading ? kStrong : kBody, Align::kLeft, false);
      // A model's name never stands alone at the foot of a page.
      if (room(height + (row.heading ? 34 : 6))) table_head();
      if (row.heading) y_ += 5;
      pages_.text(first, kMargin, y_, width, row.heading ? kStrong : kBody);
      if (row.heading) {
        pages_.text(row.amount, kMargin + kInner - 150, y_ + 1, 150, kSmall, Align::kRight);
      } else {
        pages_.text(row.quantity, kQuantityX - 20, y_, kQuantityWidth + 20, kBody, Align::kRight);
        pages_.text(row.unit_price, kPriceX, y_, kPriceWidth, kBody, Align::kRight);
        pages_.text(row.amount, kAmountX, y_, kAmountWidth, kBody, Align::kRight);
      }
      y_ += height + 2.5;
      pages_.rule(kMargin, y_, kInner, 0.4, kRule);
      y_ += 2.5;
    }
    y_ += 10;
  }

  // All together on one page.
  void totals() {
    constexpr double kLeft = kMargin + 150, kLabel = 210;
    double height = 26 + 15 * static_cast<double>(sheet_.totals.size());
    room(height);
    for (const SheetTotal& total : sheet_.totals) {
      Style style = total.strong ? Style{11, true, kInk} : kBody;
      if (total.strong) {
        y_ += 5;
        pages_.rule(kLeft, y_, kMargin + kInner - kLeft, 1.2, kAccent);
        y_ += 5;
      }
      double label = pages_.width_of(both(total.label), style) + 8;
      double value = pages_.width_of(total.value, style) + 4;
      double right = kMargin + kInner - kLeft;
      pages_.text(both(total.label), kLeft, y_, kLabel + 60, style);
      double used = pages_.text(total.value, kLeft, y_, right, style, Align::kRight);
      if (!total.note.empty() && right - label - value > 40)
        used = std::max(
            used, 1.5 + pages_.text(total.note, kLeft + label, y_ + 1.5, right - label - value, kSmall));
      y_ += used + 3;
    }
    y_ += 16;
  }

  double paragraph(const Words& words, bool draw) {
    double y = y_;
    if (!words.en.empty()) y += pages_.text(words.en, kMargin, y, kInner, kBody, Align::kLeft, draw);
    if (!words.zh.empty() && words.zh != words.en)
      y += pages_.text(words.zh, kMargin, y, kInner, {8.5, false, kSoft}, Align::kLeft, draw);
    return y + 4 - y_;
  }

  double note_fact(const Fact& fact, bool draw) {
    constexpr double kLabel = 118;
    double height = pages_.text(both(fact.label), kMargin, y_ + 0.7, kLabel, kSmall, Align::kLeft, draw);
    Style style{fact.value.size() > 90 ? 7.0 : 7.5, false, kInk};
    return std::max(height, pages_.text(fact.value, kMargin + kLabel, y_, kInner - kLabel, style,
                                        Align::kLeft, draw)) +
           2;
  }

  void set_note(const SheetNote& note) {
    // A note stays together where it fits on a page; else its heading with what comes first under it.
    double whole = 18;
    for (const Words& words : note.paragraphs) whole += paragraph(words, false);
    for (const Fact& fact : note.facts) whole += note_fact(fact, false);
    double first = note.paragraphs.empty() ? 20 : paragraph(note.paragraphs[0], false);
    room(whole < (kBottom - kTop) / 2 ? whole : 18 + first);
    y_ += pages_.text(both(note.heading), kMargin, y_, kInner, {9.5, true, kAccent}) + 3;
    for (const Words& words : note.paragraphs) {
      room(paragraph(words, false));
      y_ += paragraph(words, true);
    }
    y_ += note.paragraphs.empty() ? 0 : 2;
    for (const Fact& fact : note.facts) {
      room(note_fact(fact, false));
      y_ += note_fact(fact, true);
    }
    y_ += 12;
  }

  const Sheet& sheet_;
  Pages& pages_;
  int in_all_;
  double y_ = 0;
};

cairo_status_t append(void* text, const unsigned char* bytes, unsigned int count) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

bool has_font(PangoFontMap* fonts) {
  PangoFontFamily* family = pango_font_map_get_family(fonts, kPdfFont);
  return family != nullptr && g_ascii_strcasecmp(pango_font_family_get_name(family), kPdfFont) == 0;
}

Result<int> set_pages(const Sheet& sheet, PangoFontMap* fonts, int in_all, std::string* out) {
  std::string unused;
  Surface surface(
      cairo_pdf_surface_create_for_stream(append, out != nullptr ? out : &unused, kWidth, kHeight));
  cairo_pdf_surface_restrict_to_version(surface.get(), CAIRO_PDF_VERSION_1_5);
  std::string issued = to_rfc3339({sheet.issued.ns / 1'000'000'000 * 1'000'000'000});
  for (auto [field, value] :
       {std::pair{CAIRO_PDF_METADATA_TITLE, sheet.title.en + " " + sheet.number},
        std::pair{CAIRO_PDF_METADATA_AUTHOR, sheet.from.name.en},
        std::pair{CAIRO_PDF_METADATA_CREATOR, std::string("ciyuan")},
        std::pair{CAIRO_PDF_METADATA_CREATE_DATE, issued}, std::pair{CAIRO_PDF_METADATA_MOD_DATE, issued}})
    cairo_pdf_surface_set_metadata(surface.get(), field, value.c_str());
  int count = 0;
  {
    Pages pages(surface.get(), fonts);
    count = Setter(sheet, pages, in_all).run();
    if (cairo_status(pages.cairo()) != CAIRO_STATUS_SUCCESS)
      return Error{ErrorCode::kInternal, cairo_status_to_string(cairo_status(pages.cairo())), sheet.number};
  }
  cairo_surface_finish(surface.get());
  if (cairo_status_t status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS)
    return Error{ErrorCode::kInternal, cairo_status_to_string(status), sheet.number};
  if (count > kPdfPagesMax)
    return Error{ErrorCode::kTooLarge, "has more than " + std::to_string(kPdfPagesMax) + " pages",
                 sheet.number};
  return count;
}

Result<std::string> draw_pdf(const Sheet& sheet) {
  FontMap fonts(pango_cairo_font_map_new());
  if (!has_font(fonts.get()))
    return Error{ErrorCode::kUnavailable,
                 std::string("the font ") + kPdfFont +
                     " is not installed (Debian: fonts-noto-cjk); the HTML needs none",
                 "pdf"};
  CIYUAN_TRY(int pages, set_pages(sheet, fonts.get(), 0, nullptr));
  std::string pdf;
  CIYUAN_TRY(int again, set_pages(sheet, fonts.get(), pages, &pdf));
  CIYUAN_CHECK(again == pages, "a sheet takes the same pages twice");
  return pdf;
}

}  // namespace

}  // namespace ciyuan::report

extern "C" __attribute__((visibility("default"))) void ciyuan_draw_pdf(const ciyuan::report::Sheet& sheet,
                                                                       ciyuan::Result<std::string>& pdf) {
  pdf = ciyuan::report::draw_pdf(sheet);
}
