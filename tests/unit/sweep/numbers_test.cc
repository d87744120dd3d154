// Numbers: exact decimals, the random generator, and functions that are the same on every machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sweep/decimal.h"
#include "sweep/elementary.h"
#include "sweep/exact_json.h"
#include "sweep/random.h"

namespace modelrun::sweep {
namespace {

using testing::ElementsAre;

Decimal decimal(std::string_view text) {
  const auto value = Decimal::parse(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(Decimal());
}

TEST(DecimalNumber, ReadsAndWritesJsonNumbers) {
  const struct {
    const char* text;
    const char* written;
  } rows[] = {
      {"0", "0"},
      {"-0.00", "0"},
      {"1.50", "1.5"},
      {"-12e2", "-1200"},
      {"1e21", "1e+21"},
      {"1e20", "100000000000000000000"},
      {"0.000001", "0.000001"},
      {"1.25e-7", "1.25e-7"},
      {"123456789012345678901234567890", "1.2345678901234567890123456789e+29"},
      {"0.12345678901234567890123", "0.12345678901234567890123"},
      {"5E+2", "500"},
  };
  for (const auto& row : rows) EXPECT_EQ(decimal(row.text).text(), row.written) << row.text;
  for (const char* text :
       {"", "-", "+1", ".5", "1.", "01", "1e", "1e+", "0x1", "1 ", "NaN", "1e99999", "1e2001", "1e-2001"}) {
    EXPECT_FALSE(Decimal::parse(text)) << text;
  }
  EXPECT_FALSE(Decimal::parse(std::string(Decimal::kMaxText + 1, '1')));
}

TEST(DecimalNumber, AddsExactly) {
  const struct {
    const char* a;
    const char* b;
    const char* sum;
  } rows[] = {
      {"0.1", "0.2", "0.3"},
      {"1", "-1", "0"},
      {"-0.5", "0.25", "-0.25"},
      {"999.9", "0.1", "1000"},
      {"1e30", "1e-5", "1.00000000000000000000000000000000001e+30"},
      {"5", "0", "5"},
      {"-7", "-8.5", "-15.5"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ((decimal(row.a) + decimal(row.b)).text(), row.sum);
    EXPECT_EQ((decimal(row.b) + decimal(row.a)).text(), row.sum);
    EXPECT_EQ((decimal(row.sum) - decimal(row.b)).text(), decimal(row.a).text());
  }
}

TEST(DecimalNumber, DividesToTheNearestDouble) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    // Exact in binary64, so that the machine's division is the nearest value, too.
    const auto top = static_cast<std::int64_t>(random() >> 12U) - (1LL << 51);
    const auto bottom = static_cast<std::uint32_t>(random() % 9999 + 1);
    const auto quotient = decimal(std::to_string(top)).over(bottom);
    ASSERT_TRUE(quotient);
    EXPECT_EQ(*quotient, static_cast<double>(top) / bottom) << top << "/" << bottom;
  }
  EXPECT_EQ(decimal("1e400").over(3), std::nullopt);
  EXPECT_EQ(decimal("1e-400").over(3), 0.0);
  // Halfway between 1 and the next binary64: to even; a digit more: up.
  EXPECT_EQ(decimal("1.00000000000000011102230246251565404236316680908203125").to_double(), 1.0);
  EXPECT_EQ(decimal("1.000000000000000111022302462515654042363166809082031251").to_double(), 1 + 0x1p-52);
}

TEST(DecimalNumber, RoundsToEven) {
  const struct {
    const char* text;
    int places;
    const char* rounded;
  } rows[] = {{"0.125", 2, "0.12"}, {"0.135", 2, "0.14"}, {"0.1251", 2, "0.13"}, {"-0.5", 0, "0"},   {"1.5", 0, "2"},
              {"9.99", 1, "10"},    {"1234", -2, "1200"}, {"1250", -2, "1200"},  {"0.04", 1, "0"},   {"0.06", 1, "0.1"},
              {"0.5", 0, "0"},      {"51", -2, "100"},    {"4", -2, "0"},        {"1.25", 5, "1.25"}};
  for (const auto& row : rows) EXPECT_EQ(decimal(row.text).rounded(row.places).text(), row.rounded) << row.text;
}

TEST(ExactJson, GivesTheValuesOfObjectsAndLists) {
  const auto text = exact_text(R"( {"b": [1.0, "]\"}", {"x": []}, [] ], "a\"\u0001": {"k":-2e5}, "": null} )");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, R"({"":null,"a\"\u0001":{"k":-2e5},"b":[1.0,"]\"}",{"x":[]},[]]})");
  const auto members = members_of(*text);
  ASSERT_EQ(members.size(), 3);
  EXPECT_EQ(members[1].name, "a\"\x01");
  EXPECT_EQ(members[1].value, R"({"k":-2e5})");
  EXPECT_THAT(elements_of(members[2].value), ElementsAre("1.0", R"("]\"}")", R"({"x":[]})", "[]"));
  EXPECT_EQ(string_of(elements_of(members[2].value)[1]), "]\"}");
  EXPECT_TRUE(members_of("{}").empty());
  EXPECT_TRUE(elements_of("[]").empty());
}

// From the known answers of Random123 (kat_vectors).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_THAT(philox4x64({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x16554d9eca36314cU, 0xdb20fe9d672d0fdcU, 0xd7e772cee186176bU, 0x7e68b68aec7ba23bU));
  constexpr auto kAll = ~std::uint64_t{0};
  EXPECT_THAT(philox4x64({kAll, kAll, kAll, kAll}, {kAll, kAll}),
              ElementsAre(0x87b092c3013fe90bU, 0x438c3c67be8d0224U, 0x9cc7d7c69cd777b6U, 0xa09caebf594f0ba0U));
}

TEST(Elementary, IsWithinOneUnitInTheLastPlace) {
  std::mt19937_64 random(3);
  const auto units = [](double got, long double wanted) {
    const double near = std::abs(static_cast<double>(wanted));
    return std::abs(static_cast<long double>(got) - wanted) / (std::nextafter(near, INFINITY) - near);
  };
  for (int i = 0; i < 20'000; ++i) {
    const double u = (static_cast<double>(random() >> 12U) + 0.5) * 0x1p-52;
    EXPECT_LT(units(portable_log(u), std::log(static_cast<long double>(u))), 1.0) << u;
    const double wide = std::ldexp(u, static_cast<int>(random() % 2000) - 1000);
    EXPECT_LT(units(portable_log(wide), std::log(static_cast<long double>(wide))), 1.0) << wide;
    const double x = (u - 0.5) * 1400;
    EXPECT_LT(units(portable_exp(x), std::exp(static_cast<long double>(x))), 1.0) << x;
  }
}

TEST(Elementary, TheNormalQuantileInvertsTheDistribution) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    const double scale = std::ldexp(1.0, -static_cast<int>(random() % 50));
    const double p = (static_cast<double>(random() >> 12U) + 0.5) * 0x1p-53 * scale;
    const long double back = 0.5L * std::erfc(-static_cast<long double>(normal_quantile(p)) / std::sqrt(2.0L));
    EXPECT_NEAR(static_cast<double>(back / p), 1.0, 5e-14) << p;
    const double half = static_cast<double>(random() >> 12U) * 0x1p-53;
    if (half > 0) {
      EXPECT_EQ(normal_quantile(half), -normal_quantile(1 - half)) << half;
    }
  }
  EXPECT_EQ(normal_quantile(0.5), 0);
}

}  // namespace
}  // namespace modelrun::sweep
