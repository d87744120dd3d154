#include "sweep/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace modelrun::sweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> parameters_of(const Points& points) {
  std::vector<std::string> texts;
  for (const auto& point : points.points) texts.push_back(point.parameters);
  return texts;
}

Points must_expand(std::string_view space, std::string_view base = "") {
  const auto decoded = decode_space(space);
  EXPECT_TRUE(decoded) << space << ": " << decoded.error().message;
  if (!decoded) return {};
  auto points = expand(*decoded, base);
  EXPECT_TRUE(points) << space << ": " << points.error().message;
  if (!points) return {};
  EXPECT_EQ(points->points.size(), point_count(*decoded));
  return *std::move(points);
}

Error refusal(std::string_view space, std::string_view base = "") {
  const auto decoded = decode_space(space);
  if (!decoded) return decoded.error();
  const auto points = expand(*decoded, base);
  EXPECT_FALSE(points) << space;
  return points ? Error{} : points.error();
}

TEST(Expand, GridChangesItsLastAxisFastest) {
  const auto points = must_expand(R"({"grid":[{"name":"b","values":[1,2]},{"name":"a","values":["x",null,true]}]})",
                                  R"({"z":0, "a":7})");
  EXPECT_THAT(parameters_of(points),
              ElementsAre(R"({"a":"x","b":1,"z":0})", R"({"a":null,"b":1,"z":0})", R"({"a":true,"b":1,"z":0})",
                          R"({"a":"x","b":2,"z":0})", R"({"a":null,"b":2,"z":0})", R"({"a":true,"b":2,"z":0})"));
  EXPECT_THAT(points.names, ElementsAre("b", "a"));
  EXPECT_THAT(points.points[4].values, ElementsAre("2", "null"));
  EXPECT_FALSE(points.points[4].axis);
}

TEST(Expand, OneAtATimeBeginsWithTheBase) {
  const auto points =
      must_expand(R"({"oneAtATime":[{"name":"a","values":[1,3]},{"name":"b","values":[5]}]})", R"({"a":2})");
  EXPECT_THAT(parameters_of(points), ElementsAre(R"({"a":2})", R"({"a":1})", R"({"a":3})", R"({"a":2,"b":5})"));
  EXPECT_THAT(points.points[0].values, ElementsAre("2", ""));
  EXPECT_THAT(points.points[3].values, ElementsAre("2", "5"));
  EXPECT_EQ(points.points[0].axis, std::nullopt);
  EXPECT_EQ(points.points[2].axis, 0);
  EXPECT_EQ(points.points[3].axis, 1);
}

TEST(Expand, PointsReplaceWhatTheyName) {
  const auto points = must_expand(R"({"points":[{"a":{"x":1}},{},{"/a/y":null,"b":[]}]})", R"({"a":{"x":0,"y":0}})");
  EXPECT_THAT(parameters_of(points),
              ElementsAre(R"({"a":{"x":1}})", R"({"a":{"x":0,"y":0}})", R"({"a":{"x":0,"y":null},"b":[]})"));
  EXPECT_THAT(points.names, ElementsAre("/a/y", "a", "b"));
  EXPECT_THAT(points.points[0].values, ElementsAre("", R"({"x":1})", ""));  // not the y of the base
  EXPECT_THAT(points.points[1].values, ElementsAre("0", R"({"x":0,"y":0})", ""));
  EXPECT_THAT(points.points[2].values, ElementsAre("null", R"({"x":0,"y":null})", "[]"));
}

TEST(Expand, PointersLeadIntoObjectsAndLists) {
  const auto points = must_expand(
      R"({"grid":[{"name":"/m/0/rate","values":[0.5]},{"name":"/new/deep","values":[1]},{"name":"/a~1b~0","values":[2]},
                  {"name":"/","values":[3]}]})",
      R"({"m":[{"rate":1,"kept":2},3]})");
  EXPECT_THAT(parameters_of(points), ElementsAre(R"({"":3,"a/b~":2,"m":[{"kept":2,"rate":0.5},3],"new":{"deep":1}})"));
}

TEST(Expand, KeepsEveryDigitThatIsWritten) {
  const auto points =
      must_expand(R"({"grid":[{"name":"a","values":[0.10,1E5,0.1000000000000000055511151231257827,"é\u0041"]}]})",
                  R"({"b":1.0,"c":[1.50]})");
  EXPECT_THAT(parameters_of(points), ElementsAre(R"({"a":0.10,"b":1.0,"c":[1.50]})", R"({"a":1E5,"b":1.0,"c":[1.50]})",
                                                 R"({"a":0.1000000000000000055511151231257827,"b":1.0,"c":[1.50]})",
                                                 R"({"a":"éA","b":1.0,"c":[1.50]})"));
}

TEST(Expand, RangesHaveTheNearestValuesOfTheDecimalNumbers) {
  const struct {
    const char* range;
    std::vector<std::string> values;
  } rows[] = {
      {R"("from":0.06,"to":0.12,"count":7)", {"0.06", "0.07", "0.08", "0.09", "0.1", "0.11", "0.12"}},
      {R"("from":0,"to":1,"count":11)", {"0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"}},
      {R"("from":1,"to":0,"count":4)", {"1", "0.6666666666666666", "0.3333333333333333", "0"}},
      {R"("from":-1,"to":1,"count":3)", {"-1", "0", "1"}},
      {R"("from":1e300,"to":-1e-300,"count":3)", {"1e+300", "5e+299", "-1e-300"}},
      {R"("from":1e21,"to":1e-7,"count":2)", {"1e+21", "1e-7"}},
  };
  for (const auto& row : rows) {
    const auto points = must_expand(std::string(R"({"grid":[{"name":"a",)") + row.range + "}]}");
    std::vector<std::string> values;
    for (const auto& point : points.points) values.push_back(point.values[0]);
    EXPECT_EQ(values, row.values) << row.range;
  }
}

TEST(Expand, SamplesAreTheSameOnEveryMachine) {
  const auto points = must_expand(
      R"({"sample":{"count":3,"seed":7,"method":"Random","axes":[{"name":"growth","normal":{"mean":0.05,"stddev":0.01}},
          {"name":"fx","uniform":{"low":0.9,"high":1.2}},{"name":"n","choice":{"values":["a","b"],"weights":[1,3]}}]}})");
  // As tests/sweep/reference.py has them.
  EXPECT_THAT(parameters_of(points), ElementsAre(R"({"fx":1.0198233763612308,"growth":0.053719160331706484,"n":"b"})",
                                                 R"({"fx":0.9054276718358506,"growth":0.04516633181153238,"n":"b"})",
                                                 R"({"fx":1.0596292658000381,"growth":0.06759075398944507,"n":"a"})"));
}

TEST(Expand, AnAxisKeepsItsValuesWhateverElseThereIs) {
  for (const char* method : {"Random", "LatinHypercube"}) {
    const auto space = [&](const std::string& axes) {
      return must_expand(
          fmt::format(R"({{"sample":{{"count":20,"seed":1,"method":"{}","axes":[{}]}}}})", method, axes));
    };
    const std::string a = R"({"name":"a","uniform":{"low":0,"high":1}})";
    const std::string b = R"({"name":"b","uniform":{"low":0,"high":1}})";
    const auto alone = space(a);
    const auto first = space(a + "," + b);
    const auto last = space(b + "," + a);
    int same = 0;
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(alone.points[i].values[0], first.points[i].values[0]);
      EXPECT_EQ(alone.points[i].values[0], last.points[i].values[1]);
      same += first.points[i].values[0] == first.points[i].values[1] ? 1 : 0;
    }
    EXPECT_EQ(same, 0) << "two axes share their numbers";
  }
}

TEST(Expand, ALatinHypercubeHasOnePointInEachStratum) {
  for (const int count : {1, 2, 7, 1000, 10'000}) {
    const auto points = must_expand(
        fmt::format(R"({{"sample":{{"count":{},"axes":[{{"name":"a","uniform":{{"low":0,"high":1}}}}]}}}})", count));
    std::vector<int> seen(static_cast<std::size_t>(count), 0);
    for (const auto& point : points.points) {
      const double value = std::stod(point.values[0]);
      ASSERT_TRUE(value >= 0 && value < 1) << value;
      ++seen[static_cast<std::size_t>(value * count)];
    }
    EXPECT_THAT(seen, testing::Each(1)) << count;
  }
}

TEST(Expand, ExtremeNumbersStayFinite) {
  for (const char* distribution : {R"("normal":{"mean":1e300,"stddev":1e300})", R"("lognormal":{"mu":500,"sigma":20})",
                                   R"("lognormal":{"mu":-500,"sigma":20})", R"("uniform":{"low":-1e300,"high":1e300})",
                                   R"("triangular":{"low":-1e300,"mode":1e300,"high":1e300})",
                                   R"("triangular":{"low":0,"mode":0,"high":5e-324})"}) {
    const auto points = must_expand(fmt::format(
        R"({{"sample":{{"count":10000,"method":"LatinHypercube","axes":[{{"name":"a",{}}}]}}}})", distribution));
    for (const auto& point : points.points) {
      ASSERT_NE(point.values[0], "null") << distribution;
      ASSERT_TRUE(nlohmann::json::accept(point.parameters)) << point.parameters;
    }
  }
}

TEST(DecodeSpace, SaysWhichFieldIsWrong) {
  const auto sample = [](const std::string& axis) {
    return R"({"sample":{"count":2,"axes":[{"name":"a",)" + axis + "}]}}";
  };
  const struct {
    std::string space;
    const char* message;
  } rows[] = {
      {"", "space: "},
      {"[]", "space: must be an object, not a list"},
      {"{}", "space: must have exactly one of grid, oneAtATime, points and sample, not none"},
      {R"({"grid":[{"name":"a","values":[1]}],"points":[{}]})", "not several"},
      {R"({"gird":[]})", "space.gird: there is no such field; there are: grid, oneAtATime, points, sample"},
      {R"({"grid":{}})", "space.grid: must be a list, not an object"},
      {R"({"grid":[]})", "space.grid: must not be empty"},
      {R"({"grid":[1]})", "space.grid[0]: must be an object, not a number"},
      {R"({"grid":[{"values":[1]}]})", "space.grid[0].name: is missing"},
      {R"({"grid":[{"name":5,"values":[1]}]})", "space.grid[0].name: must be a text, not a number"},
      {R"({"grid":[{"name":"","values":[1]}]})", "space.grid[0].name: must not be empty"},
      {R"({"grid":[{"name":"/a~2","values":[1]}]})", "space.grid[0].name: '~' must be followed by 0 or 1"},
      {R"({"grid":[{"name":"a","values":[1]},{"name":"/a/b","values":[1]}]})",
       "space.grid[1].name: '/a/b' changes the same place as 'a' of element 0"},
      {R"({"grid":[{"name":"/a/b","values":[1]},{"name":"a","values":[1]}]})", "changes the same place"},
      {R"({"grid":[{"name":"a"}]})", "space.grid[0]: has no values: give either values, or from, to and count"},
      {R"({"grid":[{"name":"a","values":[1],"count":3}]})", "space.grid[0]: has both a list and a range"},
      {R"({"grid":[{"name":"a","values":[]}]})", "space.grid[0].values: must not be empty"},
      {R"({"grid":[{"name":"a","values":[1,2,1]}]})", "space.grid[0].values[2]: is the same as element 0"},
      {R"({"grid":[{"name":"a","from":1,"count":3}]})", "space.grid[0].to: is missing"},
      {R"({"grid":[{"name":"a","from":1,"to":1,"count":3}]})", "space.grid[0].to: must differ from `from`"},
      {R"({"grid":[{"name":"a","from":"1","to":1,"count":3}]})", "space.grid[0].from: must be a number, not a text"},
      {R"({"grid":[{"name":"a","from":1e301,"to":1,"count":3}]})", "space.grid[0].from: must be from -1e300 to 1e300"},
      {R"({"grid":[{"name":"a","from":0,"to":1,"count":1}]})",
       "space.grid[0].count: must be a whole number from 2 to 10000, not 1"},
      {R"({"grid":[{"name":"a","from":0,"to":1,"count":2.5}]})", "not 2.5"},
      {R"({"grid":[{"name":"a","values":[1],"step":2}]})",
       "space.grid[0].step: there is no such field; there are: name, values, from, to, count"},
      {R"({"points":[1]})", "space.points[0]: must be an object, not a number"},
      {R"({"points":[{"a":1,"/a":2}]})", "space.points[0]: 'a' changes the same place as 'a'"},
      {R"({"points":[{"b":0},{"/a/b":1,"a":2}]})", "space.points[1]: '/a/b' changes the same place as 'a'"},
      {R"({"points":[{"/a~":1}]})", "space.points: name '/a~': '~' must be followed"},
      {R"({"sample":{"axes":[]}})", "space.sample.count: is missing"},
      {R"({"sample":{"count":0,"axes":[]}})", "space.sample.count: must be a whole number from 1 to 10000, not 0"},
      {R"({"sample":{"count":2}})", "space.sample.axes: is missing"},
      {R"({"sample":{"count":2,"seed":-1,"axes":[]}})", "space.sample.seed: must be a whole number from 0 to "},
      {R"({"sample":{"count":2,"method":"Sobol","axes":[]}})",
       "space.sample.method: must be LatinHypercube or Random, not 'Sobol'"},
      {sample(R"("normal":{"mean":1})"), "space.sample.axes[0].normal.stddev: is missing"},
      {sample(R"("normal":{"mean":1,"stddev":0})"), "space.sample.axes[0].normal.stddev: must be greater than 0"},
      {sample(R"("normal":{"mean":1,"stddev":1,"sd":1})"), "axes[0].normal.sd: there is no such field"},
      {sample(R"("uniform":{"low":1,"high":1})"), "space.sample.axes[0].uniform.high: must be greater than low"},
      {sample(R"("triangular":{"low":1,"mode":3,"high":2})"), "triangular.mode: must be from low to high"},
      {sample(R"("triangular":{"low":2,"mode":2,"high":2})"), "triangular.high: must be greater than low"},
      {sample(R"("lognormal":{"mu":501,"sigma":1})"), "lognormal.mu: must be from -500 to 500"},
      {sample(R"("lognormal":{"mu":1,"sigma":21})"), "lognormal.sigma: must be greater than 0 and at most 20"},
      {sample(R"("choice":{"values":[1,2],"weights":[1]})"),
       "choice.weights: must be one for each of the 2 values, not 1"},
      {sample(R"("choice":{"values":[1],"weights":[0]})"), "choice.weights[0]: must be from 0.000001 to 1000000"},
      {sample(R"("values":[1])"), "axes[0].values: there is no such field"},
      {R"({"sample":{"count":2,"axes":[{"name":"a"}]}})", "space.sample.axes[0]: has no distribution: give one of"},
      {sample(R"("normal":{"mean":1,"stddev":1},"uniform":{"low":1,"high":2})"), "has two distributions"},
      {R"({"grid":[{"name":"a","values":[1e999]}]})", "overflows a double"},
      {R"({"grid":[{"name":"a","values":[1],"values":[2]}]})", "duplicate key"},
  };
  for (const auto& row : rows) {
    const auto error = refusal(row.space);
    EXPECT_EQ(error.kind, ErrorKind::kInvalid) << row.space;
    EXPECT_THAT(error.message, HasSubstr(row.message)) << row.space;
  }
}

TEST(Expand, RefusesWhatDoesNotFit) {
  const auto with_count = [](const std::string& count) {
    return R"({"grid":[{"name":"a","from":0,"to":1,"count":)" + count +
           R"(},{"name":"b","from":0,"to":1,"count":101}]})";
  };
  EXPECT_THAT(refusal(with_count("100")).message, HasSubstr("has 10100 points, where at most 10000 are allowed"));
  EXPECT_EQ(refusal(with_count("100")).kind, ErrorKind::kTooLarge);
  EXPECT_EQ(must_expand(with_count("99")).points.size(), 9999);

  const std::string large(2000, 'x');
  const auto base = R"({"text":")" + large + R"("})";
  const std::string thousand = R"({"grid":[{"name":"a","from":0,"to":1,"count":1000}]})";
  const auto error = refusal(thousand, base);
  EXPECT_EQ(error.kind, ErrorKind::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("of 1000 points have more than 1048576 bytes as JSON: have fewer points"));

  const auto huge = R"({"text":")" + std::string(kMaxPointBytes, 'x') + R"("})";
  EXPECT_THAT(refusal(thousand, huge).message, HasSubstr("the parameters of point 0 have 65"));
  EXPECT_EQ(decode_space(std::string(kMaxSpaceBytes + 1, ' ')).error().kind, ErrorKind::kTooLarge);
}

TEST(Expand, RefusesNamesThatLeadNowhere) {
  const std::string through = R"({"grid":[{"name":"/a/b","values":[1]}]})";
  EXPECT_THAT(refusal(through, R"({"a":5})").message,
              HasSubstr("parameter '/a/b' of point 0: there is no 'b' in a number"));
  EXPECT_THAT(refusal(through, R"({"a":[5]})").message,
              HasSubstr("'b' is no index of the list there, which has 1 elements"));
  EXPECT_THAT(refusal(through, "[1]").message, HasSubstr("parameters: must be an object, not a list"));
  EXPECT_THAT(refusal(through, "{").message, HasSubstr("parameters: "));
}

TEST(Expand, ManyDifferentNamesAreRefused) {
  nlohmann::json points = nlohmann::json::array();
  for (int i = 0; i < 65; ++i) points.push_back({{"n" + std::to_string(i), 1}});
  EXPECT_THAT(refusal(nlohmann::json({{"points", points}}).dump()).message, HasSubstr("more than 64 different names"));
}

}  // namespace
}  // namespace modelrun::sweep
