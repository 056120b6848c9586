#include "report/export.h"

#include "record/record.h"
#include "report/internal/csv.h"
#include "report/internal/focus.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

using internal::add_row;
using internal::check_size;
using internal::harmless;
using internal::tags_text;

Result<Export> as_csv(store::Reader& reader, const RecordQuery& query) {
  Export out{.content_type = "text/csv; charset=utf-8", .text = ""};
  add_row(out.text,
          {"record", "closed", "contract", "key", "session", "model", "upstream", "state", "kind", "quantity",
           "unit_price", "amount", "currency", "paid_from", "ciyuan_of_record", "corrects", "tags"});
  CIYUAN_TRY_STATUS(for_each_record(reader, query, [&](const store::RecordRow& row, const Json& record) {
    for (const Json& charge : record.at("charges"))
      add_row(out.text,
              {text_at(record, "id"), to_rfc3339(row.at), row.contract, row.key, harmless(row.session),
               harmless(text_at(record.at("model"), "asked")), text_at(record.at("upstream"), "name"),
               text_at(record.at("outcome"), "state"), text_at(charge, "kind"), text_at(charge, "quantity"),
               text_at(charge, "unit_price"), text_at(charge, "amount"), text_at(charge, "currency"),
               text_at(charge, "paid_from"), text_at(record, "ciyuan"),
               text_at(record.at("outcome"), "corrects"), tags_text(record)});
    return check_size(out.text);
  }));
  return out;
}

Json characteristic(const char* name, const char* type, const Json& value) {
  return {{"name", name}, {"valueType", type}, {"value", value}};
}

Json tmf_usage(const store::RecordRow& row, const Json& record, const SettlementTerms& terms, bool billed) {
  Json rated = Json::array();
  for (const Json& charge : record.at("charges"))
    rated.push_back(
        {{"@type", "RatedProductUsage"},
         {"isBilled", billed},
         {"ratingAmountType", "Total"},
         {"ratingDate", to_rfc3339(row.at)},
         {"productRef", {{"id", text_at(charge, "kind")}, {"name", text_at(record.at("model"), "asked")}}},
         {"bucketValueConvertedInAmount",
          {{"unit", text_at(charge, "currency")}, {"value", text_at(charge, "amount")}}},
         {"taxExcludedRatingAmount",
          {{"unit", text_at(charge, "currency")}, {"value", text_at(charge, "amount")}}}});
  Json characteristics = Json::array();
  for (const auto& figure : record.at("usage").items())
    characteristics.push_back(characteristic(figure.key().c_str(), "number", figure.value().at("billed")));
  characteristics.push_back(characteristic("ciyuan", "string", record.at("ciyuan")));
  characteristics.push_back(characteristic("model", "string", text_at(record.at("model"), "asked")));
  characteristics.push_back(characteristic("key", "string", row.key));
  characteristics.push_back(characteristic("session", "string", row.session));
  for (const auto& tag : tags_of(record).items())
    characteristics.push_back(characteristic(("tag:" + tag.key()).c_str(), "string", tag.value()));
  std::string corrects = text_at(record.at("outcome"), "corrects");
  if (!corrects.empty()) characteristics.push_back(characteristic("corrects", "string", corrects));
  return {{"@type", "Usage"},
          {"id", row.id.text()},
          {"href", "/v1/records/" + row.id.text()},
          {"usageDate", to_rfc3339(row.at)},
          {"usageType", "AI model inference"},
          {"description", text_at(record.at("model"), "asked") + " under " + row.contract},
          {"status", billed             ? "billed"
                     : corrects.empty() ? "rated"
                                        : "rerated"},
          {"usageSpecification",
           {{"id", std::string(record::kRecordVersion)},
            {"name", "Ciyuan usage record"},
            {"@referredType", "UsageSpecification"}}},
          {"usageCharacteristic", std::move(characteristics)},
          {"ratedProductUsage", std::move(rated)},
          {"relatedParty",
           {{{"id", terms.consumer}, {"role", "customer"}, {"@referredType", "Organization"}},
            {{"id", terms.provider}, {"role", "provider"}, {"@referredType", "Organization"}}}}};
}

Result<Export> as_tmf635(store::Reader& reader, const std::string& contract, const SettlementTerms& terms,
                         const RecordQuery& query) {
  CIYUAN_TRY(std::optional<Json> billing, find_paper(reader, "Billing", contract));
  TimePoint until;
  if (billing) {
    CIYUAN_TRY(until, parse_rfc3339(text_at(*billing, "until")));
  }
  Export out{.content_type = "application/json", .text = "["};
  CIYUAN_TRY_STATUS(for_each_record(reader, query, [&](const store::RecordRow& row, const Json& record) {
    out.text += (out.text.size() > 1 ? ",\n" : "\n") + tmf_usage(row, record, terms, row.at < until).dump();
    return check_size(out.text);
  }));
  out.text += "\n]\n";
  return out;
}

}  // namespace

Result<Export> export_usage(store::Reader& reader, const std::string& contract, const Period& period,
                            std::string_view format) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, document));
  RecordQuery query{.contract = contract, .key = "", .model = "", .from = period.from, .to = period.to};
  if (format == "csv") return as_csv(reader, query);
  if (format == "focus") return internal::focus_export(reader, contract, terms, period);
  if (format == "tmf635") return as_tmf635(reader, contract, terms, query);
  return invalid("format",
                 "\"" + std::string(format.substr(0, 60)) + "\" is no format; those are csv, focus, tmf635");
}

}  // namespace ciyuan::report
