#include "cli/verify.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/canonical_json.h"
#include "base/file.h"
#include "record/receipt.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kKeyFileBytesMax = 1 << 20;
constexpr std::size_t kContentBytesMax = std::size_t{1} << 30;

Result<std::string> read_receipt(const std::string& path, std::istream& in) {
  if (path != "-") return read_file(path, tlog::kProofBytesMax);
  std::string text;
  char buffer[1 << 14];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > tlog::kProofBytesMax)
      return Error{ErrorCode::kTooLarge, "larger than any receipt", "receipt"};
  }
  return text;
}

Status add_keys(std::string_view text, std::vector<tlog::VerifierKey>& keys) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    CIYUAN_TRY(tlog::VerifierKey key, tlog::VerifierKey::parse(line));
    keys.push_back(std::move(key));
  }
  return {};
}

// A key has a plus in it and parses; anything else is taken for a file's name.
Result<std::vector<tlog::VerifierKey>> read_keys(const std::vector<std::string>& sources) {
  std::vector<tlog::VerifierKey> keys;
  for (const std::string& source : sources) {
    if (Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(source); key.ok()) {
      keys.push_back(std::move(*key));
      continue;
    }
    Result<std::string> text = read_file(source, kKeyFileBytesMax);
    if (!text.ok())
      return invalid("--key", "\"" + source + "\" is neither a verifier key nor a file that can be read");
    CIYUAN_TRY_STATUS(add_keys(*text, keys));
  }
  if (keys.empty())
    return invalid("--key", "give the operator's verifier key, name+id+base64, or a file with it");
  return keys;
}

Result<SecretKey> read_secret(const std::string& hex) {
  Result<Bytes> bytes = from_hex(hex);
  SecretKey key;
  if (!bytes.ok() || bytes->size() != key.size())
    return invalid("--record-key", "\"" + hex.substr(0, 80) + "\" is no record's key: 64 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

// The request or answer against its commitment; adds a sentence to what was checked.
Status check_content(record::VerifiedReceipt& receipt, record::Content content, const std::string& path,
                     const std::string& key_hex) {
  if (path.empty()) return {};
  CIYUAN_TRY(SecretKey key, read_secret(key_hex));
  CIYUAN_TRY(std::string bytes, read_file(path, kContentBytesMax));
  record::ContentDigest digest;
  digest.update(bytes);
  CIYUAN_TRY_STATUS(record::open_commitment(receipt, content, key, digest));
  receipt.checked.push_back(std::string("the ") +
                            (content == record::Content::kRequest ? "request" : "answer") +
                            " is exactly the " + std::to_string(bytes.size()) + " bytes of " + path);
  return {};
}

// "{"a":1,"b":[2]}" as "a 1, b [2]": short values read well on a line.
std::string on_a_line(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return value.dump();
  std::string line;
  for (auto it = value.begin(); it != value.end(); ++it)
    line += (line.empty() ? "" : ", ") + it.key() + " " + on_a_line(*it);
  return line;
}

void print_row(std::ostream& out, std::string name, const std::string& value) {
  name.resize(std::max<std::size_t>(name.size() + 1, 12), ' ');
  out << "  " << name << value << "\n";
}

void print_text(std::ostream& out, const record::VerifiedReceipt& receipt) {
  out << "VERIFIED  " << (receipt.version == record::kRecordVersion ? "usage record " : "administrative act ")
      << receipt.id << "\n";
  for (const std::string& sentence : receipt.checked) out << "  - " << sentence << "\n";
  if (receipt.version != record::kRecordVersion) {
    out << "\n" << receipt.entry << "\n";
    return;
  }
  out << "\n";
  for (const auto& [name, value] : receipt.revealed) {
    if (value.is_array() || name == "usage") {
      for (auto it = value.begin(); it != value.end(); ++it)
        print_row(out, it == value.begin() ? name : "",
                  (value.is_object() ? it.key() + ": " : "") + on_a_line(*it));
      if (value.empty()) print_row(out, name, "none");
    } else {
      print_row(out, name, on_a_line(value));
    }
  }
}

void print_json(std::ostream& out, const record::VerifiedReceipt& receipt) {
  Json json = {
      {"verified", true},           {"origin", receipt.checkpoint.origin}, {"size", receipt.checkpoint.size},
      {"index", receipt.index},     {"version", receipt.version},          {"id", receipt.id},
      {"fields", receipt.revealed}, {"withheld", receipt.withheld},        {"checked", receipt.checked}};
  if (receipt.version != record::kRecordVersion) json["entry"] = Json::parse(receipt.entry, nullptr, false);
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

int fail(const VerifyOptions& options, const Error& error, std::ostream& out, std::ostream& err) {
  bool not_verified = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kRefused;
  if (options.json) {
    Json json = {{"verified", false}, {"bad_input", !not_verified}, {"error", error.text()}};
    out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    err << (not_verified ? "NOT VERIFIED: " : "ciyuan verify: ") << error.text() << "\n";
  }
  return not_verified ? kNotVerified : kBadInput;
}

}  // namespace

int run_verify(const VerifyOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
  Result<std::vector<tlog::VerifierKey>> keys = read_keys(options.keys);
  if (!keys.ok()) return fail(options, keys.error(), out, err);
  Result<std::string> text = read_receipt(options.receipt, in);
  if (!text.ok()) return fail(options, invalid("receipt", text.error().text()), out, err);
  Result<record::VerifiedReceipt> receipt = record::verify_receipt(*text, *keys);
  if (!receipt.ok()) return fail(options, receipt.error(), out, err);
  for (auto [content, path] : {std::pair{record::Content::kRequest, &options.request_file},
                               std::pair{record::Content::kAnswer, &options.answer_file}}) {
    Status opened = check_content(*receipt, content, *path, options.key_hex);
    if (!opened.ok()) return fail(options, opened.error(), out, err);
  }
  options.json ? print_json(out, *receipt) : print_text(out, *receipt);
  return kVerified;
}

int run_verify(const VerifyOptions& options) { return run_verify(options, std::cin, std::cout, std::cerr); }

}  // namespace ciyuan::cli
