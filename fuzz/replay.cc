/// Runs a fuzz target without libFuzzer: every file of its corpus as it is, then seeded mutations of them, so
/// that each build of the tests, also under a sanitizer, tries what strangers may send.
///
///   fuzz_http_sse FOLDER ROUNDS SECONDS [SEED]
///
/// The same seed makes the same inputs. SECONDS only ends a slow target early: it never makes a failure. When
/// the target dies, the input that it died of is left in <program>.input: run the program on a folder with
/// it.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));  // there under a sanitizer

namespace {

constexpr std::size_t kInputBytesMax = 1 << 16;
/// What the grammars of the targets turn on.
const std::string kWords[] = {"\r\n",
                              "\n\n",
                              "\n",
                              ":",
                              " ",
                              "\"",
                              "\\",
                              "{",
                              "}",
                              "[",
                              "]",
                              ",",
                              "0",
                              "-1",
                              "1e999",
                              "null",
                              "data: ",
                              "---\n",
                              "%00",
                              "://",
                              "\\ud83d",
                              "\xFF",
                              "\xF0\x9F",
                              "&a ",
                              "*a ",
                              "[::1]",
                              "99999999999999999999",
                              "Content-Length: ",
                              "Transfer-Encoding: chunked\r\n"};

using Bytes = std::string;

void change_once(Bytes& input, const std::vector<Bytes>& corpus, std::mt19937_64& random) {
  const std::size_t at = random() % (input.size() + 1);
  const std::size_t length = std::min<std::size_t>(input.size() - at, 1 + random() % 16);
  switch (random() % 8) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ 1 << random() % 8);
      break;
    case 1:
      if (at < input.size()) input[at] = static_cast<char>(random());
      break;
    case 2:
      input.insert(at, 1, static_cast<char>(random()));
      break;
    case 3:
      input.erase(at, length);
      break;
    case 4:
      input.insert(random() % (input.size() + 1), input.substr(at, length));
      break;
    case 5:
      input.insert(at, kWords[random() % std::size(kWords)]);
      break;
    case 6: {
      const Bytes& other = corpus[random() % corpus.size()];
      input = input.substr(0, at) + other.substr(random() % (other.size() + 1));
      break;
    }
    default:
      input.resize(at);
  }
}

// For a signal handler: what it may touch cannot be passed to it.
Bytes in_hand;
std::string left_behind;

void leave_input() {
  const int file = open(left_behind.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  const ssize_t written = write(file, in_hand.data(), in_hand.size());
  close(file);
  if (written >= 0) std::fputs(("the input is in " + left_behind + "\n").c_str(), stderr);
}

void on_signal(int number) {
  leave_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void try_one(const Bytes& input) {
  in_hand = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(in_hand.data()), in_hand.size());
}

std::vector<Bytes> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4 || !std::filesystem::is_directory(arguments[1]))
    return std::cerr << "usage: " << arguments[0] << " FOLDER ROUNDS SECONDS [SEED]\n", 2;
  const std::vector<Bytes> corpus = read_corpus(arguments[1]);
  if (corpus.empty()) return std::cerr << arguments[1] << " holds no file\n", 2;
  const std::uint64_t rounds = std::strtoull(arguments[2], nullptr, 10);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(arguments[3]));
  std::mt19937_64 random(count > 4 ? std::strtoull(arguments[4], nullptr, 10) : 1);
  left_behind = std::string(arguments[0]) + ".input";
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(leave_input);
  for (int number : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(number, on_signal);

  for (const Bytes& input : corpus) try_one(input);
  std::uint64_t done = 0;
  for (; done < rounds && std::chrono::steady_clock::now() < end; ++done) {
    Bytes input = corpus[random() % corpus.size()];
    for (std::uint64_t changes = 1 + random() % 6; changes > 0; --changes) change_once(input, corpus, random);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
    try_one(input);
  }
  std::cout << corpus.size() << " files and " << done << " mutations\n";
}
