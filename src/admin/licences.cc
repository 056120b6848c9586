/// Licences: vouchers for devices that count offline, and what they report.
///
/// A device's Ciyuan of a term are put on its account once; a voucher moves a part of them to
/// "…/held"; a report moves what was used from there to "licensed/NAME/CIYUAN"; the voucher's end moves the
/// rest back. Each step is one command of the clerk: paper and postings, or neither.

#include "admin/licences.h"

#include <algorithm>

#include "admin/internal/handlers.h"
#include "base/canonical_json.h"
#include "contract/limit.h"
#include "licence/chain.h"
#include "price/book.h"
#include "report/papers.h"

namespace ciyuan::admin {
namespace {

using contract::Licence;
using report::text_at;

static_assert(licence::kCiyuanScale == contract::kCiyuanScale, "a voucher counts as the ledger does");

constexpr std::size_t kPage = 1000;
constexpr std::size_t kOpenVouchersMax = 16;    ///< of one device
constexpr std::size_t kRefusedReportsMax = 20;  ///< kept with a voucher
constexpr std::int64_t kQuantaDefault = 1000;

std::string decimal(Amount amount) { return format_decimal(amount, contract::kCiyuanScale); }

Result<Amount> amount_at(const Json& paper, const char* member) {
  return parse_decimal(text_at(paper, member), contract::kCiyuanScale);
}

std::string device_account(const Licence& licence, const std::string& device) {
  return licence.account("device=" + device);
}

Error refused(const Licence& licence, std::string message) {
  return {ErrorCode::kRefused, std::move(message), licence.clause()};
}

/// A command being put together; postings of nothing are left out.
class Step {
 public:
  Step(ApiParts& parts, const std::string& actor) : parts_(parts) {
    command_.at = parts.clock();
    command_.actor = actor;
  }
  Status paper(const Json& value) {
    CIYUAN_TRY(std::string canonical, canonical_json(value));
    command_.papers.push_back({text_at(value, "kind"), text_at(value, "name"), std::move(canonical)});
    return {};
  }
  void move(const std::string& what, const std::string& debit, const std::string& credit, Amount amount) {
    if (amount <= Amount()) return;
    clerk::Post post;
    post.id = id_from_content("licence/" + what);
    post.debit = debit;
    post.credit = credit;
    post.unit = "CIYUAN";
    post.amount = amount;
    post.memo = what;
    command_.postings.push_back(std::move(post));
  }
  Result<std::uint64_t> take() { return settle(parts_, std::move(command_)); }

 private:
  ApiParts& parts_;
  clerk::Settle command_;
};

/// The device's Ciyuan of the term, put on its account; again where the licence has become a larger one.
Status grant(ApiParts& parts, const Licence& licence, const std::string& account, const std::string& actor) {
  CIYUAN_TRY(std::optional<Json> before, report::find_paper(*parts.reader, "LicenceTerm", account));
  Amount granted;
  if (before) {
    CIYUAN_TRY(granted, amount_at(*before, "granted"));
  }
  if (granted >= licence.ciyuan) return {};
  Step step(parts, actor);
  CIYUAN_TRY_STATUS(step.paper({{"kind", "LicenceTerm"},
                                {"name", account},
                                {"licence", licence.name},
                                {"granted", decimal(licence.ciyuan)}}));
  step.move("grant/" + account + "/" + decimal(licence.ciyuan), "licences/" + licence.name + "/CIYUAN",
            account, licence.ciyuan - granted);
  CIYUAN_TRY_STATUS(step.take());
  return {};
}

Result<std::vector<Json>> vouchers_of(store::Reader& reader, const std::string& prefix) {
  std::vector<Json> found;
  CIYUAN_TRY_STATUS(report::for_each_paper(reader, "Voucher", prefix, [&](Json& one) -> Status {
    found.push_back(std::move(one));
    return {};
  }));
  return found;
}

struct VoucherRequest {
  Id id;  ///< the caller's, so that the same request twice is one voucher
  std::string device;
  Amount ciyuan, quantum;
  TimePoint until;
};

Result<VoucherRequest> read_request(const Request& request, const Licence& licence, TimePoint now) {
  CIYUAN_TRY(Json body, parse_json(request.body));
  if (!body.is_object()) return invalid("", "the body is not an object");
  for (const auto& member : body.items()) {
    const std::string& name = member.key();
    if (name != "id" && name != "device" && name != "ciyuan" && name != "until" && name != "quantum")
      return invalid(name.substr(0, 60), "is no member that is known here");
    if (!member.value().is_string())
      return invalid(name, member.value().dump().substr(0, 100) + " is not a text");
  }
  VoucherRequest wanted;
  wanted.id = make_uuid7(now);
  if (body.contains("id")) {
    Result<Id> id = parse_id(text_at(body, "id"));
    if (!id.ok()) return invalid("id", id.error().message);
    wanted.id = *id;
  }
  wanted.device = text_at(body, "device");
  if (wanted.device.empty()) return invalid("device", "is missing");
  if (!body.contains("ciyuan")) return invalid("ciyuan", "is missing");
  for (const char* member : {"ciyuan", "quantum"}) {
    if (!body.contains(member)) continue;
    Result<Amount> amount = price::decimal_of(body[member], contract::kCiyuanScale);
    if (!amount.ok()) return invalid(member, amount.error().message);
    if (amount->is_zero()) return invalid(member, "0 is no amount to use");
    (std::string_view(member) == "ciyuan" ? wanted.ciyuan : wanted.quantum) = *amount;
  }
  if (wanted.quantum.is_zero())
    wanted.quantum = std::max(Amount(1), Amount(wanted.ciyuan.units() / kQuantaDefault));
  wanted.until = licence.until;
  if (body.contains("until")) {
    Result<TimePoint> until = price::parse_moment(text_at(body, "until"));
    if (!until.ok()) return invalid("until", until.error().message);
    wanted.until = *until;
  }
  return wanted;
}

Result<licence::Voucher> draft_voucher(const contract::Registry& registry, const Licence& licence,
                                       const VoucherRequest& wanted, TimePoint now) {
  if (licence.type != contract::LicenceType::kDevice)
    return invalid("licence", "\"" + licence.name + "\" is not for devices");
  auto device = std::find_if(licence.devices.begin(), licence.devices.end(),
                             [&](const tlog::VerifierKey& key) { return key.name == wanted.device; });
  if (device == licence.devices.end())
    return invalid("device", "\"" + wanted.device.substr(0, 100) + "\" is none of the licence's devices");
  if (now < licence.from || now >= licence.until)
    return refused(licence, "the licence " + licence.name + " is in force from " + to_rfc3339(licence.from) +
                                " until " + to_rfc3339(licence.until));
  if (wanted.until <= now || wanted.until > licence.until)
    return invalid("until", to_rfc3339(wanted.until) + " is not between now and the licence's end, " +
                                to_rfc3339(licence.until));
  // What a token is in Ciyuan stands in the voucher: it ends with that.
  const TimePoint weights_until = registry.weights_until(licence, now);
  if (weights_until != TimePoint{} && wanted.until > weights_until)
    return invalid("until", to_rfc3339(wanted.until) + " is after " + to_rfc3339(weights_until) +
                                ", when the contract's equivalence clause counts otherwise");
  licence::Voucher voucher;
  voucher.id = wanted.id;
  voucher.licence = licence.name;
  voucher.contract = licence.contract;
  voucher.device = *device;
  voucher.ciyuan = wanted.ciyuan;
  voucher.quantum = wanted.quantum;
  voucher.issued = now;
  voucher.until = wanted.until;
  voucher.report_by = wanted.until + licence.report_within;
  voucher.method_digest = registry.method_digest_of(licence);
  voucher.models = registry.weights_of(licence, now);
  if (voucher.models.empty())
    return refused(licence, "nothing says what a token of the contract's models is in Ciyuan now");
  CIYUAN_TRY_STATUS(licence::voucher_text(voucher));
  return voucher;
}

Json paper_of(const Licence& licence, const licence::Voucher& voucher, const std::string& note) {
  return {{"kind", "Voucher"},
          {"name", licence.name + "/" + voucher.id.text()},
          {"licence", licence.name},
          {"contract", licence.contract},
          {"device", voucher.device.name},
          {"account", device_account(licence, voucher.device.name)},
          {"sink", licence.sink()},
          {"ciyuan", decimal(voucher.ciyuan)},
          {"issued", to_rfc3339(voucher.issued)},
          {"until", to_rfc3339(voucher.until)},
          {"report_by", to_rfc3339(voucher.report_by)},
          {"state", "open"},
          {"used", "0"},
          {"marked", "0"},
          {"statements", 0},
          {"note", note}};
}

// Ends the voucher: what was marked last is used, the rest is the licence's again.
Status close_voucher(Step& step, Json& paper, const std::string& why, TimePoint now) {
  CIYUAN_TRY(Amount all, amount_at(paper, "ciyuan"));
  CIYUAN_TRY(Amount used, amount_at(paper, "used"));
  CIYUAN_TRY(Amount marked, amount_at(paper, "marked"));
  const std::string name = text_at(paper, "name"), account = text_at(paper, "account");
  step.move("lost/" + name, account + "/held", text_at(paper, "sink"), marked - used);
  step.move("rest/" + name, account + "/held", account, all - marked);
  paper["used"] = decimal(marked);
  paper["state"] = "closed";
  paper["closed"] = to_rfc3339(now);
  paper["why"] = why;
  return step.paper(paper);
}

// The voucher of this id, where it was issued as it is asked for now; nothing where there is none.
Result<std::optional<Json>> issued_before(ApiParts& parts, const Licence& licence,
                                          const VoucherRequest& wanted) {
  CIYUAN_TRY(std::optional<Json> paper,
             report::find_paper(*parts.reader, "Voucher", licence.name + "/" + wanted.id.text()));
  if (!paper) return paper;
  CIYUAN_TRY(licence::Voucher voucher,
             licence::read_voucher(text_at(*paper, "note"), {&parts.licence_key->verifier(), 1}));
  const char* other = voucher.device.name != wanted.device ? "device"
                      : voucher.ciyuan != wanted.ciyuan    ? "ciyuan"
                      : voucher.quantum != wanted.quantum  ? "quantum"
                      : voucher.until != wanted.until      ? "until"
                                                           : nullptr;
  if (other == nullptr) return paper;
  return Error{ErrorCode::kConflict, "the id stands for a voucher with another " + std::string(other), "id"};
}

/// Why the server does not believe a report; kept with the voucher, once for each chain.
Error keep_refusal(ApiParts& parts, Json paper, const licence::Chain& chain, const std::string& why,
                   std::string words, const std::string& actor) {
  Json entry = {{"why", why},
                {"statements", chain.statements.size()},
                {"digest", chain.digests.empty() ? "" : chain.digests.back()}};
  Json& kept = paper["refused"];
  if (kept.is_null()) kept = Json::array();
  bool is_known = false;
  for (Json one : kept) {
    one.erase("at");
    is_known |= one == entry;
  }
  if (!is_known && kept.size() < kRefusedReportsMax) {
    entry["at"] = to_rfc3339(parts.clock());
    kept.push_back(std::move(entry));
    Step step(parts, actor);
    if (Status put = step.paper(paper); !put.ok()) return put.error();
    if (auto taken = step.take(); !taken.ok()) return taken.error();
  }
  return Error{ErrorCode::kConflict, std::move(words), "voucher"};
}

Json tokens_json(const licence::Statement& last) {
  Json tokens = Json::object();
  for (const auto& [model, counts] : last.tokens)
    for (Kind kind : kAllKinds)
      if (counts[kind] != 0) tokens[model][std::string(name_of(kind))] = counts[kind];
  return tokens;
}

Json summary_of(const Json& paper) {
  Json shown = paper;
  for (const char* member : {"note", "kind", "account", "sink"}) shown.erase(member);
  return shown;
}

Json issued_json(const ApiParts& parts, const Json& paper) {
  return {{"voucher", summary_of(paper)},
          {"note", text_at(paper, "note")},
          {"server_key", parts.licence_key->verifier().text()}};
}

}  // namespace

http::Response Handlers::get_licence(const Request& request) {
  const auto registry = api.registry();
  const Licence* licence = registry->find_licence(request.path.at("name"));
  if (licence == nullptr) return problem(404, "Licence/" + request.path.at("name") + ": no such document");
  Result<std::vector<Json>> vouchers = vouchers_of(reader(), licence->name + "/");
  if (!vouchers.ok()) return problem(vouchers.error());
  Json list = Json::array(), seats = Json::array();
  for (const Json& one : *vouchers) list.push_back(summary_of(one));
  Result<std::vector<Json>> taken =
      report::papers(reader(), "Seat", licence->name + "/" + to_rfc3339(licence->from) + "/", "", kPage);
  if (!taken.ok()) return problem(taken.error());
  for (Json& one : *taken) {
    one.erase("kind");
    seats.push_back(std::move(one));
  }
  Json body = {{"licence", licence->name},
               {"contract", licence->contract},
               {"ciyuan", decimal(licence->ciyuan)},
               {"from", to_rfc3339(licence->from)},
               {"until", to_rfc3339(licence->until)},
               {"vouchers", std::move(list)},
               {"seats", std::move(seats)}};
  if (parts().licence_key) body["server_key"] = parts().licence_key->verifier().text();
  return json_response(body);
}

http::Response Handlers::issue_voucher(const Request& request) {
  if (!parts().licence_key) return problem(503, "no key is here that could sign vouchers");
  const auto registry = api.registry();
  const Licence* licence = registry->find_licence(request.path.at("name"));
  if (licence == nullptr) return problem(404, "Licence/" + request.path.at("name") + ": no such document");
  Result<VoucherRequest> wanted = read_request(request, *licence, parts().clock());
  if (!wanted.ok()) return problem(wanted.error());
  Result<std::optional<Json>> before = issued_before(parts(), *licence, *wanted);
  if (!before.ok()) return problem(before.error());
  if (*before) return json_response(issued_json(parts(), **before));
  Result<licence::Voucher> voucher = draft_voucher(*registry, *licence, *wanted, parts().clock());
  if (!voucher.ok()) return problem(voucher.error());
  Result<Json> paper = write_voucher(*licence, *voucher, request.actor);
  return paper.ok() ? json_response(*paper, 201) : problem(paper.error());
}

Result<Json> Handlers::write_voucher(const Licence& licence, const licence::Voucher& voucher,
                                     const std::string& actor) {
  CIYUAN_TRY(std::vector<Json> present, vouchers_of(reader(), licence.name + "/"));
  const auto open = std::count_if(present.begin(), present.end(), [&](const Json& one) {
    return text_at(one, "device") == voucher.device.name && text_at(one, "state") == "open";
  });
  if (static_cast<std::size_t>(open) >= kOpenVouchersMax)
    return refused(licence, voucher.device.name + " has " + std::to_string(open) +
                                " vouchers that are not reported to the end; no more are given");
  const std::string account = device_account(licence, voucher.device.name);
  CIYUAN_TRY_STATUS(grant(parts(), licence, account, actor));
  CIYUAN_TRY(std::optional<store::AccountRow> row, reader().account(account));
  const Amount left = row ? row->credits_posted - row->debits_posted : Amount();
  if (left < voucher.ciyuan)
    return refused(licence, voucher.device.name + " has " + decimal(left) + " of " + decimal(licence.ciyuan) +
                                " Ciyuan left that no voucher holds, not " + decimal(voucher.ciyuan));
  CIYUAN_TRY(std::string note, licence::sign_voucher(voucher, *parts().licence_key));
  Json paper = paper_of(licence, voucher, note);
  Step step(parts(), actor);
  CIYUAN_TRY_STATUS(step.paper(paper));
  step.move("hold/" + text_at(paper, "name"), account, account + "/held", voucher.ciyuan);
  CIYUAN_TRY(std::uint64_t leaf, step.take());
  api.open_vouchers_[text_at(paper, "name")] = voucher.report_by;
  Json issued = issued_json(parts(), paper);
  issued["leaf"] = leaf;
  return issued;
}

http::Response Handlers::report_chain(const Request& request) {
  if (!parts().licence_key) return problem(503, "no key is here that could check vouchers");
  Result<bool> close = flag_of(request, "close");
  if (!close.ok()) return problem(close.error());
  Result<licence::Chain> chain = licence::read_chain(request.body, {&parts().licence_key->verifier(), 1});
  if (!chain.ok()) return problem(chain.error());
  Result<Json> taken = take_chain(*chain, *close, request.actor);
  return taken.ok() ? json_response(*taken) : problem(taken.error());
}

Result<Json> Handlers::take_chain(const licence::Chain& chain, bool close, const std::string& actor) {
  const std::string name = chain.voucher.licence + "/" + chain.voucher.id.text();
  CIYUAN_TRY(Json paper, report::paper(reader(), "Voucher", name));
  const licence::Seen seen{paper.at("statements").get<std::uint64_t>(), text_at(paper, "digest")};
  const licence::Standing standing = licence::standing_of(chain, seen);
  const std::string count = std::to_string(chain.statements.size());
  if (standing == licence::Standing::kRolledBack)
    return keep_refusal(parts(), std::move(paper), chain, "rolled-back",
                        "the chain has " + count + " statements, and " + std::to_string(seen.statements) +
                            " were seen: the device goes on from an older copy of its file",
                        actor);
  if (standing == licence::Standing::kForked)
    return keep_refusal(parts(), std::move(paper), chain, "forked",
                        "the chain has another statement " + std::to_string(seen.statements - 1) +
                            " than the one that was seen: the device has two histories",
                        actor);
  const bool is_open = text_at(paper, "state") == "open";
  CIYUAN_TRY(TimePoint report_by, parse_rfc3339(text_at(paper, "report_by")));
  if (standing == licence::Standing::kLonger && (!is_open || parts().clock() >= report_by))
    return keep_refusal(parts(), std::move(paper), chain, "late",
                        "the voucher is closed, or could be reported until " + to_rfc3339(report_by), actor);
  // What the device has not said itself nobody says for it: it may be counting still.
  const bool is_final = !chain.statements.empty() && chain.statements.back().is_final;
  if (close && !is_final)
    return Error{ErrorCode::kConflict,
                 "the chain does not end with a statement that is the device's last: `ciyuan licence meter "
                 "FILE --finish` writes it there. Without it the voucher closes at " +
                     to_rfc3339(report_by),
                 "close"};
  Json answer = {{"standing", licence::name_of(standing)}};
  Amount posted;
  if (is_open && (standing == licence::Standing::kLonger || is_final)) {
    Step step(parts(), actor);
    if (standing == licence::Standing::kLonger) {
      const licence::Statement& last = chain.statements.back();
      CIYUAN_TRY(Amount before, amount_at(paper, "used"));
      posted = last.ciyuan - before;
      step.move("use/" + name + "/" + count, text_at(paper, "account") + "/held", text_at(paper, "sink"),
                posted);
      paper["used"] = decimal(last.ciyuan);
      paper["marked"] = decimal(last.marked);
      paper["unaccounted"] = decimal(last.unaccounted);
      paper["tokens"] = tokens_json(last);
      paper["statements"] = chain.statements.size();
      paper["digest"] = chain.digests.back();
      paper["reported"] = to_rfc3339(parts().clock());
    }
    if (is_final)
      CIYUAN_TRY_STATUS(close_voucher(step, paper, "reported", parts().clock()));
    else
      CIYUAN_TRY_STATUS(step.paper(paper));
    CIYUAN_TRY(std::uint64_t leaf, step.take());
    answer["leaf"] = leaf;
  }
  answer["voucher"] = summary_of(paper);
  answer["posted"] = decimal(posted);
  return answer;
}

Status Api::close_vouchers() {
  std::lock_guard lock(mutex_);
  if (parts_.publisher->refuses()) return {};
  if (!knows_open_vouchers_) {
    CIYUAN_TRY(std::vector<Json> vouchers, vouchers_of(*parts_.reader, ""));
    for (const Json& paper : vouchers) {
      if (text_at(paper, "state") != "open") continue;
      CIYUAN_TRY(open_vouchers_[text_at(paper, "name")], parse_rfc3339(text_at(paper, "report_by")));
    }
    knows_open_vouchers_ = true;
  }
  const TimePoint now = parts_.clock();
  for (auto one = open_vouchers_.begin(); one != open_vouchers_.end();) {
    if (now >= one->second) {
      CIYUAN_TRY(Json paper, report::paper(*parts_.reader, "Voucher", one->first));
      if (text_at(paper, "state") == "open") {
        Step step(parts_, "licences");
        CIYUAN_TRY_STATUS(close_voucher(step, paper, "expired", now));
        CIYUAN_TRY_STATUS(step.take());
      }
      one = open_vouchers_.erase(one);
    } else {
      ++one;
    }
  }
  return {};
}

LicenceTimer::LicenceTimer(Api& api, std::function<void(std::string_view)> trouble)
    : api_(api), tell_(std::move(trouble)), periodic_(kCloseVouchersEvery, [this] { look(); }) {}

void LicenceTimer::look() {
  const Status done = api_.close_vouchers();
  tell_(done.ok() ? std::string() : done.error().text());
}

}  // namespace ciyuan::admin
