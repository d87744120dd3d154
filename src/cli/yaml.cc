#include "cli/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace modelrun::cli {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 100;
constexpr int kMaxNodes = 100'000;

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

std::optional<json> word(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                          "True", "TRUE", "on",  "On",  "ON"};
  static constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                           "False", "FALSE", "off", "Off", "OFF"};
  if (one_of(text, kNull)) return json(nullptr);
  if (one_of(text, kTrue)) return json(true);
  if (one_of(text, kFalse)) return json(false);
  return std::nullopt;
}

enum class Parsed { kNo, kYes, kOutOfRange };

// Accepts decimal, 0x, 0o, 0b and, as in YAML 1.1, octal with a leading 0. Underscores are ignored, except that a
// text that begins with one is no number.
Parsed integer(std::string_view text, std::int64_t& value) {
  if (text.starts_with('_')) return Parsed::kNo;
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '_'; });
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  const auto prefix = [&](std::string_view lower, std::string_view upper, int with) {
    if (!rest.starts_with(lower) && !rest.starts_with(upper)) return false;
    rest.remove_prefix(2);
    base = with;
    return true;
  };
  if (!prefix("0x", "0X", 16) && !prefix("0o", "0O", 8) && !prefix("0b", "0B", 2) && rest.size() > 1 &&
      rest[0] == '0') {
    base = 8;
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), magnitude, base);
  if (rest.empty() || end != rest.data() + rest.size() || error == std::errc::invalid_argument) return Parsed::kNo;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error != std::errc{} || magnitude > kMax + (negative ? 1 : 0)) return Parsed::kOutOfRange;
  value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return Parsed::kYes;
}

Parsed real(std::string_view text, double& value) {
  static constexpr std::array<std::string_view, 15> kNotFinite{
      ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", "", "", ""};
  if (!text.empty() && one_of(text, kNotFinite)) return Parsed::kOutOfRange;
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::string_view unsigned_text = text.substr(text.starts_with('-') ? 1 : 0);
  if (unsigned_text.empty() || unsigned_text.find_first_of("0123456789") == std::string_view::npos) return Parsed::kNo;
  if (unsigned_text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return Parsed::kNo;
  if (unsigned_text[0] != '.' && (unsigned_text[0] < '0' || unsigned_text[0] > '9')) return Parsed::kNo;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return Parsed::kNo;
  return error == std::errc{} && std::isfinite(value) ? Parsed::kYes : Parsed::kOutOfRange;
}

class Converter {
 public:
  Result<json> convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) return refuse(node, "nested deeper than 100 levels");
    if (++nodes_ > kMaxNodes) return refuse(node, "more than 100000 values");
    if (node.IsMap()) return map(node, depth);
    if (node.IsSequence()) return sequence(node, depth);
    if (node.IsScalar()) return scalar(node);
    return json(nullptr);
  }

 private:
  [[nodiscard]] std::unexpected<Error> refuse(const YAML::Node& node, std::string_view why) const {
    return fail(ErrorKind::kInvalid, "line {}, column {}{}{}: {}", node.Mark().line + 1, node.Mark().column + 1,
                path_.empty() ? "" : ", ", fmt::join(path_, "."), why);
  }

  Result<json> map(const YAML::Node& node, int depth) {
    json object = json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return refuse(entry.first, "a key must be plain text");
      if (entry.first.Scalar() == "<<" && entry.first.Tag() == "?") {
        return refuse(entry.first, "merge keys (<<) are not supported");
      }
      const auto named = key_of(entry.first);
      RETURN_IF_ERROR(named);
      const auto& key = *named;
      if (object.contains(key)) return refuse(entry.first, "the key '" + key + "' stands here twice");
      path_.push_back(key);
      auto value = convert(entry.second, depth + 1);
      if (!value) return value;
      path_.pop_back();
      object[key] = std::move(*value);
    }
    return object;
  }

  // What is no text becomes one in the way of kubectl: `on` is "true", 017 is "15".
  Result<std::string> key_of(const YAML::Node& node) {
    const auto value = scalar(node);
    RETURN_IF_ERROR(value);
    if (value->is_string()) return value->get<std::string>();
    if (value->is_boolean() || value->is_number_integer()) return value->dump();
    if (value->is_number()) {
      // kubectl writes such a number anew, from 32 bits. It is taken if it comes out as it stands here.
      const auto number = value->get<double>();
      if (std::abs(number) < 1e6 && fmt::format("{}", static_cast<float>(number)) == node.Scalar())
        return node.Scalar();
    }
    return refuse(node, "the key " + node.Scalar() + " is no text: quote it");
  }

  Result<json> sequence(const YAML::Node& node, int depth) {
    json array = json::array();
    for (const auto& item : node) {
      auto value = convert(item, depth + 1);
      if (!value) return value;
      array.push_back(std::move(*value));
    }
    return array;
  }

  Result<json> scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    // yaml-cpp gives a quoted scalar the tag "!" and a plain one, whose type is to be resolved, "?". Others are
    // explicit.
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return json(text);
    if (!node.Tag().empty() && node.Tag() != "?") return refuse(node, "the tag " + node.Tag() + " is not supported");
    if (auto known = word(text)) return *known;
    std::int64_t whole = 0;
    const auto as_integer = integer(text, whole);
    if (as_integer == Parsed::kYes) return json(whole);
    if (as_integer == Parsed::kOutOfRange) return refuse(node, text + " is outside the range of int64: quote it");
    double value = 0;
    const auto as_real = real(text, value);
    if (as_real == Parsed::kOutOfRange) return refuse(node, text + " is not a number that JSON can hold: quote it");
    return as_real == Parsed::kYes ? json(value) : json(text);
  }

  int nodes_ = 0;
  std::vector<std::string> path_;  // the keys that lead to the node
};

// Whether every reader takes the plain `text` for a text: letters first, and none of the words of YAML 1.1.
bool is_plain(std::string_view text) {
  constexpr std::string_view kOthers = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  const auto first = text.empty() ? '0' : text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
  return letter && text.find_first_not_of(kOthers) == std::string_view::npos && !word(text);
}

std::string scalar_text(const json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void write_node(const json& value, std::size_t indent, std::string& out);

// `value` behind the ':' of a key or the '-' of an item.
void write_child(const json& value, std::size_t indent, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += '\n';
    write_node(value, indent, out);
  } else {
    out += ' ' + scalar_text(value) + '\n';
  }
}

void write_node(const json& value, std::size_t indent, std::string& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, child] : value.items()) {
      out += std::string(indent, ' ') + scalar_text(key) + ':';
      write_child(child, indent + 2, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const auto& child : value) {
      out += std::string(indent, ' ') + '-';
      write_child(child, indent + 2, out);
    }
  } else {
    out += scalar_text(value) + '\n';
  }
}

}  // namespace

Result<std::vector<json>> parse_yaml(std::string_view text) {
  std::vector<json> documents;
  try {
    for (const auto& node : YAML::LoadAll(std::string(text))) {
      if (node.IsNull() || !node.IsDefined()) continue;
      auto document = Converter().convert(node, 0);
      RETURN_IF_ERROR(document);
      documents.push_back(std::move(*document));
    }
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::kInvalid, "line {}, column {}: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  return documents;
}

std::string to_yaml(const json& value) {
  std::string out;
  write_node(value, 0, out);
  return out;
}

}  // namespace modelrun::cli
