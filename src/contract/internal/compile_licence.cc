#include <algorithm>
#include <set>

#include "contract/internal/compiler.h"
#include "price/book.h"

namespace ciyuan::contract {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kReportDays = 7;

LicenceType type_of(const std::string& name) {
  if (name == "seat") return LicenceType::kSeat;
  if (name == "device") return LicenceType::kDevice;
  return name == "site" ? LicenceType::kSite : LicenceType::kPool;
}

}  // namespace

std::string Licence::account(std::string_view holder) const {
  std::string account = "licence/" + name + "/CIYUAN/";
  if (!holder.empty()) account.append(holder).append("/");
  return account + to_rfc3339(from);
}

void Compiler::add_licence(const Document& document) {
  const Json& value = document.value;
  Licence licence;
  licence.name = document.name;
  licence.contract = text_at(value, "contract");
  licence.type = type_of(text_at(value, "type"));
  licence.en = text_at(object_at(value, "text"), "en");
  licence.zh = text_at(object_at(value, "text"), "zh");
  auto contract = state_->contracts.find(licence.contract);
  if (contract == state_->contracts.end())
    fault(document, "/contract", "\"" + licence.contract + "\" names no Contract");
  Result<Amount> ciyuan = price::decimal_of(value.at("ciyuan"), kCiyuanScale);
  if (!ciyuan.ok() || ciyuan->is_zero())
    fault(document, "/ciyuan", ciyuan.ok() ? "0 is no licence" : ciyuan.error().message);
  else
    licence.ciyuan = *ciyuan;
  bool from = moment_at(document, value, "from", "/from", licence.from);
  bool until = moment_at(document, value, "until", "/until", licence.until);
  if (from && until && licence.until <= licence.from)
    fault(document, "/until", "\"" + text_at(value, "until") + "\" is not after from");
  check_licence_fields(document, licence.type);
  licence.seats = integer_at(value, "seats", 0);
  licence.seat_of_session = text_at(value, "seat_of") == "session";
  licence.idle = seconds(kDaySeconds * integer_at(value, "idle_days", 0));
  licence.cool_down = seconds(kDaySeconds * integer_at(value, "cool_down_days", 0));
  licence.report_within = seconds(kDaySeconds * integer_at(value, "report_days", kReportDays));
  take_devices(document, licence);
  if (!licence.en.empty() || !licence.zh.empty())
    state_->other_texts[licence.clause()] = {licence.clause(), licence.en, licence.zh};
  const bool is_site = licence.type == LicenceType::kSite;
  const Licence* kept = &state_->licences.emplace(document.name, std::move(licence)).first->second;
  if (!is_site || contract == state_->contracts.end()) return;
  if (contract->second.site != nullptr)
    fault(document, "/contract",
          "the contract " + contract->first + " has a site licence already, " + contract->second.site->name);
  contract->second.site = kept;
}

// What one type has means nothing for another.
void Compiler::check_licence_fields(const Document& document, LicenceType type) {
  const std::string name = text_at(document.value, "type");
  for (const char* field : {"seats", "seat_of", "idle_days", "cool_down_days"})
    if (type != LicenceType::kSeat && document.value.contains(field))
      fault(document, "/" + std::string(field), "means nothing for the type \"" + name + "\"");
  for (const char* field : {"devices", "report_days"})
    if (type != LicenceType::kDevice && document.value.contains(field))
      fault(document, "/" + std::string(field), "means nothing for the type \"" + name + "\"");
  if (type == LicenceType::kSeat && !document.value.contains("seats"))
    fault(document, "", "the field seats is missing: how many a licence of the type \"seat\" has");
  if (type == LicenceType::kDevice && !document.value.contains("devices"))
    fault(document, "",
          "the field devices is missing: whose counters a licence of the type \"device\" believes");
}

void Compiler::take_devices(const Document& document, Licence& licence) {
  std::set<std::string> names;
  const Json devices = document.value.value("devices", Json::array());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string pointer = "/devices/" + std::to_string(i), text = devices[i].get<std::string>();
    Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(text);
    if (!key.ok()) {
      fault(document, pointer, "\"" + text + "\" is no verifier key: " + key.error().message);
    } else if (key->name.find('/') != key->name.npos) {
      fault(document, pointer, "\"" + key->name + "\" has a slash, and becomes part of account names");
    } else if (!names.insert(key->name).second) {
      fault(document, pointer, "a second device is named \"" + key->name + "\"");
    } else {
      licence.devices.push_back(std::move(*key));
    }
  }
}

void Compiler::take_key_licence(const Document& document, KeyPlan& key) {
  const std::string name = text_at(document.value, "licence");
  if (name.empty()) return;
  auto found = state_->licences.find(name);
  if (found == state_->licences.end())
    return fault(document, "/licence", "\"" + name + "\" names no Licence");
  const Licence& licence = found->second;
  if (licence.contract != key.contract->name)
    fault(document, "/licence",
          "\"" + name + "\" is of the contract " + licence.contract + ", not of " + key.contract->name);
  if (licence.type == LicenceType::kDevice)
    fault(document, "/licence", "\"" + name + "\" is for devices, which count for themselves");
  if (licence.type == LicenceType::kSite)
    fault(document, "/licence", "\"" + name + "\" is a site's, which every key of the contract is under");
  key.licence = &licence;
}

}  // namespace ciyuan::contract
