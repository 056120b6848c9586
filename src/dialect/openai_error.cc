#include "dialect/openai_error.h"

#include "base/bytes.h"
#include "base/canonical_json.h"

namespace ciyuan::dialect {
namespace {

void append_member(std::string& out, const char* name, const std::string& value, bool null_if_empty = false) {
  out += out.ends_with('{') ? "\"" : ",\"";
  out += name;
  out += "\":";
  if (null_if_empty && value.empty())
    out += "null";
  else
    append_json_string(out, is_utf8(value) ? value : "(not UTF-8)");
}

}  // namespace

std::string to_json(const ErrorBody& error) {
  std::string out = "{\"error\":{";
  append_member(out, "message", error.message);
  append_member(out, "type", error.type);
  append_member(out, "param", error.param, true);
  append_member(out, "code", error.code, true);
  if (!error.record.empty() || error.limit) {
    out += ",\"ciyuan\":{";
    if (!error.record.empty()) append_member(out, "record", error.record);
    if (error.limit) {
      append_member(out, "clause", error.limit->clause);
      append_member(out, "unit", error.limit->unit);
      append_member(out, "limit", error.limit->limit);
      append_member(out, "left", error.limit->left);
      append_member(out, "held", error.limit->held);
      if (!error.limit->text_en.empty()) append_member(out, "text_en", error.limit->text_en);
      if (!error.limit->text_zh.empty()) append_member(out, "text_zh", error.limit->text_zh);
    }
    out += '}';
  }
  return out + "}}";
}

}  // namespace ciyuan::dialect
