#pragma once

/// What an invoice or a credit note says, in both languages and in the order of reading, before anything is
/// drawn. The HTML and the PDF are made of it, so they cannot say different things.
///
///   CIYUAN_TRY(Sheet sheet, sheet_of(invoice));
///   std::string page = html_of(sheet);
///   CIYUAN_TRY(std::string pdf, pdf_of(sheet));
///
/// Pure functions of the paper: the same paper gives the same bytes (the PDF's as long as the font is the
/// same). Any thread, one PDF at a time for each.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::report {

struct Words {
  std::string en, zh;
};
struct Fact {
  Words label;
  std::string value;
};
struct PartyBlock {
  Words role, name;
  std::vector<std::string> lines;  ///< address, one a line
  std::vector<Fact> facts;         ///< tax id, contact
};
struct SheetRow {
  bool heading = false;  ///< a model: its name, and its Ciyuan in the last cell
  Words first;
  std::string quantity, unit_price, amount;
};
struct SheetTotal {
  Words label;
  std::string note;  ///< "6 %", the rate and its day
  std::string value;
  bool strong = false;
};
struct SheetNote {
  Words heading;
  std::vector<Words> paragraphs;
  std::vector<Fact> facts;
};

struct Sheet {
  Words title;
  std::string number;
  TimePoint issued;
  PartyBlock from, to;
  std::vector<Fact> facts;
  Fact amount;  ///< what is to be paid, with its currency
  std::vector<SheetRow> rows;
  std::vector<SheetTotal> totals;
  std::vector<SheetNote> notes;
  Words unit_price_label;
};

/// kCorrupt: the paper lacks what it must have.
Result<Sheet> sheet_of(const Json& paper);

/// One file without anything to load, fit for the screen and for paper.
std::string html_of(const Sheet& sheet);

/// A4 pages with the fonts in them, numbered. kUnavailable: the font is not installed, or the module that
/// draws (ciyuan_pdf.so, beside the program) is not there.
Result<std::string> pdf_of(const Sheet& sheet);
inline constexpr const char* kPdfFont = "Noto Sans CJK SC";  ///< Debian: fonts-noto-cjk
constexpr int kPdfPagesMax = 2000;

}  // namespace ciyuan::report
