#include "token/c_api.h"
#include "token/internal/c_vocabulary.h"
#include "token/vocabulary_set.h"

// Apart from c_api.cc, since packages for other languages (packages/) bring their vocabularies themselves,
// and so need neither folders nor what reads them.

using namespace ciyuan::token;

ciyuan_vocabulary* ciyuan_vocabulary_find(const char* name, char* why, size_t why_size) {
  return internal::to_c(VocabularySet::standard().find(name), why, why_size);
}
