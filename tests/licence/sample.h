#pragma once

/// A server, a device and a voucher for the tests, and a folder of their own.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "licence/meter.h"

namespace ciyuan::licence {

constexpr TimePoint kStart{1'795'000'000'000'000'000};  // 2026-11-18

inline Amount ciyuan(std::int64_t whole) { return Amount(Int128{whole} * 1'000'000); }
inline KindCounts counts_of(std::int64_t input, std::int64_t output) {
  KindCounts counts;
  counts[Kind::kInput] = input;
  counts[Kind::kOutput] = output;
  return counts;
}

struct Workshop {
  Workshop() {
    char name[] = "/tmp/ciyuan-licence-XXXXXX";
    folder = mkdtemp(name);
    voucher.id = id_from_content("a voucher");
    voucher.licence = "workshop";
    voucher.contract = "demo";
    voucher.device = device.verifier();
    voucher.ciyuan = ciyuan(1000);
    voucher.quantum = ciyuan(10);
    voucher.issued = kStart;
    voucher.until = kStart + seconds(7 * 86'400);
    voucher.report_by = voucher.until + seconds(86'400);
    voucher.method_digest = to_hex(sha256("a method"));
    Weights weights{};
    for (Kind kind : kAllKinds) weights[index_of(kind)] = ciyuan(1);
    voucher.models["small"] = weights;
    weights[index_of(Kind::kOutput)] = Amount(2'500'000);
    voucher.models["large"] = weights;
  }
  ~Workshop() { std::filesystem::remove_all(folder); }

  std::string note() const { return sign_voucher(voucher, server).value(); }
  std::filesystem::path file() const { return folder / "chain"; }
  std::string text() const { return read_file(file(), kChainBytesMax).value(); }
  Result<Meter> meter(TimePoint at = kStart) const {
    return Meter::open(file(), note(), {&server_key, 1}, device, at);
  }
  Result<Chain> chain(std::string_view content) const { return read_chain(content, {&server_key, 1}); }
  Result<Chain> chain() const { return chain(text()); }

  std::filesystem::path folder;
  tlog::NoteSigner server = tlog::NoteSigner::make("example.com/licence", SigningKey::generate()).value();
  tlog::VerifierKey server_key = server.verifier();
  tlog::NoteSigner device = tlog::NoteSigner::make("cutter-1", SigningKey::generate()).value();
  Voucher voucher;
};

/// A chain of calls; its notes one by one, the voucher's first.
inline std::vector<std::string> notes_of(const std::string& file) {
  std::vector<std::string> notes;
  for (std::size_t begin = 0; begin < file.size();) {
    std::size_t end = begin;
    for (int line = 0; line < 4; ++line) end = file.find('\n', end) + 1;
    notes.push_back(file.substr(begin, end - begin));
    begin = end;
  }
  return notes;
}
inline std::string joined(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += note;
  return text;
}

}  // namespace ciyuan::licence
