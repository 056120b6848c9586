#include "measure/profiles.h"

#include <mutex>

#include "base/file.h"
#include "measure/internal/profile.h"
#include "measure/plain_counter.h"
#include "token/user_vocabularies.h"
#include "token/vocabulary_set.h"

namespace ciyuan::measure {
namespace {

constexpr std::size_t kProfilesMax = 4096;
constexpr std::size_t kManifestBytesMax = 1 << 20;
constexpr std::string_view kOpenAiChat = "openai_chat";

struct TemplateFile {
  std::string source, bos_token, eos_token;
};

Result<TemplateFile> find_template(const std::string& folder, std::string_view name) {
  CIYUAN_TRY(std::string text, read_file(folder + "/templates/manifest.json", kManifestBytesMax));
  CIYUAN_TRY(Json manifest, parse_json(text));
  for (const Json& entry : manifest.value("templates", Json::array())) {
    bool named = entry.value("name", std::string()) == name;
    for (const Json& alias : entry.value("aliases", Json::array()))
      named = named || alias == Json(std::string(name));
    if (!named) continue;
    TemplateFile found;
    CIYUAN_TRY(found.source, read_file(folder + "/templates/" + entry.value("file", std::string()),
                                       jinja::kTemplateBytesMax));
    if (to_hex(sha256(found.source)) != entry.value("sha256", std::string()))
      return Error{ErrorCode::kCorrupt,
                   "the chat template \"" + std::string(name) + "\" is not the one its manifest names",
                   folder};
    found.bos_token = entry.value("bos_token", std::string());
    found.eos_token = entry.value("eos_token", std::string());
    return found;
  }
  return Error{ErrorCode::kNotFound, "there is no chat template \"" + std::string(name) + "\"", "template"};
}

Status check_pins(const Method& method, const LoadedProfile& profile, std::string_view chat_template) {
  return method.check_pins(profile.model, profile.counter_name, profile.tokenizer_digest, chat_template,
                           profile.template_digest);
}

}  // namespace

std::int64_t count_plain(const Method& method, std::string_view text) {
  PlainCounter counter(method.basis(), method.characters());
  counter.add(text);
  return counter.count();
}

struct Profiles::State {
  explicit State(std::string the_folder)
      : folder(the_folder.empty() ? token::VocabularySet::standard().folder() : std::move(the_folder)),
        vocabularies(folder, token::user_vocabulary_folder()) {}
  Result<std::shared_ptr<const Profile>> load(const Method& method, std::string_view model,
                                              std::string_view tokenizer, std::string_view chat_template);

  std::string folder;
  token::VocabularySet vocabularies;
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const Profile>, std::less<>> loaded;
};

Result<std::shared_ptr<const Profile>> Profiles::State::load(const Method& method, std::string_view model,
                                                             std::string_view tokenizer,
                                                             std::string_view chat_template) {
  CIYUAN_TRY_STATUS(method.covers(model));
  auto profile = std::make_shared<LoadedProfile>();
  profile->method = method;
  profile->model = model;
  bool native = method.basis() == Basis::kNative || method.basis() == Basis::kProviderReported;
  if (native || method.basis() == Basis::kReference) {
    CIYUAN_TRY(profile->vocabulary,
               vocabularies.find(native ? std::string(tokenizer) : method.reference_tokenizer()));
    profile->tokenizer_digest = to_hex(profile->vocabulary->digest());
    profile->counter_name = profile->vocabulary->name();
  } else {
    profile->counter_name = name_of(method.basis());
  }
  if (!native) {
    CIYUAN_TRY_STATUS(check_pins(method, *profile, ""));
    return std::shared_ptr<const Profile>(profile);
  }
  if (chat_template == kOpenAiChat) {
    profile->rule = PromptRule::kOpenAiChat;
  } else if (!chat_template.empty()) {
    CIYUAN_TRY(TemplateFile file, find_template(folder, chat_template));
    CIYUAN_TRY(jinja::Template compiled, jinja::Template::compile(file.source));
    profile->chat_template.emplace(std::move(compiled));
    profile->template_digest = to_hex(sha256(file.source));
    profile->bos_token = std::move(file.bos_token);
    profile->eos_token = std::move(file.eos_token);
    profile->rule = PromptRule::kTemplate;
  }
  CIYUAN_TRY_STATUS(check_pins(method, *profile, chat_template));
  return std::shared_ptr<const Profile>(profile);
}

Profiles::Profiles(std::string data_folder) : state_(std::make_unique<State>(std::move(data_folder))) {}
Profiles::~Profiles() = default;

Result<std::shared_ptr<const Profile>> Profiles::profile(const Method& method, const Digest& method_digest,
                                                         std::string_view model, std::string_view tokenizer,
                                                         std::string_view chat_template) {
  std::string key(text_of(method_digest));
  for (std::string_view part : {model, tokenizer, chat_template}) key.append(1, '\0').append(part);
  std::lock_guard lock(state_->mutex);
  if (auto found = state_->loaded.find(key); found != state_->loaded.end()) return found->second;
  CIYUAN_TRY(auto profile, state_->load(method, model, tokenizer, chat_template));
  // Documents that come and go must not fill the memory; calls in flight keep what they hold.
  if (state_->loaded.size() >= kProfilesMax) state_->loaded.clear();
  state_->loaded.emplace(std::move(key), profile);
  return profile;
}

}  // namespace ciyuan::measure
