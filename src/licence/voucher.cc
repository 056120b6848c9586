#include "licence/voucher.h"

#include "licence/internal/two_lines.h"

namespace ciyuan::licence {
namespace {

using internal::text_member;

constexpr std::string_view kWhat = "ciyuan/licence-voucher/v1";
constexpr std::size_t kNameBytesMax = 200;

std::string decimal(Amount amount) { return format_decimal(amount, kCiyuanScale); }

Json json_of(const Voucher& voucher) {
  Json models = Json::object();
  for (const auto& [name, weights] : voucher.models) {
    Json& kinds = models[name] = Json::object();
    for (Kind kind : kAllKinds)
      if (Amount one = weights[index_of(kind)]; !one.is_zero())
        kinds[std::string(name_of(kind))] = decimal(one);
  }
  return {{"id", voucher.id.text()},
          {"licence", voucher.licence},
          {"contract", voucher.contract},
          {"device", voucher.device.text()},
          {"ciyuan", decimal(voucher.ciyuan)},
          {"quantum", decimal(voucher.quantum)},
          {"issued", to_rfc3339(voucher.issued)},
          {"until", to_rfc3339(voucher.until)},
          {"report_by", to_rfc3339(voucher.report_by)},
          {"method", voucher.method_digest},
          {"models", std::move(models)}};
}

Result<TimePoint> moment_member(const Json& value, const char* member) {
  CIYUAN_TRY(std::string text, text_member(value, member));
  Result<TimePoint> at = parse_rfc3339(text);
  if (!at.ok()) return invalid(member, at.error().message);
  return at;
}

Result<Amount> amount_member(const Json& value, const char* member) {
  CIYUAN_TRY(std::string text, text_member(value, member));
  Result<Amount> amount = parse_decimal(text, kCiyuanScale);
  if (!amount.ok()) return invalid(member, amount.error().message);
  if (*amount <= Amount()) return invalid(member, "\"" + text + "\" is not above zero");
  return amount;
}

Result<std::map<std::string, Weights>> read_models(const Json& value) {
  auto models = value.find("models");
  if (models == value.end() || !models->is_object() || models->empty() || models->size() > kVoucherModelsMax)
    return invalid("models", "are not 1 to " + std::to_string(kVoucherModelsMax) + " models");
  std::map<std::string, Weights> found;
  for (const auto& model : models->items()) {
    Weights& weights = found[model.key()];
    if (!model.value().is_object()) return invalid("models/" + model.key(), "is not an object");
    for (const auto& weight : model.value().items()) {
      const std::string path = "models/" + model.key() + "/" + weight.key();
      std::optional<Kind> kind = kind_named(weight.key());
      if (!kind || !weight.value().is_string()) return invalid(path, "is no kind of token with its Ciyuan");
      Result<Amount> one = parse_decimal(weight.value().get<std::string>(), kCiyuanScale);
      if (!one.ok() || one->is_negative()) return invalid(path, "is no amount of Ciyuan");
      weights[index_of(*kind)] = *one;
    }
  }
  return found;
}

Status check(const Voucher& voucher) {
  for (const auto& [member, text] : {std::pair{"licence", &voucher.licence}, {"contract", &voucher.contract}})
    if (text->empty() || text->size() > kNameBytesMax) return invalid(member, "is no name");
  if (voucher.ciyuan <= Amount()) return invalid("ciyuan", "is not above zero");
  if (voucher.quantum <= Amount() || voucher.quantum > voucher.ciyuan)
    return invalid("quantum", decimal(voucher.quantum) + " is not between zero and the voucher's Ciyuan");
  std::optional<Amount> most = checked_multiply(voucher.quantum, kQuantaMax);
  if (most && *most < voucher.ciyuan)
    return invalid("quantum", decimal(voucher.quantum) + " is less than a part in " +
                                  std::to_string(kQuantaMax) + " of " + decimal(voucher.ciyuan));
  if (voucher.until <= voucher.issued)
    return invalid("until",
                   to_rfc3339(voucher.until) + " is not after issued, " + to_rfc3339(voucher.issued));
  if (voucher.report_by < voucher.until)
    return invalid("report_by", to_rfc3339(voucher.report_by) + " is before until");
  return {};
}

}  // namespace

Result<std::string> voucher_text(const Voucher& voucher) {
  CIYUAN_TRY_STATUS(check(voucher));
  return internal::two_lines(kWhat, json_of(voucher));
}

Result<std::string> sign_voucher(const Voucher& voucher, const tlog::NoteSigner& server) {
  CIYUAN_TRY(std::string text, voucher_text(voucher));
  return tlog::sign_note(text, server);
}

Result<Voucher> read_voucher(std::string_view note, std::span<const tlog::VerifierKey> servers) {
  CIYUAN_TRY(tlog::OpenedNote opened, tlog::open_note(note, servers));
  CIYUAN_TRY(Json value, internal::read_two_lines(kWhat, opened.text));
  Voucher voucher;
  CIYUAN_TRY(std::string id, text_member(value, "id"));
  CIYUAN_TRY(voucher.id, parse_id(id));
  CIYUAN_TRY(voucher.licence, text_member(value, "licence"));
  CIYUAN_TRY(voucher.contract, text_member(value, "contract"));
  CIYUAN_TRY(std::string device, text_member(value, "device"));
  CIYUAN_TRY(voucher.device, tlog::VerifierKey::parse(device));
  CIYUAN_TRY(voucher.ciyuan, amount_member(value, "ciyuan"));
  CIYUAN_TRY(voucher.quantum, amount_member(value, "quantum"));
  CIYUAN_TRY(voucher.issued, moment_member(value, "issued"));
  CIYUAN_TRY(voucher.until, moment_member(value, "until"));
  CIYUAN_TRY(voucher.report_by, moment_member(value, "report_by"));
  CIYUAN_TRY(voucher.method_digest, text_member(value, "method"));
  CIYUAN_TRY(voucher.models, read_models(value));
  CIYUAN_TRY_STATUS(check(voucher));
  // What has other members, or the same ones written otherwise, is nothing that voucher_text() made.
  CIYUAN_TRY(std::string again, voucher_text(voucher));
  if (again != opened.text) return invalid("", "has members that are unknown or not in their own form");
  return voucher;
}

std::string voucher_digest(const Voucher& voucher) {
  Result<std::string> text = voucher_text(voucher);
  return text.ok() ? to_hex(sha256(*text)) : std::string();
}

}  // namespace ciyuan::licence
