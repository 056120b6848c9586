#include "contract/document.h"

#include "base/canonical_json.h"
#include "fixture.h"

namespace ciyuan::contract {
namespace {

TEST(Document, keeps_decimals_as_the_text_they_were_written_in) {
  for (const char* text :
       {"{\"kind\":\"Party\",\"name\":\"a\",\"contact\":\"x\"}", "kind: Party\nname: a\ncontact: x\n"}) {
    ASSERT_EQ(documents_of(text).size(), 1U);
    EXPECT_EQ(documents_of(text)[0].canonical, R"({"contact":"x","kind":"Party","name":"a"})");
  }
  std::string yaml =
      "kind: PriceBook\nname: p\nversion: 1\ndate: 2026-01-01\nsource: s\ncurrency: CNY\nper_tokens: "
      "1000000\n"
      "prices: [{model: m, kind: input, price: 0.10}]";
  std::string json =
      R"({"kind":"PriceBook","name":"p","version":1,"date":"2026-01-01","source":"s","currency":"CNY",)"
      R"("per_tokens":1000000,"prices":[{"model":"m","kind":"input","price":0.10}]})";
  for (const std::string& text : {yaml, json})
    EXPECT_EQ(documents_of(text)[0].value["prices"][0]["price"], "0.10");
  EXPECT_EQ(documents_of(yaml)[0].digest, documents_of(json)[0].digest);
}

TEST(Document, reads_the_words_of_yaml_1_1_as_text) {
  auto documents = documents_of("kind: Party\nname: no\ncontact: \"0x10\"\n---\nkind: Party\nname: on\n");
  EXPECT_EQ(documents[0].name, "no");
  EXPECT_EQ(documents[1].name, "on");
}

TEST(Document, reads_many_from_one_text) {
  EXPECT_EQ(documents_of("kind: Party\nname: a\n---\n---\nkind: Party\nname: b\n").size(), 2U);
  EXPECT_EQ(documents_of(R"([{"kind":"Party","name":"a"},{"kind":"Party","name":"b"}])").size(), 2U);
  EXPECT_EQ(
      documents_of("{\"kind\":\"Party\",\"name\":\"a\"}\n---\n{\"kind\":\"Party\",\"name\":\"b\"}").size(),
      2U);
}

TEST(Document, says_file_line_document_place_value_and_rule) {
  EXPECT_EQ(errors_of("kind: Party\nname: a\n---\nkind: Upstream\nname: u\nurl: ftp://x\ndialect: openai\n"),
            "test.yaml:6 Upstream/u /url: \"ftp://x\" does not match ^https?://[^\\s/?#@]+(/[^\\s?#]*)?$\n");
}

TEST(Document, reports_several_errors_at_once) {
  std::string errors =
      errors_of("kind: Party\nname: a b\ncolour: red\n---\nkind: Nothing\nname: x\n---\njust text\n");
  for (const char* part : {"/name: \"a b\" does not match", "unknown field 'colour'",
                           "\"Nothing\" is none of Party", "\"just text\" is not an object"})
    EXPECT_NE(errors.find(part), errors.npos) << part << " in\n" << errors;
}

TEST(Document, refuses_text_that_is_not_whole_or_would_grow_without_bound) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'i'; ++c) {
    std::string previous(1, static_cast<char>(c - 1)), item = "*" + previous;
    bomb += std::string(1, c) + ": &" + c + " [" + item;
    for (int i = 0; i < 9; ++i) bomb += "," + item;
    bomb += "]\n";
  }
  struct Case {
    std::string text, part;
  };
  for (const Case& bad :
       {Case{"", "holds no document"}, Case{"kind: [", "not YAML"}, Case{"{\"kind\":", "not JSON"},
        Case{", a", "begins nothing"}, Case{"---\nkind: Party\n---\n, a", "not YAML"},
        Case{"kind: Party\nkind: Party\n", "stands twice"},
        Case{R"({"kind":"Party","kind":"Party"})", "stands twice"}, Case{"kind: \xff", "not UTF-8"},
        Case{std::string("kind: a\0b", 9), "zero byte"}, Case{bomb, "more than 1000000 values"},
        Case{"[" + std::string(100'000, '['), "nested deeper"},
        Case{"a: " + std::string(5'000, '['), "not YAML"},
        Case{R"({"kind":"Party","name":")" + std::string(100'000, 'a') + "\"}", "longer than 1024 bytes"},
        Case{R"({"kind":"Party","name":"a","title":{"en":")" + std::string(100'000, 'a') + "\"}}",
             "longer than"}}) {
    std::string errors = errors_of(bad.text);
    EXPECT_NE(errors.find(bad.part), errors.npos) << bad.part << " in\n" << errors.substr(0, 300);
  }
}

TEST(Document, a_value_with_a_floating_point_number_is_refused) {
  Reading reading = read_document(Json{{"kind", "Party"}, {"name", "a"}, {"contact", 1.5}}, "request");
  ASSERT_EQ(reading.errors.size(), 1U);
  EXPECT_NE(reading.errors[0].message.find("floating-point"), std::string::npos);
}

TEST(Document, every_kind_has_an_embedded_schema) {
  for (std::string_view kind : kDocumentKinds) EXPECT_TRUE(parse_json(schema_text(kind)).ok()) << kind;
  EXPECT_TRUE(schema_text("Nothing").empty());
}

}  // namespace
}  // namespace ciyuan::contract
