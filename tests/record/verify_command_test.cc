// `ciyuan verify` as a function: what it prints and returns.

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "cli/verify.h"
#include "sample.h"

namespace ciyuan::cli {
namespace {

using record::SampleLog;

class VerifyCommand : public testing::Test {
 protected:
  VerifyCommand() {
    std::string pattern = testing::TempDir() + "ciyuan-verify-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    record::ContentDigest answer;
    answer.update("the answer");
    record::UsageRecord r = record::sample_record();
    r.answer_commitment = record::commit(HmacKey(key_), record::Content::kAnswer, answer);
    record::Sealed sealed = record::seal(r, key_);
    std::uint64_t index = log_.append(sealed.entry);
    receipt_ = log_.receipt(index, sealed.record.json, key_).value();
    options_.keys = {log_.key().text()};
    options_.receipt = write("receipt.tlog-proof", receipt_);
  }
  ~VerifyCommand() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view content) {
    EXPECT_TRUE(write_file_atomically(folder_ / name, content).ok());
    return (folder_ / name).string();
  }
  int run(const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    int code = run_verify(options_, in, out, err);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  std::filesystem::path folder_;
  SampleLog log_;
  SecretKey key_ = random_secret_key();
  std::string receipt_, out_, err_;
  VerifyOptions options_;
};

TEST_F(VerifyCommand, says_what_was_checked) {
  EXPECT_EQ(run(), kVerified) << err_;
  EXPECT_TRUE(out_.starts_with("VERIFIED  usage record 0198f0a1-")) << out_;
  EXPECT_NE(out_.find("signed by log.example/acme"), std::string::npos);
  EXPECT_NE(out_.find("ciyuan      252.000000"), std::string::npos) << out_;
  EXPECT_EQ(err_, "");
}

TEST_F(VerifyCommand, reads_standard_input_and_key_files) {
  options_.receipt = "-";
  options_.keys = {write("keys", "# the operator's\n" + log_.key().text() + "\r\n\n")};
  EXPECT_EQ(run(receipt_), kVerified) << err_;
  EXPECT_EQ(run(""), kBadInput);
}

TEST_F(VerifyCommand, prints_json) {
  options_.json = true;
  EXPECT_EQ(run(), kVerified);
  Json json = parse_json(out_).value();
  EXPECT_EQ(json["verified"], true);
  EXPECT_EQ(json["fields"]["ciyuan"], "252.000000");
  options_.keys = {SampleLog("log.example/acme", 9).key().text()};
  EXPECT_EQ(run(), kNotVerified);
  json = parse_json(out_).value();
  EXPECT_EQ(json["verified"], false);
  EXPECT_EQ(json["bad_input"], false);
}

TEST_F(VerifyCommand, opens_the_commitments) {
  options_.answer_file = write("answer", "the answer");
  options_.key_hex = to_hex(key_);
  EXPECT_EQ(run(), kVerified) << err_;
  EXPECT_NE(out_.find("the answer is exactly the 10 bytes of"), std::string::npos) << out_;
  options_.answer_file = write("answer", "another answer");
  EXPECT_EQ(run(), kNotVerified);
  EXPECT_NE(err_.find("NOT VERIFIED: answer: these are not the bytes that were logged"), std::string::npos)
      << err_;
  options_.key_hex = "abc";
  EXPECT_EQ(run(), kBadInput);
  EXPECT_NE(err_.find("--record-key: \"abc\""), std::string::npos) << err_;
  options_.key_hex = to_hex(key_);
  options_.answer_file = "/no/such/file";
  EXPECT_EQ(run(), kBadInput);
}

TEST_F(VerifyCommand, tells_bad_input_from_a_receipt_that_does_not_hold) {
  std::string forged = receipt_;
  forged.replace(forged.find("\nindex 0"), 8, "\nindex 1");
  options_.receipt = write("forged", forged);
  EXPECT_EQ(run(), kNotVerified);
  options_.receipt = write("nonsense", "hello");
  EXPECT_EQ(run(), kBadInput);
  options_.receipt = "/no/such/file";
  EXPECT_EQ(run(), kBadInput);
  options_.receipt = write("receipt", receipt_);
  options_.keys = {};
  EXPECT_EQ(run(), kBadInput);
  options_.keys = {"log.example/acme+00000000+AAAA"};
  EXPECT_EQ(run(), kBadInput);
  EXPECT_NE(err_.find("neither a verifier key nor a file"), std::string::npos) << err_;
}

}  // namespace
}  // namespace ciyuan::cli
