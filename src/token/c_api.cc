#include "token/c_api.h"

#include <algorithm>

#include "token/incremental_counter.h"
#include "token/internal/c_vocabulary.h"

using namespace ciyuan::token;

struct ciyuan_counter {
  IncrementalCounter counter;
};

namespace {

std::string_view view(const char* text, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(text, size);
}

std::size_t copy_ids(const std::vector<TokenId>& found, uint32_t* ids, std::size_t room) {
  std::copy_n(found.data(), std::min(room, found.size()), ids);
  return found.size();
}

}  // namespace

ciyuan_vocabulary* ciyuan_vocabulary_parse(const char* file, size_t size, char* why, size_t why_size) {
  return internal::to_c(Vocabulary::parse(view(file, size)), why, why_size);
}

void ciyuan_vocabulary_free(ciyuan_vocabulary* vocabulary) { delete vocabulary; }

const char* ciyuan_vocabulary_name(const ciyuan_vocabulary* vocabulary) {
  return vocabulary->shared->name().c_str();
}

void ciyuan_vocabulary_digest(const ciyuan_vocabulary* vocabulary, uint8_t* digest) {
  std::ranges::copy(vocabulary->shared->digest(), digest);
}

uint32_t ciyuan_vocabulary_size(const ciyuan_vocabulary* vocabulary) { return vocabulary->shared->size(); }

int64_t ciyuan_count(const ciyuan_vocabulary* vocabulary, const char* text, size_t size) {
  return vocabulary->shared->count(view(text, size)).value;
}

int64_t ciyuan_count_with_specials(const ciyuan_vocabulary* vocabulary, const char* text, size_t size) {
  return vocabulary->shared->count_with_specials(view(text, size)).value;
}

size_t ciyuan_encode(const ciyuan_vocabulary* vocabulary, const char* text, size_t size, uint32_t* ids,
                     size_t* ends, size_t room) {
  if (ends == nullptr) return copy_ids(vocabulary->shared->encode(view(text, size)), ids, room);
  const std::vector<Piece> pieces = vocabulary->shared->encode_with_ends(view(text, size));
  for (std::size_t i = 0; i < std::min(room, pieces.size()); ++i) {
    ids[i] = pieces[i].id;
    ends[i] = pieces[i].end;
  }
  return pieces.size();
}

size_t ciyuan_encode_with_specials(const ciyuan_vocabulary* vocabulary, const char* text, size_t size,
                                   uint32_t* ids, size_t room) {
  return copy_ids(vocabulary->shared->encode_with_specials(view(text, size)), ids, room);
}

ptrdiff_t ciyuan_decode(const ciyuan_vocabulary* vocabulary, const uint32_t* ids, size_t count, char* text,
                        size_t room) {
  const auto decoded = vocabulary->shared->decode(std::span<const TokenId>(ids, count));
  if (!decoded.ok()) return -1;
  std::copy_n(decoded->data(), std::min(room, decoded->size()), text);
  return static_cast<ptrdiff_t>(decoded->size());
}

size_t ciyuan_longest_prefix(const ciyuan_vocabulary* vocabulary, const char* text, size_t size,
                             int64_t tokens_max) {
  return IncrementalCounter(vocabulary->shared).longest_prefix(view(text, size), Tokens{tokens_max});
}

ciyuan_counter* ciyuan_counter_new(const ciyuan_vocabulary* vocabulary) {
  return new ciyuan_counter{IncrementalCounter(vocabulary->shared)};
}

void ciyuan_counter_free(ciyuan_counter* counter) { delete counter; }

void ciyuan_counter_append(ciyuan_counter* counter, const char* bytes, size_t size) {
  counter->counter.append(view(bytes, size));
}

int64_t ciyuan_counter_count(const ciyuan_counter* counter) { return counter->counter.count().value; }

size_t ciyuan_counter_longest_prefix(const ciyuan_counter* counter, const char* delta, size_t size,
                                     int64_t tokens_max) {
  return counter->counter.longest_prefix(view(delta, size), Tokens{tokens_max});
}
