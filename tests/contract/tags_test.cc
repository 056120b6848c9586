#include "contract/tags.h"

#include <random>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

TEST(Tags, a_call_adds_to_the_tags_of_its_key) {
  KeyTags key{{{"team", "red"}}, {}};
  EXPECT_EQ(tags_of_call(key, "").value(), (Tags{{"team", "red"}}));
  EXPECT_EQ(tags_of_call(key, " project = x , centre=%E7%A0%94%E5%8F%91").value(),
            (Tags{{"centre", "研发"}, {"project", "x"}, {"team", "red"}}));
}

TEST(Tags, a_call_changes_a_tag_of_its_key_only_where_the_key_says_so) {
  KeyTags key{{{"project", "x"}, {"team", "red"}}, {"project"}};
  EXPECT_EQ(tags_of_call(key, "project=y").value().at("project"), "y");
  EXPECT_EQ(tags_of_call(key, "team=red").value().at("team"), "red");
  auto refused = tags_of_call(key, "project=y,team=blue");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().path, "Ciyuan-Tags");
  EXPECT_NE(refused.error().message.find("\"team\" is set by the key"), std::string::npos);
}

TEST(Tags, refuses_a_header_that_is_no_list_of_tags) {
  const std::string long_name(kTagNameBytesMax + 1, 'a'), long_value(kTagValueBytesMax + 1, 'v');
  for (const auto& [header, rule] :
       std::vector<std::pair<std::string, std::string>>{{"team", "is not like name=value"},
                                                        {"team=red,", "is not like name=value"},
                                                        {",", "is not like name=value"},
                                                        {"=red", "is no name"},
                                                        {"Team=red", "is no name"},
                                                        {"te am=red", "is no name"},
                                                        {long_name + "=x", "is no name"},
                                                        {"team=", "is not 1 to 128 bytes"},
                                                        {"team=" + long_value, "is not 1 to 128 bytes"},
                                                        {"team=a;b", "must be percent-encoded"},
                                                        {"team=a b", "must be percent-encoded"},
                                                        {"team=\xE7\xA0\x94", "must be percent-encoded"},
                                                        {"team=\xFF", "must be percent-encoded"},
                                                        {"team=%", "without two hexadecimal digits"},
                                                        {"team=%4", "without two hexadecimal digits"},
                                                        {"team=%GG", "without two hexadecimal digits"},
                                                        {"team=%0A", "control characters"},
                                                        {"team=%FF", "not UTF-8"},
                                                        {"team=red,team=red", "stands twice"}}) {
    auto tags = tags_of_call({}, header);
    ASSERT_FALSE(tags.ok()) << header;
    EXPECT_EQ(tags.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(tags.error().path, "Ciyuan-Tags");
    EXPECT_NE(tags.error().message.find(rule), std::string::npos) << header << ": " << tags.error().message;
    EXPECT_TRUE(is_utf8(tags.error().message));
  }
}

TEST(Tags, are_sixteen_at_most_with_those_of_the_key) {
  KeyTags key;
  std::string header;
  for (std::size_t i = 0; i < kTagsMax; ++i) {
    std::string name = "t" + std::to_string(i);
    if (i % 2 == 0) key.own[name] = "v";
    header += (i > 0 ? "," : "") + name + "=v";
  }
  EXPECT_EQ(tags_of_call(key, header).value().size(), kTagsMax);
  EXPECT_FALSE(tags_of_call(key, header + ",one.more=v").ok());
  EXPECT_FALSE(tags_of_call({}, "t=" + std::string(kTagsHeaderBytesMax, 'v')).ok());
}

TEST(Tags, any_tags_written_as_baggage_are_read_back) {
  std::mt19937_64 random(7);
  const std::vector<std::string> pieces = {"a", "Z", "词", "元", " ", ",",
                                           "=", "%", "\"", ";",  "é", "\xF0\x9F\x98\x80"};
  for (int round = 0; round < 3000; ++round) {
    Tags wanted;
    std::string header;
    for (std::uint64_t n = random() % 6; n > 0; --n) {
      std::string name = "n" + std::to_string(random() % 100) + "._-"[random() % 3], value;
      for (std::uint64_t length = 1 + random() % 10; length > 0; --length)
        value += pieces[random() % pieces.size()];
      if (!wanted.emplace(name, value).second) continue;
      header += (header.empty() ? "" : ", ") + name + "=";
      for (char c : value) {
        char hex[4];
        std::snprintf(hex, sizeof hex, random() % 2 ? "%%%02X" : "%%%02x", static_cast<unsigned char>(c));
        bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        header += plain && random() % 2 ? std::string(1, c) : std::string(hex);
      }
    }
    auto tags = tags_of_call({}, header);
    ASSERT_TRUE(tags.ok()) << header << ": " << tags.error().text();
    EXPECT_EQ(*tags, wanted) << header;
  }
}

TEST(Tags, any_bytes_are_read_or_refused) {
  std::mt19937_64 random(8);
  constexpr std::string_view kPieces = "ab=,%; \t\"4F\xE7\xFF\x01";
  for (int round = 0; round < 50'000; ++round) {
    std::string header;
    for (std::uint64_t n = random() % 24; n > 0; --n) header += kPieces[random() % kPieces.size()];
    auto tags = tags_of_call({}, header);
    if (!tags.ok()) {
      ASSERT_TRUE(is_utf8(tags.error().message)) << header;
      continue;
    }
    for (const auto& [name, value] : *tags) {
      ASSERT_TRUE(is_tag_name(name)) << header;
      ASSERT_TRUE(check_tag_value(value).ok()) << header;
    }
  }
}

TEST(Tags, of_a_key_and_a_budget_are_checked_with_the_document) {
  const std::string good = world() + contract("  - {kind: scope, models: [small]}");
  EXPECT_EQ(errors_of(good + key("k", "tags: {team: red}\noverridable_tags: [team]")), "");
  const std::string channel =
      "kind: AlertChannel\nname: ops\nurl: http://127.0.0.1:9/hook\nsecret: {env: S}\n---\n";
  const std::string budget = "kind: Budget\nname: b\ncontract: acme-2026\nunit: CNY\namount: 5\n";
  EXPECT_EQ(errors_of(good + channel + budget + "channel: ops\nforecast_alert: false\ntags: {team: 研发}\n"),
            "");
  struct Case {
    std::string text, place, rule;
  };
  std::string many;
  for (int i = 0; i < 17; ++i) many += (i > 0 ? ", t" : "t") + std::to_string(i) + ": v";
  for (const auto& [text, place, rule] : std::vector<Case>{
           {key("k", "tags: {Team: red}"), "Key/k /tags", "\"Team\" is no name of a tag"},
           {key("k", "tags: {team: 5}"), "Key/k /tags/team", "5 is not of the type"},
           {key("k", "tags: {team: \"\"}"), "Key/k /tags/team", "\"\""},
           {key("k", "tags: {team: \"a\\nb\"}"), "Key/k /tags/team", "control characters"},
           {key("k", "tags: {" + many + "}"), "Key/k /tags", ""},
           {key("k", "tags: [team]"), "Key/k /tags", "is not of the type"},
           {key("k", "tags: {team: red}\noverridable_tags: [project]"), "Key/k /overridable_tags/0",
            "\"project\" is none of the key's tags"},
           {key("k", "overridable_tags: [project]"), "Key/k /overridable_tags/0", "none of the key's tags"},
           {budget + "tags: {team: \"a\\tb\"}", "Budget/b /tags/team", "control characters"},
           {budget + "channel: nowhere", "Budget/b /channel", "\"nowhere\" names no AlertChannel"},
           {budget + "forecast_alert: true", "Budget/b /forecast_alert", "no channel is named"},
           {"kind: AlertChannel\nname: ops\nurl: ftp://x\nsecret: {env: S}", "AlertChannel/ops /url",
            "ftp://x"},
           {"kind: AlertChannel\nname: ops\nurl: http://x:0/\nsecret: {env: S}", "AlertChannel/ops /url",
            "no port"},
           {"kind: AlertChannel\nname: ops\nurl: http://u:p@x/\nsecret: {env: S}", "AlertChannel/ops /url",
            "@"},
           {"kind: AlertChannel\nname: ops\nurl: http://x/\nsecret: whsec_x", "AlertChannel/ops /secret",
            "is not of the type"},
           {"kind: AlertChannel\nname: ops\nurl: http://x/\nsecret: {env: S, file: f}",
            "AlertChannel/ops /secret", ""},
           {"kind: AlertChannel\nname: ops\nurl: http://x/", "AlertChannel/ops", "secret is missing"},
           {"kind: AlertChannel\nname: ops\nurl: http://x/\nsecret: {env: S}\ntls: {ca_file: f}",
            "AlertChannel/ops /tls", "is not https"}}) {
    std::string errors = errors_of(good + text);
    EXPECT_NE(errors.find(place), std::string::npos) << text << "\n" << errors;
    EXPECT_NE(errors.find(rule), std::string::npos) << text << "\n" << errors;
  }
}

}  // namespace
}  // namespace ciyuan::contract
