#include "cli/internal/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/canonical_json.h"
#include "base/crypto.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Calibration : public testing::Test {
 protected:
  ~Calibration() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view content) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  Json measured() {
    const std::string vectors = std::string(CIYUAN_SOURCE_DIR) + "/data/vectors/";
    return measure_calibration({.tokenizers = {"o200k", "qwen3"},
                                .vectors = {vectors + "golden.json", vectors + "published.json"},
                                .texts = {write("text.txt", "词元 tokens")}})
        .value();
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("calibration_" + std::to_string(::getpid()));
};

TEST_F(Calibration, measures_vocabularies_vectors_and_texts) {
  const Json all = measured();
  const auto o200k = token::VocabularySet::standard().find("o200k").value();
  EXPECT_EQ(all.at("vocabularies").at("o200k").at("digest"), to_hex(o200k->digest()));
  EXPECT_EQ(all.at("vectors").at("golden.json").at("results").at("qwen3"),
            Json({{"equal", 11}, {"different", 0}}));
  EXPECT_GE(all.at("vectors").at("published.json").at("results").at("o200k").at("equal"), 25);
  EXPECT_EQ(all.at("texts").at("text.txt").at("tokens").at("o200k"), o200k->count("词元 tokens").value);
  EXPECT_EQ(all.at("texts").at("text.txt").at("sha256"), to_hex(sha256("词元 tokens")));
  EXPECT_EQ(different_vectors(all), 0);
}

TEST_F(Calibration, a_certificate_reads_back_and_its_digest_is_that_of_what_was_measured) {
  const Json all = measured();
  const Json certificate = make_certificate(all, "9.9", TimePoint{1});
  EXPECT_EQ(certificate.at("digest"), to_hex(sha256(canonical_json(all).value())));
  EXPECT_EQ(make_certificate(all, "8.8", TimePoint{2}).at("digest"), certificate.at("digest"));
  auto read = read_certificate(certificate.dump(1));
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_THAT(differences(read->at("measured"), all), ElementsAre());
}

TEST_F(Calibration, names_each_thing_that_differs) {
  const Json here = measured();
  Json certified = here;
  certified["vocabularies"]["o200k"]["digest"] = "x";
  certified["vectors"]["golden.json"]["results"]["qwen3"]["different"] = 3;
  certified["texts"]["text.txt"]["tokens"]["qwen3"] = 99;
  certified["texts"]["a\nb"] = 1;
  certified["vectors"].erase("published.json");
  EXPECT_THAT(
      differences(certified, here),
      ElementsAre(HasSubstr("texts \"a\\nb\": in the certificate, not here"),
                  HasSubstr("texts text.txt tokens qwen3: 99 in the certificate, "),
                  HasSubstr("vectors golden.json results qwen3 different: 3 in the certificate, 0 here"),
                  HasSubstr("vectors published.json: here, not in the certificate"),
                  HasSubstr("vocabularies o200k digest: \"x\" in the certificate, ")));
}

TEST_F(Calibration, a_vocabulary_that_is_not_here_is_one_difference) {
  Json certified = measured();
  Json here = certified;
  here["vocabularies"].erase("qwen3");
  for (Json& file : here["vectors"]) file["results"].erase("qwen3");
  for (Json& file : here["texts"]) file["tokens"].erase("qwen3");
  EXPECT_THAT(differences(certified, here), ElementsAre("vocabularies qwen3: in the certificate, not here"));
}

TEST_F(Calibration, counts_and_names_the_vectors_that_are_different) {
  const std::string vectors =
      write("wrong.json", R"({"vectors":[{"vocabulary":"o200k","text":"hello","mode":"plain","ids":[24912]},
                       {"vocabulary":"o200k","text":"hello","mode":"plain","ids":[1]},
                       {"vocabulary":"o200k","text":"hello","plain":[24912],"with_specials":[24912,1]},
                       {"vocabulary":"another","text":"hello","mode":"plain","ids":[1]}]})");
  auto all = measure_calibration({.tokenizers = {"o200k"}, .vectors = {vectors}, .texts = {}});
  ASSERT_TRUE(all.ok()) << all.error().text();
  EXPECT_EQ(all->at("vectors").at("wrong.json").at("results").at("o200k"),
            Json({{"equal", 1}, {"different", 2}, {"which", {2, 3}}}));
  EXPECT_EQ(different_vectors(*all), 2);
}

TEST_F(Calibration, refuses_what_is_no_certificate) {
  const Json good = make_certificate(measured(), "9.9", TimePoint{1});
  auto refused = [](const std::string& text) {
    auto read = read_certificate(text);
    return read.ok() ? std::string() : read.error().text();
  };
  auto changed = [&](const char* member, Json value) {
    Json certificate = good;
    certificate[member] = std::move(value);
    return refused(certificate.dump());
  };
  EXPECT_EQ(refused(good.dump()), "");
  EXPECT_THAT(refused("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refused("[]"), HasSubstr("no certificate"));
  EXPECT_THAT(refused("{}"), HasSubstr("no certificate"));
  EXPECT_THAT(changed("version", 2), HasSubstr("/version: 2 is not 1"));
  EXPECT_THAT(changed("measured", 7), HasSubstr("/measured/vocabularies"));
  EXPECT_THAT(changed("measured", {{"vocabularies", {}}}), HasSubstr("/measured/vocabularies"));
  EXPECT_THAT(changed("digest", "00"), HasSubstr("/digest: it is not that of what the certificate says"));
  Json certificate = good;
  certificate["measured"]["texts"]["text.txt"]["tokens"]["o200k"] = 1;
  EXPECT_THAT(refused(certificate.dump()), HasSubstr("/digest"));
}

TEST_F(Calibration, refuses_files_it_cannot_certify) {
  auto refused = [](CalibrationInputs inputs) {
    auto all = measure_calibration(inputs);
    return all.ok() ? std::string() : all.error().text();
  };
  const std::string one = write("a/t.txt", "x"), same = write("b/t.txt", "y"),
                    odd = write("v.json", "{\"vectors\":[{}]}");
  EXPECT_THAT(refused({{"o200k"}, {}, {one, same}}), HasSubstr("--text: two files have the name t.txt"));
  EXPECT_THAT(refused({{"o200k"}, {one}, {}}), HasSubstr("--vectors: " + one + ": not JSON"));
  EXPECT_THAT(refused({{"o200k"}, {odd}, {}}), HasSubstr("vector 1 is not {vocabulary"));
  EXPECT_THAT(refused({{"o200k", "o200k_base"}, {}, {}}), HasSubstr("given twice"));
  EXPECT_THAT(refused({{"o200k"}, {}, {write("\xFF.txt", "x")}}), HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace ciyuan::cli
