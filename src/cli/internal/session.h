#pragma once

/// What the commands of one run share: the console, the connection, and how results and errors become output.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/cli.h"

namespace ciyuan::cli {

class Session {
 public:
  explicit Session(Console& console) : console_(console) {}

  Console& console() { return console_; }
  std::ostream& out() { return console_.out; }
  AdminAddress& address() { return address_; }

  /// Sends; a reply that is no success becomes an Error with the problem's words and, where it lists several,
  /// the errors themselves in `listed`.
  Result<AdminReply> send(std::string_view method, const std::string& target, std::string_view body = {},
                          std::vector<Error>* listed = nullptr);
  /// The same for a JSON reply.
  Result<Json> send_json(std::string_view method, const std::string& target, std::string_view body = {},
                         std::vector<Error>* listed = nullptr);

  /// Prints the error and keeps the exit code that belongs to it: bad input 2, everything else 1.
  void fail(const Error& error);
  void fail(const std::vector<Error>& errors);
  /// An answer's body: to the file, with a note that says so and goes on with `then`; without a file, to
  /// `out`.
  void deliver(const std::string& body, const std::string& file, std::string_view then = "");
  void note(std::string_view line);  ///< for people, on `err`

  int exit_code = kDone;

 private:
  Console& console_;
  AdminAddress address_;
  std::unique_ptr<AdminClient> client_;
};

/// Columns, left-aligned or right-aligned (numbers), as wide as the widest cell; wide CJK characters count
/// double.
class Table {
 public:
  explicit Table(std::vector<std::string> head);
  /// Columns that hold numbers, by index.
  void align_right(std::initializer_list<std::size_t> columns);
  void add(std::vector<std::string> row);
  void print(std::ostream& out) const;
  bool empty() const { return rows_.size() == 1; }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

/// A member as text: strings without quotes, other values as JSON, "" where it is missing.
std::string text_at(const Json& object, std::string_view member);
/// A member, or an empty object.
const Json& member_of(const Json& object, std::string_view member);

/// "?a=b&c=d" of the pairs whose value is not empty.
std::string query_of(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace ciyuan::cli
