#include "report/sheet.h"

#include <algorithm>
#include <map>

#include "contract/limit.h"
#include "report/money.h"
#include "report/papers.h"
#include "report/period.h"
#include "tlog/checkpoint.h"

namespace ciyuan::report {
namespace {

const std::map<std::string, Words, std::less<>> kKinds = {
    {"input", {"Input", "输入"}},
    {"cache_read", {"Cache read", "缓存读取"}},
    {"cache_write", {"Cache write", "缓存写入"}},
    {"output", {"Output", "输出"}},
    {"reasoning", {"Reasoning", "推理"}},
    {"tool", {"Tool calls", "工具调用"}},
    {"request", {"Requests, price each", "请求，每次价"}}};
// Rules of a price book, as a period's close applies them.
const std::map<std::string, Words, std::less<>> kRules = {
    {"graduated", {"Graduated price", "阶梯价差额"}},
    {"volume", {"Volume price", "总量价差额"}},
    {"package", {"Whole blocks", "整包计价差额"}},
    {"free", {"Free grant", "免费额度"}},
    {"discount", {"Discount", "折扣"}},
    {"surcharge", {"Surcharge", "附加费"}},
    {"fee", {"Fee", "费用"}},
    {"minimum", {"Minimum charge, the rest of it", "最低消费补足"}},
    {"commitment", {"Commitment, the rest of it", "承诺用量补足"}},
    {"rounding", {"Rounding by the price book", "价目表舍入"}},
    {"paid", {"Paid from the balance", "已由预付余额支付"}}};
const std::map<std::string, Words, std::less<>> kRoundings = {
    {"half_even", {"half to even", "四舍六入五成双"}},
    {"half_up", {"half up", "四舍五入"}},
    {"up", {"up", "进位"}},
    {"down", {"down", "舍位"}}};
const std::map<std::string, Words, std::less<>> kReasons = {
    {"dispute_upheld", {"A dispute was upheld", "异议成立"}},
    {"service_failure", {"Service failure", "服务故障"}},
    {"price_error", {"Wrong price", "价格有误"}},
    {"counting_error", {"Wrong count", "计量有误"}},
    {"goodwill", {"Goodwill", "商业让步"}},
    {"other", {"Other", "其他"}}};

Words words_for(const std::map<std::string, Words, std::less<>>& names, const std::string& name) {
  auto found = names.find(name);
  return found == names.end() ? Words{name, name} : found->second;
}

Words both(const Json& text, const std::string& fallback) {
  return {words_in(text, "en", fallback), words_in(text, "zh", fallback)};
}

const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

PartyBlock party_block(const Json& party, Words role) {
  PartyBlock block;
  block.role = std::move(role);
  block.name = both(member(party, "title"), text_at(party, "name"));
  const Json& address = member(party, "address");
  for (const char* language : {"en", "zh"})
    for (std::string& line : lines_of(text_at(address, language))) block.lines.push_back(std::move(line));
  if (std::string id = text_at(party, "tax_id"); !id.empty())
    block.facts.push_back({{"Tax ID", "纳税人识别号"}, id});
  if (std::string contact = text_at(party, "contact"); !contact.empty())
    block.facts.push_back({{"Contact", "联系方式"}, contact});
  return block;
}

std::size_t decimals_in(const std::string& text) {
  std::size_t point = text.find('.');
  return point == text.npos ? 0 : text.size() - point - 1;
}

/// As many decimals as the longest needs, so that points stand under each other.
std::string padded(std::string text, std::size_t decimals) {
  std::size_t have = decimals_in(text);
  if (have == 0 && decimals > 0) text += '.';
  if (have < decimals) text.append(decimals - have, '0');
  return grouped(text);
}

// Token prices are read by the million, as price lists have them.
Result<std::string> shown_price(const std::string& kind, const std::string& unit_price) {
  CIYUAN_TRY(Amount price, parse_decimal(unit_price, contract::kMoneyScale));
  if (kind == "request") return unit_price;
  std::optional<Amount> million = checked_multiply(price, 1'000'000);
  if (!million) return Error{ErrorCode::kCorrupt, "a price leaves 128 bits", unit_price};
  return format_decimal(*million, contract::kMoneyScale);
}

// What the close of a billing period added: the rule, of what, and the price line that says so.
SheetRow closing_row(const Json& line, std::size_t amount_decimals) {
  Words rule = words_for(kRules, text_at(line, "kind"));
  if (const std::string model = text_at(line, "model"); !model.empty()) {
    const Words kind = words_for(kKinds, text_at(line, "of_kind"));
    rule.en += ": " + model + ", " + kind.en;
    rule.zh += "：" + model + "，" + kind.zh;
  } else if (const std::string id = text_at(line, "line"); !id.empty() && id != text_at(line, "kind")) {
    rule.en += ": " + id;
    rule.zh += "：" + id;
  }
  return {.heading = false,
          .first = std::move(rule),
          .quantity = text_at(line, "quantity") == "1" ? "" : grouped(text_at(line, "quantity")),
          .unit_price = "",
          .amount = padded(text_at(line, "amount"), amount_decimals)};
}

SheetRow package_row(const Json& line, std::size_t amount_decimals) {
  return {.heading = false,
          .first = {text_at(line, "package"), text_at(line, "package")},
          .quantity = grouped(text_at(line, "ciyuan")) + " Ciyuan 词元",
          .unit_price = "",
          .amount = padded(text_at(line, "amount"), amount_decimals)};
}

Status add_rows(Sheet& sheet, const Json& paper) {
  std::size_t amount_decimals = 2, price_decimals = 2;
  std::map<std::string, std::vector<std::pair<const Json*, std::string>>> models;
  std::map<std::string, std::vector<const Json*>> closings;
  std::vector<const Json*> packages;
  for (const Json& line : paper.at("lines")) {
    amount_decimals = std::max(amount_decimals, decimals_in(text_at(line, "amount")));
    if (line.contains("closing")) {
      closings[text_at(line, "closing")].push_back(&line);
      continue;
    }
    if (line.contains("package")) {
      packages.push_back(&line);
      continue;
    }
    CIYUAN_TRY(std::string price, shown_price(text_at(line, "kind"), text_at(line, "unit_price")));
    price_decimals = std::max(price_decimals, decimals_in(price));
    models[text_at(line, "model")].emplace_back(&line, price);
  }
  for (const auto& [model, lines] : models) {
    SheetRow heading{
        .heading = true, .first = {model, model}, .quantity = "", .unit_price = "", .amount = ""};
    if (std::string ciyuan = text_at(member(paper, "model_ciyuan"), model); !ciyuan.empty())
      heading.amount = grouped(ciyuan) + " Ciyuan 词元";
    sheet.rows.push_back(std::move(heading));
    for (const auto& [line, price] : lines) {
      Words kind = words_for(kKinds, text_at(*line, "kind"));
      if (line->value("adjustment", false)) {
        kind.en += " (correction)";
        kind.zh += "（往期更正）";
      }
      sheet.rows.push_back({.heading = false,
                            .first = kind,
                            .quantity = grouped(text_at(*line, "quantity")),
                            .unit_price = padded(price, price_decimals),
                            .amount = padded(text_at(*line, "amount"), amount_decimals)});
    }
  }
  for (const auto& [name, lines] : closings) {
    const std::string period = text_at(*lines.front(), "period");
    sheet.rows.push_back({.heading = true,
                          .first = {"Close of " + period, period + " 期末结转"},
                          .quantity = "",
                          .unit_price = "",
                          .amount = ""});
    for (const Json* line : lines) sheet.rows.push_back(closing_row(*line, amount_decimals));
  }
  if (!packages.empty())
    sheet.rows.push_back({.heading = true,
                          .first = {"Packages bought", "购买的资源包"},
                          .quantity = "",
                          .unit_price = "",
                          .amount = ""});
  for (const Json* line : packages) sheet.rows.push_back(package_row(*line, amount_decimals));
  return {};
}

std::string with_currency(const std::string& amount, const std::string& currency) {
  return currency + " " + grouped(amount);
}

void add_totals(Sheet& sheet, const Json& paper) {
  std::string currency = text_at(paper, "currency"), used = text_at(paper, "usage_currency");
  auto total = [&](Words label, std::string note, std::string value, bool strong = false) {
    sheet.totals.push_back({std::move(label), std::move(note), std::move(value), strong});
  };
  total({"Sum of the lines", "明细合计"}, "", with_currency(text_at(paper, "sum"), used));
  Words rounding = words_for(kRoundings, text_at(paper.at("rounding"), "mode"));
  if (const Json& exchange = member(paper, "exchange"); exchange.is_object()) {
    total({"Exchange rate", "汇率"}, text_at(exchange, "date") + " · " + text_at(exchange, "source"),
          "1 " + used + " = " + text_at(exchange, "rate") + " " + currency);
  } else {
    total({"Rounding", "舍入"}, rounding.en + " " + rounding.zh,
          with_currency(text_at(paper.at("rounding"), "difference"), currency));
  }
  total({"Net amount", "不含税金额"}, "", with_currency(text_at(paper, "net"), currency));
  for (const Json& tax : paper.at("taxes")) {
    const bool contained = tax.value("contained", false);
    total(both(tax.at("name"), "tax"),
          text_at(tax, "percent") + " %" + (contained ? ", contained in the prices 价内税" : ""),
          with_currency(text_at(tax, "amount"), currency));
  }
  total({"Total due", "应付总额"}, "", with_currency(text_at(paper, "gross"), currency), true);
}

// "example.com/log, 70000 leaves, root …" of the signed note.
void add_checkpoint(SheetNote& note, const std::string& checkpoint) {
  Result<tlog::Note> parsed = tlog::parse_note(checkpoint);
  if (!parsed.ok()) return;
  Result<tlog::Checkpoint> point = tlog::parse_checkpoint(parsed->text);
  if (!point.ok()) return;
  note.facts.push_back({{"Log", "日志"}, point->origin});
  note.facts.push_back({{"Checkpoint", "检查点"}, grouped(std::to_string(point->size)) + " leaves 叶"});
  note.facts.push_back({{"Root of the log", "日志根"}, to_hex(point->root)});
}

SheetNote proof_note(const Json& paper) {
  SheetNote note{.heading = {"Proof", "凭证"}, .paragraphs = {}, .facts = {}};
  const Json& proof = paper.at("proof");
  note.paragraphs.push_back(
      {"Each line is the sum of usage records in a public Merkle log. With the log's key anyone can check a "
       "record's receipt, and with the records the root below.",
       "每一行均为公开默克尔日志中用量记录之和。凭日志公钥可验证任一记录的回执，凭全部记录可重算下列根值。"});
  std::string leaves;
  if (proof.contains("first_leaf"))
    leaves =
        ", leaves 叶 " + grouped(text_at(proof, "first_leaf")) + " – " + grouped(text_at(proof, "last_leaf"));
  note.facts.push_back({{"Records", "记录"}, grouped(text_at(proof, "records")) + leaves});
  note.facts.push_back({{"Root of the records", "记录根"}, text_at(proof, "records_root")});
  add_checkpoint(note, text_at(proof, "checkpoint"));
  note.facts.push_back({{"Contract digest", "合同摘要"}, text_at(paper.at("contract"), "digest")});
  return note;
}

void add_invoice_notes(Sheet& sheet, const Json& paper) {
  SheetNote pay{.heading = {"Payment", "付款"}, .paragraphs = {}, .facts = {}};
  std::string due = text_at(paper, "due"), days = std::to_string(paper.at("due_days").get<int>());
  pay.paragraphs.push_back(
      {"Please pay by " + due + " (" + days + " days from the date of issue) and name the number " +
           sheet.number + ".",
       "请于 " + due + "（自开具之日起 " + days + " 天内）付款，并注明编号 " + sheet.number + "。"});
  if (std::string disputes = std::to_string(paper.at("dispute_days").get<int>()); disputes != "0")
    pay.paragraphs.push_back(
        {"An amount can be disputed within " + disputes + " days from the proposal of the settlement.",
         "可自结算提议之日起 " + disputes + " 天内提出异议。"});
  const Json& bank = member(paper.at("issuer"), "bank");
  if (bank.is_object()) pay.facts.push_back({{"Account", "收款账户"}, words_in(bank, "en")});
  if (bank.is_object() && bank.contains("zh") && bank.contains("en"))
    pay.facts.back().value += " · " + text_at(bank, "zh");
  if (const Json& terms = member(paper, "terms"); terms.is_object())
    pay.paragraphs.push_back({text_at(terms, "en"), text_at(terms, "zh")});
  if (text_at(paper, "currency") == "CNY")
    pay.paragraphs.push_back(
        {"This bill does not replace a VAT invoice (fapiao).", "本账单不替代增值税发票。"});
  sheet.notes.push_back(std::move(pay));
  sheet.notes.push_back(proof_note(paper));
}

std::string period_text(const Json& period) {
  int offset = period.value("utc_offset_minutes", 0);
  Result<TimePoint> from = parse_rfc3339(text_at(period, "from")), to = parse_rfc3339(text_at(period, "to"));
  if (!from.ok() || !to.ok()) return "";
  auto whole_day = [&](TimePoint time) { return window_of(time, Window::kDay, offset).start == time; };
  if (!whole_day(*from) || !whole_day(*to))
    return minute_text(*from, offset) + " – " + minute_text(*to, offset) + " (" + offset_text(offset) + ")";
  TimePoint last{to->ns - 1};
  return date_text(*from, offset) + " – " + date_text(last, offset) + " (" + offset_text(offset) + ")";
}

void add_invoice(Sheet& sheet, const Json& paper) {
  sheet.title = {"Invoice", "账单"};
  sheet.facts.push_back({{"Due", "付款期限"}, text_at(paper, "due")});
  sheet.facts.push_back({{"Period", "计费期间"}, period_text(paper.at("period"))});
  sheet.facts.push_back({{"Calls", "调用次数"}, grouped(text_at(paper, "calls"))});
  sheet.facts.push_back({{"Use in Ciyuan", "词元用量"}, grouped(text_at(paper, "ciyuan"))});
  sheet.amount = {{"Total due", "应付总额"},
                  with_currency(text_at(paper, "gross"), text_at(paper, "currency"))};
  sheet.unit_price_label = {"Per million, " + text_at(paper, "usage_currency"), "每百万单价"};
  add_totals(sheet, paper);
  add_invoice_notes(sheet, paper);
}

void add_credit_note(Sheet& sheet, const Json& paper) {
  sheet.title = {"Credit note", "贷记通知单"};
  std::string currency = text_at(paper, "currency");
  Result<TimePoint> invoiced = parse_rfc3339(text_at(paper, "invoice_issued"));
  int offset = paper.at("period").value("utc_offset_minutes", 0);
  sheet.facts.push_back({{"For invoice", "对应账单"}, text_at(paper, "invoice")});
  if (invoiced.ok()) sheet.facts.push_back({{"Invoiced", "账单日期"}, date_text(*invoiced, offset)});
  sheet.facts.push_back({{"Period", "计费期间"}, period_text(paper.at("period"))});
  sheet.amount = {{"Total credited", "贷记总额"}, with_currency(text_at(paper, "gross"), currency)};
  sheet.totals = {
      {{"Net amount", "不含税金额"}, "", with_currency(text_at(paper, "net"), currency), false},
      {{"Tax", "税额"}, "", with_currency(text_at(paper, "tax"), currency), false},
      {{"Total credited", "贷记总额"}, "", with_currency(text_at(paper, "gross"), currency), true}};
  SheetNote reason{.heading = {"Reason", "原因"},
                   .paragraphs = {words_for(kReasons, text_at(paper, "reason"))},
                   .facts = {}};
  if (std::string text = text_at(paper, "text"); !text.empty()) reason.paragraphs.push_back({text, ""});
  sheet.notes.push_back(std::move(reason));
}

}  // namespace

Result<Sheet> sheet_of(const Json& paper) {
  Sheet sheet;
  try {  // the JSON library throws for a member that is not there or of another type
    sheet.number = text_at(paper, "name");
    CIYUAN_TRY(sheet.issued, parse_rfc3339(text_at(paper, "issued")));
    int offset = paper.at("period").value("utc_offset_minutes", 0);
    sheet.from = party_block(paper.at("issuer"), {"From", "开具方"});
    sheet.to = party_block(paper.at("recipient"), {"Bill to", "付款方"});
    sheet.facts.push_back({{"Number", "编号"}, sheet.number});
    sheet.facts.push_back({{"Issued", "开具日期"}, date_text(sheet.issued, offset)});
    bool credits = text_at(paper, "kind") == "CreditNote";
    if (!credits) CIYUAN_TRY_STATUS(add_rows(sheet, paper));
    credits ? add_credit_note(sheet, paper) : add_invoice(sheet, paper);
    const Json& contract = paper.at("contract");
    std::string title = words_in(member(contract, "title"), "en");
    sheet.facts.push_back(
        {{"Contract", "合同"}, text_at(contract, "name") + (title.empty() ? "" : " · " + title)});
  } catch (const std::exception& error) {
    return Error{ErrorCode::kCorrupt, std::string("the paper lacks a member: ") + error.what(),
                 text_at(paper, "name")};
  }
  return sheet;
}

}  // namespace ciyuan::report
