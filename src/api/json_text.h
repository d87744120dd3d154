// A JSON value that is kept as text. A stranger's JSON needs twenty to sixty times its size once it is parsed into
// objects, so whatever is only stored and passed on stays text. Pure.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/strict_json.h"
#include "base/error.h"

namespace modelrun::api {

// A JSON value as the text that json_text() gives: no spaces, members sorted by name. Two are equal if their texts are.
// Copies share the text, which never changes.
class JsonText {
 public:
  JsonText();  // null
  // Not explicit, so that a value can be assigned where its text is kept.
  JsonText(const nlohmann::json& value);  // NOLINT(google-explicit-constructor)

  // REQUIRES: `text` is a text that this class or compact_strict() made.
  static JsonText from_compact(std::string text);

  [[nodiscard]] const std::string& text() const { return *text_; }
  [[nodiscard]] std::size_t size() const { return text_->size(); }  // in bytes
  // Needs many times the memory of the text while the value lives.
  [[nodiscard]] nlohmann::json parse() const;

  friend bool operator==(const JsonText& a, const JsonText& b) { return a.text_ == b.text_ || *a.text_ == *b.text_; }

 private:
  explicit JsonText(std::string text);

  std::shared_ptr<const std::string> text_;
};

// Reads `text` by the rules of parse_strict(), with the same errors, and returns it as a JsonText, without building the
// value: needs memory of a small multiple of the text's size. A duplicate key is found at the end of its object: a text
// with another mistake before that gives the error of the other. limits.max_values is not applied.
Result<JsonText> compact_strict(std::string_view text, const JsonLimits& limits = {});

// canonical_json() of the value, in as little memory as compact_strict().
std::string canonical_json(const JsonText& value);

}  // namespace modelrun::api
