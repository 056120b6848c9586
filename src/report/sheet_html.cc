#include "report/sheet.h"

namespace ciyuan::report {
namespace {

constexpr const char* kStyle = R"(
:root { --ink: #1b2430; --soft: #5d6875; --line: #d8dee4; --accent: #0f4c5c; --panel: #f1f5f7; }
* { box-sizing: border-box; }
body { margin: 0; background: #e6eaee; color: var(--ink);
  font: 14px/1.5 "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif; }
main { max-width: 860px; margin: 32px auto; padding: 56px 60px; background: #fff; border-top: 6px solid var(--accent);
  box-shadow: 0 1px 12px rgb(27 36 48 / 12%); }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 32px; }
h1 { margin: 0; font-size: 34px; line-height: 1.2; color: var(--accent); letter-spacing: -.01em; }
h1 [lang=zh] { font-size: 24px; font-weight: 400; margin-left: .5em; }
.amount { text-align: right; background: var(--panel); padding: 12px 18px; border-radius: 6px; }
.amount strong { display: block; font-size: 24px; line-height: 1.3; white-space: nowrap; }
.label { color: var(--soft); font-size: 12px; }
.label [lang=zh] { margin-left: .4em; }
.parties { display: grid; grid-template-columns: 1fr 1fr; gap: 40px; margin: 36px 0 28px; }
.parties h2 { margin: 2px 0 0; font-size: 16px; }
.parties p { margin: 0; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px 24px; margin: 0;
  padding: 16px 0; border: solid var(--line); border-width: 1px 0; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.facts > div:last-child { grid-column: span 2; }
table { width: 100%; border-collapse: collapse; margin-top: 28px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; padding: 6px 0; border-bottom: 2px solid var(--accent); }
td { padding: 5px 0; border-bottom: 1px solid var(--line); }
th.number, td.number { text-align: right; padding-left: 18px; white-space: nowrap; }
tr.model td { padding-top: 14px; font-weight: 700; overflow-wrap: anywhere; }
tr.model td.number { font-weight: 400; color: var(--soft); font-size: 12px; }
td [lang=zh] { color: var(--soft); margin-left: .5em; }
table.totals { width: auto; min-width: 60%; margin: 20px 0 0 auto; }
table.totals td { border: 0; padding: 3px 0; }
table.totals .note { color: var(--soft); font-size: 12px; margin-left: .6em; }
table.totals tr.strong td { border-top: 2px solid var(--accent); font-weight: 700; font-size: 17px; padding-top: 8px; }
section { margin-top: 30px; break-inside: avoid; }
section h3 [lang=zh] { margin-left: .4em; }
section h3 { margin: 0 0 6px; font-size: 14px; color: var(--accent); }
section p { margin: 0 0 6px; }
section p [lang=zh] { display: block; color: var(--soft); }
section dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 20px; margin: 8px 0 0; font-size: 12px; }
section dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 700px) { main { margin: 0; padding: 28px 20px; } header, .parties { display: block; } .facts { grid-template-columns: 1fr 1fr; }
  .amount { margin-top: 18px; text-align: left; } .parties > div + div { margin-top: 18px; } td [lang=zh] { display: block; margin: 0; }
  th.number, td.number { padding-left: 8px; font-size: 13px; } }
@media print { body { background: #fff; font-size: 10.5px; } main { margin: 0; padding: 0; max-width: none; box-shadow: none; border: 0; }
  tr { break-inside: avoid; } thead { display: table-header-group; } @page { size: A4; margin: 18mm; } }
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string both(const Words& words) {
  std::string out;
  if (!words.en.empty()) out += "<span lang=\"en\">" + escaped(words.en) + "</span>";
  if (!words.zh.empty() && words.zh != words.en) out += "<span lang=\"zh\">" + escaped(words.zh) + "</span>";
  return out;
}

std::string label(const Words& words) { return "<span class=\"label\">" + both(words) + "</span>"; }

std::string party(const PartyBlock& block) {
  std::string out = "<div>" + label(block.role) + "<h2>" + escaped(block.name.en) + "</h2>";
  if (block.name.zh != block.name.en) out += "<p lang=\"zh\">" + escaped(block.name.zh) + "</p>";
  for (const std::string& line : block.lines) out += "<p>" + escaped(line) + "</p>";
  for (const Fact& fact : block.facts) out += "<p>" + label(fact.label) + " " + escaped(fact.value) + "</p>";
  return out + "</div>\n";
}

std::string table(const Sheet& sheet) {
  if (sheet.rows.empty()) return "";
  std::string out = "<table>\n<thead><tr><th>" + label({"Use", "用量"}) + "</th><th class=\"number\">" +
                    label({"Quantity", "数量"}) + "</th><th class=\"number\">" +
                    label(sheet.unit_price_label) + "</th><th class=\"number\">" + label({"Amount", "金额"}) +
                    "</th></tr></thead>\n<tbody>\n";
  for (const SheetRow& row : sheet.rows) {
    if (row.heading)
      // A model's name is the same in both.
      out += "<tr class=\"model\"><td colspan=\"3\">" +
             (row.first.en == row.first.zh ? escaped(row.first.en) : both(row.first)) +
             "</td><td class=\"number\">" + escaped(row.amount) + "</td></tr>\n";
    else
      out += "<tr><td>" + both(row.first) + "</td><td class=\"number\">" + escaped(row.quantity) +
             "</td><td class=\"number\">" + escaped(row.unit_price) + "</td><td class=\"number\">" +
             escaped(row.amount) + "</td></tr>\n";
  }
  return out + "</tbody>\n</table>\n";
}

std::string note(const SheetNote& one) {
  std::string out = "<section><h3>" + both(one.heading) + "</h3>\n";
  for (const Words& words : one.paragraphs) out += "<p>" + both(words) + "</p>\n";
  if (!one.facts.empty()) {
    out += "<dl>";
    for (const Fact& fact : one.facts)
      out += "<dt>" + label(fact.label) + "</dt><dd>" + escaped(fact.value) + "</dd>\n";
    out += "</dl>";
  }
  return out + "</section>\n";
}

}  // namespace

std::string html_of(const Sheet& sheet) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      escaped(sheet.title.en + " " + sheet.number) + "</title>\n<style>" + kStyle +
      "</style>\n</head>\n<body>\n<main>\n<header><h1>" + both(sheet.title) + "</h1><div class=\"amount\">" +
      label(sheet.amount.label) + "<strong>" + escaped(sheet.amount.value) + "</strong></div></header>\n";
  out += "<div class=\"parties\">\n" + party(sheet.from) + party(sheet.to) + "</div>\n<dl class=\"facts\">\n";
  for (const Fact& fact : sheet.facts)
    out += "<div><dt>" + label(fact.label) + "</dt><dd>" + escaped(fact.value) + "</dd></div>\n";
  out += "</dl>\n" + table(sheet) + "<table class=\"totals\"><tbody>\n";
  for (const SheetTotal& total : sheet.totals)
    out += std::string("<tr") + (total.strong ? " class=\"strong\"" : "") + "><td>" + both(total.label) +
           (total.note.empty() ? "" : "<span class=\"note\">" + escaped(total.note) + "</span>") +
           "</td><td class=\"number\">" + escaped(total.value) + "</td></tr>\n";
  out += "</tbody></table>\n";
  for (const SheetNote& one : sheet.notes) out += note(one);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace ciyuan::report
