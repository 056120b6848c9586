#include "cli/cli.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../admin/house.h"

namespace ciyuan::cli {
namespace {

// The control plane itself, without a socket between.
class DirectClient final : public AdminClient {
 public:
  explicit DirectClient(admin::House& house) : house_(house) {}
  Result<AdminReply> send(std::string_view method, std::string_view target, std::string_view body) override {
    http::Response response = house_.send(std::string(method), std::string(target), body);
    return AdminReply{response.status, std::string(response.headers.get("Content-Type")), response.body};
  }

 private:
  admin::House& house_;
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

struct Program {
  Outcome run(const std::vector<std::string>& arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    Console console{in, out, err, [this]() -> Result<std::unique_ptr<AdminClient>> {
                      return std::unique_ptr<AdminClient>(new DirectClient(house));
                    }};
    int code = run_cli(arguments, console);
    return {code, out.str(), err.str()};
  }
  std::string write(const std::string& name, const std::string& text) {
    std::string path = (house.folder / name).string();
    std::ofstream(path) << text;
    return path;
  }
  void apply_demo() {
    std::string root = CIYUAN_SOURCE_DIR;
    Outcome outcome = run({"apply", "-f", root + "/examples/demo.yaml", "-f", root + "/examples/prepaid.yaml",
                           "-f", root + "/data/methods/native-v1.json"});
    ASSERT_EQ(outcome.code, kDone) << outcome.err;
  }
  admin::House house;
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Cli, wrong_usage_is_one_line_and_code_2) {
  Program program;
  const std::vector<std::vector<std::string>> wrong = {
      {"fly"},
      {"apply"},
      {"apply", "--colour"},
      {"key"},
      {"key", "create", "--name", "x"},
      {"get", "unicorn"},
      {"completion", "tcsh"},
      {"account", "statement", "x", "--limit", "0"},
      {"statement", "demo", "--month", "2026-13"},
      {"statement", "demo", "--month", "2026-11", "--from", "2026-01-01"},
      {"record", "show", "no-id"},
      {"account", "deposit", "a", "--unit", "CNY", "--amount", "1e3"},
      {"account", "deposit", "", "--unit", "CNY", "--amount", "1"},
      {"account", "deposit", "a", "--unit", "CNY", "--amount", "0"},
      {"apply", "-f", "/nowhere/at/all.yaml"},
      {"calibrate", "--check", "/nowhere"},
      {"calibrate", "--check", CIYUAN_SOURCE_DIR "/data/vocabularies/manifest.json"},
      {"calibrate", "--check", "x", "-t", "o200k"},
      {"calibrate", "--vectors", "/nowhere"},
      {"calibrate", "--text", "/nowhere"},
      {"calibrate", "-t", "gpt-9"},
      {"parity", "--resamples", "1"},
      {"parity", "--axis", "feet"},
      {"parity", "en=/nowhere"},
      {"parity", "--base", "tlh"},
      {"parity", "-t", "o200k,o200k_base"},
      {"parity", "--plot", "/nowhere/at/all.svg"}};
  for (const auto& arguments : wrong) {
    Outcome outcome = program.run(arguments);
    EXPECT_EQ(outcome.code, kBadUsage) << arguments[0] << ": " << outcome.err;
    EXPECT_EQ(lines_in(outcome.err), 1U) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("ciyuan: ") ||
                outcome.err.starts_with("ciyuan " + arguments[0] + ": "))
        << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_NE(program.run({"key", "create", "--name", "x"}).err.find("ciyuan key create --help"),
            std::string::npos);
}

TEST(Cli, what_is_refused_or_not_there_is_code_1) {
  Program program;
  program.apply_demo();
  const std::vector<std::vector<std::string>> failing = {{"get", "contract", "nothing"},
                                                         {"delete", "party", "nobody"},
                                                         {"delete", "party", "harbor"},
                                                         {"account", "show", "nothing"},
                                                         {"record", "receipt", id_from_content("x").text()},
                                                         {"explain", id_from_content("x").text()},
                                                         {"statement", "nothing"}};
  for (const auto& arguments : failing) {
    Outcome outcome = program.run(arguments);
    EXPECT_EQ(outcome.code, kFailed) << arguments[0] << " " << arguments[1] << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("ciyuan: ")) << outcome.err;
  }
}

TEST(Cli, every_command_has_a_help_with_an_example_or_a_list) {
  Program program;
  Outcome top = program.run({"--help"});
  EXPECT_EQ(top.code, kDone);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"serve"},
                                                                                       {"standin"},
                                                                                       {"apply"},
                                                                                       {"get"},
                                                                                       {"delete"},
                                                                                       {"key", "create"},
                                                                                       {"account"},
                                                                                       {"account", "list"},
                                                                                       {"account", "deposit"},
                                                                                       {"record", "list"},
                                                                                       {"record", "receipt"},
                                                                                       {"record", "key"},
                                                                                       {"record", "erase"},
                                                                                       {"record", "correct"},
                                                                                       {"explain"},
                                                                                       {"statement"},
                                                                                       {"count"},
                                                                                       {"vocab", "add"},
                                                                                       {"parity"},
                                                                                       {"calibrate"},
                                                                                       {"verify"},
                                                                                       {"completion"}}) {
    EXPECT_NE(top.out.find(command[0]), std::string::npos) << command[0];
    auto arguments = command;
    arguments.push_back("--help");
    Outcome help = program.run(arguments);
    EXPECT_EQ(help.code, kDone);
    bool teaches = help.out.find("Example") != std::string::npos ||
                   help.out.find("ciyuan key create") != std::string::npos ||
                   help.out.find("Accounts are named") != std::string::npos ||
                   help.out.find("The secret goes") != std::string::npos;
    EXPECT_TRUE(teaches) << command[0] << "\n" << help.out;
  }
  EXPECT_EQ(program.run({"--help-all"}).code, kDone);
  EXPECT_EQ(program.run({}).code, kBadUsage);
  EXPECT_TRUE(program.run({"version"}).out.starts_with("ciyuan "));
}

TEST(Cli, apply_says_file_line_and_rule_of_every_error_and_applies_nothing) {
  Program program;
  std::string form =
      program.write("form.yaml", "kind: Party\nname: a\n---\nkind: Party\nname: b\ncolour: red\n");
  Outcome outcome = program.run({"apply", "-f", form});
  EXPECT_EQ(outcome.code, kBadUsage);
  EXPECT_EQ(outcome.err, "ciyuan: " + form +
                             ":4 Party/b: unknown field 'colour'; known are address, bank, contact, kind, "
                             "name, settlement_key, tax_id, title\n");
  std::string sense = program.write(
      "sense.yaml", "kind: Party\nname: a\n---\nkind: Key\nname: k\ncontract: nowhere\nsha256: " +
                        std::string(64, 'a') + "\n");
  outcome = program.run({"apply", "-f", sense});
  EXPECT_EQ(outcome.code, kBadUsage);
  EXPECT_EQ(outcome.err, "ciyuan: " + sense + ":6 Key/k /contract: \"nowhere\" names no Contract\n");
  EXPECT_EQ(lines_in(program.run({"get"}).out), 1U);
}

TEST(Cli, documents_go_in_and_come_out_again) {
  Program program;
  program.apply_demo();
  EXPECT_EQ(lines_in(program.run({"get"}).out), 9U);
  EXPECT_EQ(lines_in(program.run({"get", "parties"}).out), 3U);
  Outcome contract = program.run({"get", "contract", "demo"});
  ASSERT_EQ(contract.code, kDone);
  Outcome again = program.run({"apply", "-f", "-"}, contract.out);
  EXPECT_EQ(again.out, "Contract/demo unchanged\n") << again.err;
  EXPECT_EQ(program.run({"apply", "-f", "-", "--dry-run"}, contract.out).out,
            "1 documents are right; nothing was applied\n");
  EXPECT_EQ(program.run({"delete", "contract", "demo-prepaid"}).out, "Contract/demo-prepaid deleted\n");
  EXPECT_NE(program.run({"get", "contract", "demo-prepaid", "--history"}).out.find("(deleted)"),
            std::string::npos);
  std::filesystem::create_directory(program.house.folder / "docs");
  program.write("docs/a.yaml", "kind: Party\nname: a\n");
  program.write("docs/b.json", R"({"kind":"Party","name":"b"})");
  EXPECT_EQ(program.run({"apply", "-f", (program.house.folder / "docs").string()}).out,
            "Party/a applied\nParty/b applied\n");
}

TEST(Cli, a_new_keys_secret_is_all_that_goes_to_standard_output) {
  Program program;
  program.apply_demo();
  Outcome created = program.run({"key", "create", "--contract", "demo", "--name", "alice"});
  ASSERT_EQ(created.code, kDone) << created.err;
  EXPECT_EQ(created.out.size(), 68U);
  EXPECT_NE(program.house.published->find_key(created.out.substr(0, 67)), nullptr);
  EXPECT_NE(created.err.find("only time"), std::string::npos);
  EXPECT_EQ(program.run({"key", "create", "--contract", "demo", "--name", "alice"}).code, kFailed);
}

TEST(Cli, a_key_whose_secret_cannot_be_written_does_not_stay) {
  Program program;
  program.apply_demo();
  struct Full : std::streambuf {
  } full;
  std::istringstream in;
  std::ostream out(&full);
  std::ostringstream err;
  Console console{in, out, err, [&]() -> Result<std::unique_ptr<AdminClient>> {
                    return std::unique_ptr<AdminClient>(new DirectClient(program.house));
                  }};
  EXPECT_EQ(run_cli({"key", "create", "--contract", "demo", "--name", "alice"}, console), kFailed);
  EXPECT_EQ(lines_in(err.str()), 1U) << err.str();
  EXPECT_NE(err.str().find("deleted again"), std::string::npos) << err.str();
  EXPECT_EQ(program.house.published->key_named("alice"), nullptr);
}

TEST(Cli, shows_what_calls_used_and_why) {
  Program program;
  program.apply_demo();
  program.run({"key", "create", "--contract", "demo", "--name", "alice"});
  std::string id = program.house.make_call(1, 100, 50).text();
  Outcome records = program.run({"record", "list", "--contract", "demo"});
  EXPECT_NE(records.out.find(id), std::string::npos);
  EXPECT_NE(records.out.find("0.0006 CNY"), std::string::npos) << records.out;
  EXPECT_EQ(lines_in(program.run({"record", "list", "--json"}).out), 1U);

  Outcome explained = program.run({"explain", id});
  for (const char* part : {"session s1", "ended by a cap", "under the method native-v1 1: 150.000000 Ciyuan",
                           "input: 100 × 0.000002 = 0.0002 CNY", "together 0.0006 CNY", "session-cap",
                           "One session uses at most 400 Ciyuan", "每个会话最多使用 400 词元"})
    EXPECT_NE(explained.out.find(part), std::string::npos) << part << "\n" << explained.out;

  Outcome statement = program.run({"statement", "demo"});
  for (const char* part : {"smollm2", "output", "1 calls: 1 cut", "150 Ciyuan", "0.0006 CNY"})
    EXPECT_NE(statement.out.find(part), std::string::npos) << part << "\n" << statement.out;
  EXPECT_TRUE(parse_json(program.run({"statement", "demo", "--json"}).out).ok());

  Outcome accounts = program.run({"account", "list", "cap/demo/session-cap/"});
  EXPECT_NE(accounts.out.find("cap/demo/session-cap/CIYUAN/session=s1      250     400  CIYUAN"),
            std::string::npos)
      << accounts.out;
  Outcome entries = program.run({"account", "statement", "cap/demo/session-cap/CIYUAN/session=s1"});
  EXPECT_NE(entries.out.find("balance 250 CIYUAN"), std::string::npos) << entries.out;
  EXPECT_EQ(program
                .run({"account", "deposit", "prepaid/demo-prepaid/balance/CNY", "--unit", "CNY", "--amount",
                      "10.00"})
                .out,
            "10.00 CNY from deposits/CNY to prepaid/demo-prepaid/balance/CNY; balance 10 CNY\n");
}

TEST(Cli, a_receipt_from_the_record_verifies_with_the_logs_key) {
  Program program;
  program.apply_demo();
  program.run({"key", "create", "--contract", "demo", "--name", "alice"});
  std::string id = program.house.make_call(1, 100, 50).text();
  std::string receipt = (program.house.folder / "call.receipt").string();
  ASSERT_EQ(program.run({"record", "receipt", id, "-o", receipt}).code, kDone);
  std::string key = program.run({"log", "key"}).out;
  key.pop_back();
  Outcome verified = program.run({"verify", receipt, "--key", key});
  EXPECT_EQ(verified.code, 0) << verified.err;
  auto other = tlog::NoteSigner::make("example.com/log", SigningKey::generate()).value().verifier().text();
  EXPECT_EQ(program.run({"verify", receipt, "--key", other}).code, 1);
  EXPECT_EQ(program.run({"verify", program.write("x", "no receipt"), "--key", key}).code, 2);
}

TEST(Cli, parity_works_without_arguments_and_draws) {
  Program program;
  Outcome table = program.run({"parity"});
  EXPECT_EQ(table.code, kDone) << table.err;
  EXPECT_EQ(lines_in(table.out), 27U);
  std::string plot = program.write("plot.svg", "");
  Outcome json = program.run({"parity", "--json", "-t", "o200k,qwen3", "--base", "zh-Hans", "--plot", plot});
  ASSERT_EQ(json.code, kDone) << json.err;
  EXPECT_EQ(parse_json(json.out).value().at("rows").size(), 52U);
  EXPECT_GT(std::filesystem::file_size(plot), 10'000U);
}

TEST(Cli, a_certificate_that_was_written_is_repeated) {
  Program program;
  std::string path = program.write("meter.json", ""), text = program.write("own.txt", "词元");
  Outcome made = program.run({"calibrate", "-o", path, "--text", text});
  ASSERT_EQ(made.code, kDone) << made.err;
  EXPECT_EQ(made.out, "");
  Outcome same = program.run({"calibrate", "--check", path, "--text", text});
  EXPECT_EQ(same.code, kDone) << same.out;
  EXPECT_TRUE(same.out.starts_with("equal: ")) << same.out;
  Outcome absent = program.run({"calibrate", "--check", path});
  EXPECT_EQ(absent.code, kFailed);
  EXPECT_EQ(absent.out, "different: texts own.txt: in the certificate, not here\n");
  program.write("own.txt", "词元 ");
  Outcome changed = program.run({"calibrate", "--check", path, "--text", text, "--json"});
  EXPECT_EQ(changed.code, kFailed);
  EXPECT_NE(changed.out.find("texts own.txt sha256: "), std::string::npos) << changed.out;
}

TEST(Cli, completion_offers_the_verbs_and_options_that_exist) {
  Program program;
  std::string script = program.run({"completion", "bash"}).out;
  for (const char* part : {"deposit", "--dry-run", "\"account deposit\"", "complete -o default"})
    EXPECT_NE(script.find(part), std::string::npos) << part;
  EXPECT_TRUE(program.run({"completion", "zsh"}).out.starts_with("#compdef ciyuan"));
  EXPECT_NE(program.run({"completion", "fish"}).out.find("complete -c ciyuan"), std::string::npos);
  if (std::system("bash -c true") != 0) GTEST_SKIP() << "bash is not installed";
  std::string path = program.write("completion.bash", script);
  auto completes = [&](const std::string& words, int index, const std::string& wanted) {
    std::string test = "source " + path + "; COMP_WORDS=(" + words +
                       "); COMP_CWORD=" + std::to_string(index) +
                       "; _ciyuan; [[ \" ${COMPREPLY[*]} \" == *\" " + wanted + " \"* ]]";
    return std::system(("bash -c '" + test + "'").c_str()) == 0;
  };
  EXPECT_TRUE(completes("ciyuan ac", 1, "account"));
  EXPECT_TRUE(completes("ciyuan account dep", 2, "deposit"));
  EXPECT_TRUE(completes("ciyuan account deposit x --me", 4, "--memo"));
  EXPECT_FALSE(completes("ciyuan account deposit x --me", 4, "--dry-run"));
}

TEST(AdminAddress, says_what_is_wrong_with_an_address_or_a_missing_token) {
  ::unsetenv("CIYUAN_ADMIN");
  ::unsetenv("CIYUAN_ADMIN_TOKEN");
  for (const char* url : {"https://127.0.0.1:8090", "127.0.0.1:8090", "http://", "http://host:port"})
    EXPECT_EQ(connect_admin({.url = url, .token = "t"}).error().code, ErrorCode::kInvalid) << url;
  EXPECT_NE(connect_admin({.folder = "/nowhere"}).error().message.find("CIYUAN_ADMIN_TOKEN"),
            std::string::npos);
  auto client = connect_admin({.url = "http://127.0.0.1:1", .token = "t"});
  ASSERT_TRUE(client.ok());
  auto reply = (*client)->send("GET", "/healthz", "");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(percent_encoded("cap/a b=词"), "cap%2Fa%20b%3D%E8%AF%8D");
}

TEST(Cli, keys_erasures_and_corrections_of_records) {
  Program program;
  program.apply_demo();
  ASSERT_EQ(program.run({"key", "create", "--contract", "demo", "--name", "alice"}).code, kDone);
  std::string id = program.house.make_call(1, 100, 50).text();
  Outcome key = program.run({"record", "key", id});
  EXPECT_EQ(key.out.size(), 65U) << key.err;
  Outcome corrected = program.run({"record", "correct", id, "--price-book", "demo-prices"});
  EXPECT_EQ(corrected.code, kDone) << corrected.err;
  EXPECT_NE(corrected.out.find("stands for " + id), std::string::npos) << corrected.out;
  EXPECT_EQ(program.run({"record", "correct", id, "--price-book", "nothing"}).code, kFailed);
  EXPECT_NE(program.run({"record", "erase", id}).out.find("is erased; leaf"), std::string::npos);
  EXPECT_NE(program.run({"record", "erase", id}).out.find("was erased before"), std::string::npos);
  EXPECT_EQ(program.run({"record", "key", id}).code, kFailed);
}

TEST(Cli, a_tokenizer_is_added_only_when_it_proves_exact) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "ciyuan-cli-vocab";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  setenv("CIYUAN_VOCABULARIES", (folder / "mine").c_str(), 1);
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  const std::string ranks = write("a.tiktoken", "YQ== 0\nYg== 1\nYWI= 2\n");
  const std::string wrong = write("wrong.jsonl", "{\"text\":\"ab\",\"ids\":[0,1]}\n");
  const std::string right = write("right.jsonl", "{\"text\":\"ab\",\"ids\":[2]}\n");
  Program program;
  const auto add = [&](const std::string& vectors, const char* pretokenizer = "cl100k") {
    return program.run({"vocab", "add", ranks, "--name", "cli-test", "--pretokenizer", pretokenizer,
                        "--special", "<end>=7", "--vectors", vectors});
  };
  Outcome refused = add(wrong);
  EXPECT_EQ(refused.code, kFailed) << refused.err;
  EXPECT_NE(refused.err.find("vector 1"), std::string::npos) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "mine"));
  EXPECT_EQ(add(right, "no-such").code, kBadUsage);
  Outcome added = add(right);
  EXPECT_EQ(added.code, kDone) << added.err;
  EXPECT_NE(added.out.find("1 vectors"), std::string::npos) << added.out;
  EXPECT_TRUE(std::filesystem::exists(folder / "mine" / "cli-test.ciyuan-vocab.zst"));
  EXPECT_NE(program.run({"vocab", "list"}).out.find("qwen3.5"), std::string::npos);
  const std::string unproved =
      program.run({"vocab", "add", ranks, "--name", "not-tried", "--pretokenizer", "cl100k", "--json"}).out;
  EXPECT_EQ(parse_json(unproved).value().at("level"), "estimated") << unproved;
  EXPECT_EQ(program.run({"vocab", "add", ranks, "--name", "not-tried", "--pretokenizer", "cl100k"}).code,
            kFailed)
      << "the name is taken";
  unsetenv("CIYUAN_VOCABULARIES");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ciyuan::cli
