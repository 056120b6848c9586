#pragma once

/// The members of one object of a method document, each read once by name, type and bounds; the first fault
/// is kept with its JSON pointer, and a member that nobody asked for is one.

#include <set>
#include <string>

#include "base/amount.h"
#include "base/json.h"

namespace ciyuan::measure {

class Fields {
 public:
  /// `object` must outlive this.
  Fields(const Json& object, std::string path);

  std::string text(const char* name, bool required);
  /// A whole number; `otherwise` where it is not given and not required.
  std::int64_t whole(const char* name, std::int64_t least, std::int64_t most, bool required,
                     std::int64_t otherwise = 0);
  /// A decimal that is not negative, in quotes or a whole number; zero where it is not given.
  Amount decimal(const char* name, int scale, bool required);
  /// "YYYY-MM-DD".
  std::string date(const char* name, bool required);
  /// The member, or null; whoever asks reads it.
  const Json* member(const char* name);

  bool has(const char* name) const { return object_.is_object() && object_.contains(name); }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  void fault(const std::string& name, std::string message);
  /// The first fault; else kInvalid for a member that was not read: it `belongs` nowhere here.
  Status done(const std::string& belongs);

 private:
  const Json* find(const char* name, bool required);

  const Json& object_;
  std::string path_;
  std::set<std::string> read_;
  Status first_;
};

}  // namespace ciyuan::measure
