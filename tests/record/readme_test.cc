// The example of src/record/README.md, compiled and run.

#include <gtest/gtest.h>

#include <filesystem>

#include "record/keys_file.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

Result<VerifiedReceipt> example(KeysFile& keys, SampleLog& log, UsageRecord record) {
  SecretKey key = random_secret_key();
  ContentDigest answer;
  answer.update("some of the answer, ");
  answer.update("and the rest");
  record.answer_commitment = commit(HmacKey(key), Content::kAnswer, answer);

  std::vector<KeyRow> rows = {{record.id, key}};
  CIYUAN_TRY(std::uint64_t slot, keys.append(rows));
  Sealed sealed = seal(record, key);
  std::uint64_t index = log.append(sealed.entry);

  CIYUAN_TRY(SecretKey kept, keys.find(slot, record.id));
  CIYUAN_TRY(std::string text,
             make_receipt({sealed.record.json, kept, index, log.prove(index), log.checkpoint()}));
  CIYUAN_TRY(std::string for_finance, redact_receipt(text, {"session", "model"}));
  return verify_receipt(for_finance, {&log.key(), 1});
}

TEST(Readme, example_works) {
  std::string pattern = testing::TempDir() + "ciyuan-readme-XXXXXX";
  std::filesystem::path folder = ::mkdtemp(pattern.data());
  {
    KeysFile keys = KeysFile::open(folder / "keys.dat").value();
    SampleLog log;
    EXPECT_EQ(example(keys, log, sample_record())->withheld, (std::vector<std::string>{"model", "session"}));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ciyuan::record
