#include "report/sheet.h"

#include <gtest/gtest.h>

namespace ciyuan::report {
namespace {

Json invoice_of(int lines) {
  Json invoice = parse_json(R"({
    "kind":"Invoice","name":"lantern-2026-000007","v":"ciyuan/invoice/v1",
    "issuer":{"name":"lantern","title":{"en":"Lantern Compute","zh":"灯塔算力"},"tax_id":"91310000MA1FL0XX0X",
      "address":{"en":"8 Harbour Road\nShanghai","zh":"上海市海港路8号"},"bank":{"en":"Bank of Examples 6222 0000"}},
    "recipient":{"name":"harbor","title":{"en":"Harbor <Trading> & \"Co\"","zh":"海港贸易"}},
    "contract":{"name":"demo","digest":"00","version":1},
    "period":{"from":"2026-10-31T16:00:00Z","to":"2026-11-30T16:00:00Z","name":"2026-11","utc_offset_minutes":480},
    "issued":"2026-12-01T02:03:04.5Z","due":"2026-12-31","due_days":30,"dispute_days":15,
    "usage_currency":"CNY","currency":"CNY","calls":"1234567","ciyuan":"1234567.5",
    "sum":"1234.567891","rounding":{"mode":"half_even","decimals":2,"difference":"0.002109"},
    "net":"1234.57","taxes":[{"name":{"en":"VAT","zh":"增值税"},"percent":"6","base":"1234.57","amount":"74.07"}],
    "tax":"74.07","gross":"1308.64","proof":{"records":"12","records_root":"ab","first_leaf":"3","last_leaf":"40"},
    "lines":[],"postings":[]})")
                     .value();
  for (int i = 0; i < lines; ++i)
    invoice["lines"].push_back({{"model", "model-" + std::to_string(i / 3)},
                                {"kind", i % 3 == 0   ? "input"
                                         : i % 3 == 1 ? "output"
                                                      : "request"},
                                {"quantity", "1000000"},
                                {"unit_price", "0.000002"},
                                {"amount", "2.000001"}});
  return invoice;
}

TEST(Sheet, prices_are_read_by_the_million_and_points_stand_under_each_other) {
  Json invoice = invoice_of(1);
  invoice["lines"].push_back({{"model", "model-0"},
                              {"kind", "output"},
                              {"quantity", "5"},
                              {"unit_price", "0.0000008"},
                              {"amount", "0.000004"},
                              {"adjustment", true}});
  Sheet sheet = sheet_of(invoice).value();
  ASSERT_EQ(sheet.rows.size(), 3U);
  EXPECT_TRUE(sheet.rows[0].heading);
  EXPECT_EQ(sheet.rows[1].unit_price, "2.00");
  EXPECT_EQ(sheet.rows[2].unit_price, "0.80");
  EXPECT_EQ(sheet.rows[1].amount, "2.000001");
  EXPECT_EQ(sheet.rows[2].amount, "0.000004");
  EXPECT_NE(sheet.rows[2].first.en.find("(correction)"), std::string::npos);
  EXPECT_EQ(sheet.amount.value, "CNY 1,308.64");
}

TEST(Sheet, the_page_escapes_what_others_wrote) {
  std::string page = html_of(sheet_of(invoice_of(3)).value());
  EXPECT_EQ(page.find("<Trading>"), std::string::npos);
  EXPECT_NE(page.find("Harbor &lt;Trading&gt; &amp; &quot;Co&quot;"), std::string::npos);
  for (const char* wanted : {"lantern-2026-000007", "灯塔算力", "增值税", "1,308.64",
                             "2026-11-01 – 2026-11-30 (UTC+08:00)", "91310000MA1FL0XX0X"})
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  EXPECT_EQ(page, html_of(sheet_of(invoice_of(3)).value()));
}

TEST(Sheet, the_pdf_is_the_same_bytes_each_time_with_its_fonts_in_it) {
  Result<std::string> pdf = pdf_of(sheet_of(invoice_of(200)).value());
  if (!pdf.ok() && pdf.error().code == ErrorCode::kUnavailable) GTEST_SKIP() << pdf.error().text();
  ASSERT_TRUE(pdf.ok()) << pdf.error().text();
  EXPECT_TRUE(pdf->starts_with("%PDF-1.5"));
  EXPECT_NE(pdf->find("/FontFile"), std::string::npos);
  EXPECT_EQ(*pdf, pdf_of(sheet_of(invoice_of(200)).value()).value());
  std::size_t pages = 0;
  for (std::size_t at = 0; (at = pdf->find("/Type /Page %", at)) != std::string::npos; ++at) ++pages;
  EXPECT_GE(pages, 5U);
  EXPECT_LE(pages, 12U);
}

TEST(Sheet, a_paper_that_lacks_a_member_is_named) {
  Json invoice = invoice_of(1);
  invoice.erase("taxes");
  Result<Sheet> sheet = sheet_of(invoice);
  ASSERT_FALSE(sheet.ok());
  EXPECT_EQ(sheet.error().path, "lantern-2026-000007");
  EXPECT_NE(sheet.error().message.find("taxes"), std::string::npos);
}

}  // namespace
}  // namespace ciyuan::report
