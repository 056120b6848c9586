#include "measure/media_size.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"

namespace ciyuan::measure {
namespace {

Json samples() {
  auto text = read_file(CIYUAN_SOURCE_DIR "/tests/measure/media.json", 1 << 20);
  EXPECT_TRUE(text.ok());
  return parse_json(*text)->at("files");
}

std::string decoded(const MediaBytes& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) out += static_cast<char>(bytes.at(i).value_or('?'));
  return out;
}

// Files that other programs wrote.
TEST(MediaSize, reads_what_others_wrote) {
  for (const Json& file : samples()) {
    const std::string base64 = file.at("base64");
    const std::string raw = decoded(MediaBytes::from_base64(base64));
    for (const MediaBytes& bytes : {MediaBytes::from_base64(base64), MediaBytes::from_bytes(raw)}) {
      const auto size = file.contains("width") ? std::optional(ImageSize{file.at("width"), file.at("height")})
                                               : std::nullopt;
      const auto length = file.contains("units")
                              ? std::optional(Duration{file.at("units"), file.at("per_second")})
                              : std::nullopt;
      const auto pages =
          file.contains("pages") ? std::optional<std::int64_t>(file.at("pages")) : std::nullopt;
      EXPECT_EQ(image_size(bytes), size) << file.at("name");
      EXPECT_EQ(sound_duration(bytes), length) << file.at("name");
      EXPECT_EQ(document_pages(bytes), pages) << file.at("name");
    }
  }
}

TEST(MediaSize, base64_is_read_where_it_stands) {
  // RFC 4648 §10, and the URL-safe alphabet.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"Zg==", "f"},
                                                         {"Zm8=", "fo"},
                                                         {"Zm9v", "foo"},
                                                         {"Zg", "f"},
                                                         {"Zm8", "fo"},
                                                         {"Zm9vYg==", "foob"},
                                                         {"Zm9vYmE=", "fooba"},
                                                         {"+/+/", "\xFB\xFF\xBF"},
                                                         {"-_-_", "\xFB\xFF\xBF"}};
  for (const auto& [base64, text] : vectors)
    EXPECT_EQ(decoded(MediaBytes::from_base64(base64)), text) << base64;
  EXPECT_EQ(MediaBytes::from_base64("Zm 9v").at(1), std::nullopt);
  EXPECT_EQ(MediaBytes::from_base64("Z").size(), 0U);
  EXPECT_EQ(MediaBytes::from_base64("====").at(0), std::nullopt);
}

TEST(MediaSize, a_cut_file_has_no_size_and_never_another_one) {
  for (const Json& file : samples()) {
    if (!file.contains("width")) continue;
    const std::string raw = decoded(MediaBytes::from_base64(file.at("base64").get_ref<const std::string&>()));
    const auto whole = image_size(MediaBytes::from_bytes(raw));
    for (std::size_t size = 0; size < std::min<std::size_t>(raw.size(), 400); ++size) {
      const auto cut = image_size(MediaBytes::from_bytes(std::string_view(raw).substr(0, size)));
      EXPECT_TRUE(!cut || cut == whole) << file.at("name") << " " << size;
    }
  }
}

TEST(MediaSize, what_is_not_plainly_readable_has_no_size) {
  using namespace std::string_literals;
  const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s;
  const std::string faults[] = {
      "",
      "text",
      png,
      png + "\0\0\0\0\0\0\0\1"s,                                        // no width
      png + "\x7F\xFF\xFF\xFF\0\0\0\1"s,                                // no service takes this side
      "\xFF\xD8\xFF\xC0\0\x0B\x08\0\0\0\x10"s,                          // lines are told later
      "\xFF\xD8\xFF\xDA\0\x08"s,                                        // a scan before any frame
      "\xFF\xD8\xFF\xE0\0\0"s,                                          // a segment of no length
      "\xFF\xD8\xFF\xE0\0\x02X"s,                                       // no marker behind it
      "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\x01\0\0\x9D\x01\x2A\x10\0\x10\0"s,  // no key frame
      "RIFF\0\0\0\0WEBPVP9 "s};
  for (const std::string& bytes : faults) EXPECT_EQ(image_size(MediaBytes::from_bytes(bytes)), std::nullopt);
  // Fill bytes and parameterless markers forever.
  EXPECT_EQ(image_size(MediaBytes::from_bytes("\xFF\xD8" + std::string(1 << 20, '\xFF'))), std::nullopt);
}

TEST(MediaSize, a_wav_says_its_length_by_frames) {
  using namespace std::string_literals;
  const std::string head = "RIFF\0\0\0\0WAVE"s;
  const std::string format =
      "fmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0"s;  // 8 kHz, 16 bit
  auto duration = [&](const std::string& chunks) {
    return sound_duration(MediaBytes::from_bytes(head + chunks));
  };
  EXPECT_EQ(duration(format + "data\x04\0\0\0abcd"s), (Duration{2, 8000}));
  EXPECT_EQ(duration("LIST\x03\0\0\0abc\0"s + format + "data\x04\0\0\0abcd"s), (Duration{2, 8000}));
  EXPECT_EQ(duration(format + "data\xFF\xFF\xFF\xFF"s
                              "abcdef"s),
            (Duration{3, 8000}));
  EXPECT_EQ(duration(format + "data\0\0\0\0abcd"s), (Duration{2, 8000}));
  EXPECT_EQ(duration("data\x04\0\0\0abcd"s), std::nullopt);
  EXPECT_EQ(duration(format), std::nullopt);
  std::string lying = format;
  lying[20] = 8;  // frames of eight bytes that hold one sample of two
  EXPECT_EQ(duration(lying + "data\x04\0\0\0abcd"s), std::nullopt);
}

TEST(MediaSize, pages_are_page_objects_not_nodes_of_their_tree) {
  auto pages = [](const std::string& body) {
    return document_pages(MediaBytes::from_bytes("%PDF-1.4\n" + body));
  };
  EXPECT_EQ(pages("<</Type/Pages/Count 2>> <</Type/Page>> <</Type /Page /Parent 1 0 R>>"), 2);
  EXPECT_EQ(pages("<</Type/ObjStm>>"), std::nullopt);
  EXPECT_EQ(pages("<</Type/PageLabel>>"), std::nullopt);
  EXPECT_EQ(document_pages(MediaBytes::from_bytes("<</Type/Page>>")), std::nullopt);
}

TEST(MediaSize, no_bytes_break_it) {
  std::mt19937 random(11);
  const Json files = samples();
  for (int round = 0; round < 20'000; ++round) {
    std::string raw = decoded(
        MediaBytes::from_base64(files[random() % files.size()].at("base64").get_ref<const std::string&>()));
    raw.resize(std::min<std::size_t>(raw.size(), 300));
    for (int change = 0; change < 4; ++change) raw[random() % raw.size()] = static_cast<char>(random());
    const MediaBytes bytes = MediaBytes::from_bytes(raw);
    if (const auto size = image_size(bytes)) {
      EXPECT_GE(std::min(size->width, size->height), 1);
      EXPECT_LE(std::max(size->width, size->height), kSideMax);
    }
    if (const auto length = sound_duration(bytes)) {
      EXPECT_GE(length->units, 0);
      EXPECT_GT(length->per_second, 0);
    }
  }
}

}  // namespace
}  // namespace ciyuan::measure
