// The example of src/record/README.md, compiled and run.

#include <gtest/gtest.h>

#include <filesystem>

#include "record/key_pool.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

Result<VerifiedReceipt> example(KeysFile& keys, SampleLog& log, UsageRecord record) {
  KeyPool pool(keys);
  CIYUAN_TRY(RecordKey taken, pool.take());
  ContentDigest answer;
  answer.update("some of the answer, ");
  answer.update("and the rest");
  record.answer_commitment = commit(HmacKey(taken.key), Content::kAnswer, answer);

  Sealed sealed = seal(record, taken.key);
  std::uint64_t index = log.append(sealed.entry);

  CIYUAN_TRY(SecretKey key, keys.find(record.id, taken.slot));
  CIYUAN_TRY(std::string text,
             make_receipt({sealed.record.json, key, index, log.prove(index), log.checkpoint()}));
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
