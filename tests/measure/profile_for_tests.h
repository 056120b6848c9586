#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/json.h"
#include "measure/profiles.h"

namespace ciyuan::measure {

/// A method of one member or a few beside its name.
inline Method method_with(const std::string& members) {
  auto method =
      Method::from_json(Json::parse(R"({"name": "m")" + (members.empty() ? "" : ", " + members) + "}"));
  EXPECT_TRUE(method.ok()) << method.error().text();
  return *method;
}

inline Profiles& test_profiles() {
  static Profiles profiles(CIYUAN_SOURCE_DIR "/data");
  return profiles;
}

/// The members are part of the key that profiles are kept by.
inline std::shared_ptr<const Profile> profile_with(const std::string& members, const std::string& tokenizer,
                                                   const std::string& chat_template) {
  auto profile =
      test_profiles().profile(method_with(members), sha256(members), "model", tokenizer, chat_template);
  EXPECT_TRUE(profile.ok()) << profile.error().text();
  return *profile;
}

}  // namespace ciyuan::measure
