// JSON values at random, for tests of parsers.
#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::fakes {

// A word of JSON's own characters, or one of a few that come again and again, so that names repeat.
inline std::string random_word(std::mt19937_64& random) {
  using nlohmann::json;
  static const std::vector<std::string> kNames{"a",  "b", "B",    "a b", "\"q\"", "\\",
                                               "/~", "ü", "\x01", "",    "zz",    "a\nb"};
  if (random() % 2 == 0) return kNames[random() % kNames.size()];
  std::string text;
  for (auto left = random() % 6; left > 0; --left) text += std::string_view("a\"\\/{}[],:\n\x01 é")[random() % 14];
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

// A value that is nested no deeper than `depth`; the names of its members need escapes and come in any order.
inline nlohmann::json random_value(std::mt19937_64& random, int depth) {
  using nlohmann::json;
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3:
      return static_cast<double>(random() % 1'000'000) / 8;
    case 4:
      return random_word(random);
    case 5:
      return 1e300 * static_cast<double>(random() % 3);
    case 6: {
      json array = json::array();
      for (auto left = random() % 5; left > 0; --left) array.push_back(random_value(random, depth - 1));
      return array;
    }
    default: {
      json object = json::object();
      for (auto left = random() % 6; left > 0; --left) object[random_word(random)] = random_value(random, depth - 1);
      return object;
    }
  }
}

}  // namespace modelrun::fakes
