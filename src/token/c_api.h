#pragma once

/* Counting tokens from C, and from every language that calls C. See vocabulary.h and incremental_counter.h,
 * of which this is a thin coat.
 *
 *   char why[256];
 *   ciyuan_vocabulary* vocabulary = ciyuan_vocabulary_find("o200k", why, sizeof why);
 *   if (vocabulary == NULL) { fputs(why, stderr); return 2; }
 *   int64_t tokens = ciyuan_count(vocabulary, text, size);
 *   ciyuan_vocabulary_free(vocabulary);
 *
 * Texts are bytes with a length, need no ending NUL and may hold any bytes: what is not UTF-8 counts as
 * vocabulary.h says. Nothing here fails but where it says so, and nothing throws or aborts; out of memory
 * ends the process, as in the rest of the library.
 *
 * Threads: any number may share a vocabulary. A counter belongs to one thread at a time.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ciyuan_vocabulary ciyuan_vocabulary;
typedef struct ciyuan_counter ciyuan_counter;

/* By name ("o200k", "qwen3", …), from the data folder. NULL: `why` holds one line that says so, cut at
 * `why_size` bytes with its NUL; it may be NULL. */
ciyuan_vocabulary* ciyuan_vocabulary_find(const char* name, char* why, size_t why_size);
/* From the content of a vocabulary file (vocabulary_file.h), packed with zstd or not. NULL: as above. */
ciyuan_vocabulary* ciyuan_vocabulary_parse(const char* file, size_t size, char* why, size_t why_size);
void ciyuan_vocabulary_free(ciyuan_vocabulary* vocabulary);

/* Lives as long as the vocabulary. */
const char* ciyuan_vocabulary_name(const ciyuan_vocabulary* vocabulary);
/* SHA-256 of the unpacked file: 32 bytes. */
void ciyuan_vocabulary_digest(const ciyuan_vocabulary* vocabulary, uint8_t* digest);
/* One more than the largest id. */
uint32_t ciyuan_vocabulary_size(const ciyuan_vocabulary* vocabulary);

/* Ordinary text; the second form takes what looks like an added token for one. */
int64_t ciyuan_count(const ciyuan_vocabulary* vocabulary, const char* text, size_t size);
int64_t ciyuan_count_with_specials(const ciyuan_vocabulary* vocabulary, const char* text, size_t size);

/* Writes up to `room` ids, and returns how many there are. `ends`, unless NULL, gets as many numbers: the
 * byte after each token, in the text as it is tokenized: the text itself, where that is UTF-8 (and, for
 * vocabularies that normalise, in form NFC). */
size_t ciyuan_encode(const ciyuan_vocabulary* vocabulary, const char* text, size_t size, uint32_t* ids,
                     size_t* ends, size_t room);
/* The same, with what looks like an added token taken for one. */
size_t ciyuan_encode_with_specials(const ciyuan_vocabulary* vocabulary, const char* text, size_t size,
                                   uint32_t* ids, size_t room);
/* Writes up to `room` bytes of the tokens' text, and returns how many there are; -1: an id is not in the
 * vocabulary, and nothing was written. */
ptrdiff_t ciyuan_decode(const ciyuan_vocabulary* vocabulary, const uint32_t* ids, size_t count, char* text,
                        size_t room);

/* Bytes of the longest beginning of the text, up to the end of a character, that is at most so many tokens.
 */
size_t ciyuan_longest_prefix(const ciyuan_vocabulary* vocabulary, const char* text, size_t size,
                             int64_t tokens_max);

/* A text that arrives in pieces, cut anywhere. It keeps the vocabulary alive by itself. */
ciyuan_counter* ciyuan_counter_new(const ciyuan_vocabulary* vocabulary);
void ciyuan_counter_free(ciyuan_counter* counter);
void ciyuan_counter_append(ciyuan_counter* counter, const char* bytes, size_t size);
int64_t ciyuan_counter_count(const ciyuan_counter* counter);
/* Bytes of `delta` that can be appended while the count stays at most `tokens_max`. */
size_t ciyuan_counter_longest_prefix(const ciyuan_counter* counter, const char* delta, size_t size,
                                     int64_t tokens_max);

#ifdef __cplusplus
}
#endif
